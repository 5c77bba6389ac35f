import { anyRevision, channelOf, nowMs, presenceLock, writeLock } from './schema.ts'

/**
 * The functions that write, each with the format in its name that brought it. All do the same with a write; a write that is
 * alone in its group is spared the arrays, and answered with one value: as a row it would cost the server a tenth more.
 * A write that is refused takes no revision and harms no other.
 *
 *     write_2     a group
 *     create_3    a create that is alone
 *     replace_3   an update or a delete that is alone
 *
 * Whoever writes holds the store's write lock until the commit, and tells of its revisions if any other session is present
 * that may have to hear of them. Being present is a lock, too, shared by all who are: to find out, a writer tries to have it
 * for itself alone, and keeps it until the commit if it can, so that nobody who comes meanwhile misses anything.
 */
export const functionsOfFormat2 = (schema: string): string => createGroupFunction(schema)
export const functionsOfFormat3 = (schema: string): string => `
  ${createLoneCreateFunction(schema)}
  ${createLoneReplaceFunction(schema)}
`

/**
 * Element `i` of each array belongs to write `i`; one row comes back for each, in order. Replaced values come back up to
 * `room` bytes in all: the answer is sent before the commit, and a client that stopped reading must not keep the lock.
 */
const createGroupFunction = (schema: string): string => `
  CREATE FUNCTION "${schema}".write_2(
    kinds smallint[], targets bytea[], contents bytea[], wanted_revisions bigint[], ttls bigint[],
    group_stamp bigint, room bigint
  ) RETURNS TABLE (
    outcome smallint, at bigint, created bigint, replaced bigint, replaced_value bytea
  ) LANGUAGE plpgsql AS $write$
  DECLARE
    kind smallint;
    target bytea;
    content bytea;
    wanted bigint;
    ttl bigint;
    ${variables}
    start bigint;
  BEGIN
    ${begin(schema)}
    start := head;
    FOR i IN 1 .. cardinality(targets) LOOP
      kind := kinds[i];
      target := targets[i];
      content := contents[i];
      wanted := wanted_revisions[i];
      ttl := ttls[i];
      ${write(schema)}
      RETURN NEXT;
    END LOOP;
    IF head > start THEN
      ${tell(schema)}
    END IF;
  END $write$;
`

/** Answers with the revision; 0 when the key exists. */
const createLoneCreateFunction = (schema: string): string => `
  CREATE FUNCTION "${schema}".create_3(
    target bytea, content bytea, ttl bigint, group_stamp bigint
  ) RETURNS bigint LANGUAGE plpgsql AS $write$
  DECLARE
    head bigint;
    locked text;
  BEGIN
    ${begin(schema)}
    head := head + 1;
    INSERT INTO "${schema}".live VALUES (target, head, ${dueMs}) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      RETURN 0;
    END IF;
    INSERT INTO "${schema}".log VALUES (head, 0, head, group_stamp, 0, target, content);
    ${tell(schema)}
    RETURN head;
  END $write$;
`

/**
 * Answers with the columns of `write_2` one after the other, the first of 2 bytes, the numbers of 8; before the value is
 * another byte, so that one that is empty is told from one that is not given. A refusal ends behind the second.
 */
const createLoneReplaceFunction = (schema: string): string => `
  CREATE FUNCTION "${schema}".replace_3(
    kind smallint, target bytea, content bytea, wanted bigint, ttl bigint, group_stamp bigint, room bigint
  ) RETURNS bytea LANGUAGE plpgsql AS $write$
  DECLARE
    ${variables}
    outcome smallint;
    at bigint;
    created bigint;
    replaced bigint;
    replaced_value bytea;
  BEGIN
    ${begin(schema)}
    at := head + 1;
    due := ${dueMs};
    ${replace(schema)}
    IF outcome <> 0 THEN
      RETURN int2send(outcome) || int8send(coalesce(at, 0));
    END IF;
    head := at;
    ${tell(schema)}
    RETURN int2send(outcome) || int8send(at) || int8send(created) || int8send(replaced)
      || coalesce(decode('00', 'hex') || replaced_value, '');
  END $write$;
`

const variables = `
    head bigint;
    due bigint;
    size bigint;
    found_log bigint;
    returned bigint := 0;
    locked text;`

const dueMs = `CASE WHEN ttl > 0 THEN ${nowMs} + 1 + ttl END`

/** Assignments, because plpgsql evaluates them without the executor; a statement that follows sees what is committed by then. */
const begin = (schema: string): string => `
    locked := pg_advisory_xact_lock(${writeLock(schema)});
    SELECT l.revision INTO head FROM "${schema}".log l ORDER BY l.revision DESC LIMIT 1;
    head := coalesce(head, 0);`

const tell = (schema: string): string => `
      IF NOT pg_try_advisory_xact_lock(${presenceLock(schema)}) THEN
        PERFORM pg_notify('${channelOf(schema)}', head::text);
      END IF;`

/** Carries out one write, from the variables `kind`, `target`, `content`, `wanted` and `ttl`. One statement for each change. */
const write = (schema: string): string => `
      outcome := 0;
      at := head + 1;
      created := at;
      replaced := 0;
      replaced_value := NULL;
      due := ${dueMs};
      IF kind = 0 THEN
        WITH added AS (
          INSERT INTO "${schema}".live VALUES (target, at, due) ON CONFLICT DO NOTHING RETURNING live.revision
        ) INSERT INTO "${schema}".log SELECT a.revision, 0, a.revision, group_stamp, 0, target, content FROM added a;
        outcome := CASE WHEN FOUND THEN 0 ELSE 1 END;
      ELSE
        ${replace(schema)}
      END IF;
      IF outcome = 0 THEN
        head := at;
      END IF;`

/** An update or a delete, from `at` and `due`, too. */
const replace = (schema: string): string => `
        SELECT v.revision, g.revision, g.create_revision, octet_length(g.value), CASE
            WHEN (kind = 2 AND returned = 0) OR returned + octet_length(g.value) <= room THEN g.value END
          INTO replaced, found_log, created, size, replaced_value
          FROM "${schema}".live v LEFT JOIN "${schema}".log g ON g.revision = v.revision WHERE v.key = target;
        outcome := CASE
          WHEN NOT FOUND THEN 2
          WHEN wanted <> ${anyRevision} AND wanted <> replaced THEN 3
          WHEN found_log IS NULL THEN 4
          WHEN kind = 2 AND replaced_value IS NULL THEN 5
          ELSE 0 END;
        IF outcome = 0 THEN
          IF kind = 1 THEN
            UPDATE "${schema}".live v SET revision = at, due_ms = due WHERE v.key = target;
          ELSE
            DELETE FROM "${schema}".live v WHERE v.key = target;
          END IF;
          INSERT INTO "${schema}".past VALUES (target, at, replaced);
          INSERT INTO "${schema}".log VALUES (at, replaced, created, group_stamp, kind, target, content);
          returned := returned + coalesce(octet_length(replaced_value), 0);
        ELSE
          at := replaced;
          replaced_value := NULL;
        END IF;`
