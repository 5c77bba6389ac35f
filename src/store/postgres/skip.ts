import { checkSkip } from '../bounds.ts'
import type { Revision } from '../store.ts'
import { channelOf, writeLock, writeTypes } from './schema.ts'
import type { Session } from './session.ts'

/**
 * Leaves out revisions: the log is emptied but for one row at `to`, a deletion of nothing, from which the next revision is
 * counted. It counts as compacted, so nobody reads it. Throws `invalid` unless there is nothing that any revision could show.
 */
export async function skipTo(
  session: Session,
  { schema, to, stamp }: { readonly schema: string; readonly to: Revision; readonly stamp: string },
): Promise<void> {
  await session.script('BEGIN')
  try {
    await session.script(`SELECT pg_advisory_xact_lock(${writeLock(schema)})`)
    const [row] = await session.script(`
      SELECT h.revision, m.value >= h.revision AND NOT EXISTS (SELECT FROM "${schema}".live)
      FROM (SELECT coalesce(max(revision), 0) AS revision FROM "${schema}".log) h, "${schema}".meta m
      WHERE m.name = 'compacted'`)
    checkSkip(to, { isEmpty: row?.[1] === true })
    if (to > Number(row?.[0])) await session.script(jump(schema, to, stamp))
    await session.script('COMMIT')
  } catch (error) {
    if (!session.isLost) await session.script('ROLLBACK')
    throw error
  }
}

const jump = (schema: string, to: Revision, stamp: string): string => `
  DELETE FROM "${schema}".log;
  DELETE FROM "${schema}".past;
  INSERT INTO "${schema}".log VALUES (${to}, 0, ${to}, ${stamp}, ${writeTypes.indexOf('delete')}, '', '');
  UPDATE "${schema}".meta SET value = ${to} WHERE name = 'compacted';
  UPDATE "${schema}".meta SET value = ${to - 1} WHERE name = 'forgotten';
  SELECT pg_notify('${channelOf(schema)}', '${to}')`
