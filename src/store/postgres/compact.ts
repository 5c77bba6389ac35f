import type { Revision } from '../store.ts'
import { compactionLock, writeTypes } from './schema.ts'
import type { Session, Statement } from './session.ts'

// A step is one transaction: some 10 ms, so that a standby and vacuum keep up.
const stepRevisionsMax = 2_000

/** Forgets history. Any replica may; one at a time does. */
export interface Compactor {
  /** From now on, older revisions are refused, by all replicas. */
  mark(session: Session, before: Revision): Promise<void>
  /** Drops the rows that no revision needs any more, a bounded number. False when none is left, or another replica is at it. */
  step(session: Session): Promise<boolean>
}

export function createCompactor(schema: string): Compactor {
  const mark: Statement = {
    name: 'compact_mark',
    text: `UPDATE "${schema}".meta SET value = $1 WHERE name = 'compacted' AND value < $1`,
  }
  const step: Statement = { name: 'compact_step', text: stepText(schema) }
  return {
    async mark(session, before) {
      await session.query(mark, [before])
    },
    async step(session) {
      const [row] = await session.query(step, [stepRevisionsMax, writeTypes.indexOf('delete')])
      return row?.[0] === true
    },
  }
}

/**
 * What the revisions up to C replaced ends at or before C, so no readable revision shows it, and it goes; so do the
 * deletes themselves. The log's last row stays: the next revision is counted from it.
 */
const stepText = (schema: string): string => `
  WITH turn AS MATERIALIZED (
    SELECT f.value AS start,
      least(f.value + $1::bigint, c.value, (SELECT max(revision) FROM "${schema}".log) - 1) AS stop,
      least(c.value, (SELECT max(revision) FROM "${schema}".log) - 1) AS goal
    FROM "${schema}".meta f, "${schema}".meta c
    WHERE f.name = 'forgotten' AND c.name = 'compacted' AND pg_try_advisory_xact_lock(${compactionLock(schema)})
  ), head AS MATERIALIZED (
    SELECT l.revision, l.previous, l.type, l.key
    FROM turn t JOIN "${schema}".log l ON l.revision > t.start AND l.revision <= t.stop
    WHERE l.previous > 0
  ), replaced AS (
    DELETE FROM "${schema}".log l USING head h WHERE l.revision = h.previous
  ), ended AS (
    DELETE FROM "${schema}".past p USING head h WHERE p.key = h.key AND p.until = h.revision
  ), deletions AS (
    DELETE FROM "${schema}".log l USING head h WHERE l.revision = h.revision AND h.type = $2::smallint
  )
  UPDATE "${schema}".meta m SET value = t.stop FROM turn t
    WHERE m.name = 'forgotten' AND t.stop > t.start RETURNING t.stop < t.goal`
