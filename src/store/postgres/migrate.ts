import type { Logger } from '../../base/logger.ts'
import { StoreError } from '../store.ts'
import { createTables, formatVersion, migrationLock } from './schema.ts'
import type { Session } from './session.ts'
import { functionsOfFormat2, functionsOfFormat3 } from './write-functions.ts'

/**
 * Brings the schema to this version's format, creating it if need be. Replicas that start together take turns. Throws
 * `newer`, or `corrupt` when the schema holds someone else's tables.
 */
export async function migrate(session: Session, schema: string): Promise<void> {
  const format = await formatOf(session, schema)
  if (format === formatVersion) return
  // Held by the session, not by a transaction: one that began before the wait would look up names as they were then.
  await session.script(`SELECT pg_advisory_lock(${migrationLock(schema)})`)
  try {
    const found = await formatOf(session, schema)
    if (found === undefined) await refuseForeign(session, schema)
    if (found !== formatVersion)
      await run(session, found === undefined ? create(schema) : upgrade(schema, found))
  } finally {
    if (!session.isLost) await session.script(`SELECT pg_advisory_unlock(${migrationLock(schema)})`)
  }
}

const create = (schema: string): string => `
  CREATE SCHEMA IF NOT EXISTS "${schema}";
  ${createTables(schema)}
  ${functionsOfFormat2(schema)}
  ${functionsOfFormat3(schema)}`

/**
 * The tables stay as they are: no backup is needed. Replicas that run with an earlier format go on beside this one, with
 * its functions, until they are upgraded; those of format 1 learn of this one's writes when they poll, as they are not
 * present (see `write-functions.ts`).
 */
const upgrade = (schema: string, from: number): string => `
  ${from < 2 ? functionsOfFormat2(schema) : ''}
  ${functionsOfFormat3(schema)}
  UPDATE "${schema}".meta SET value = ${formatVersion} WHERE name = 'format'`

/** As one transaction, which several statements in one message are. */
async function run(session: Session, script: string): Promise<void> {
  try {
    await session.script(script)
  } catch (error) {
    if (session.isLost) throw error
    throw new StoreError(
      'unavailable',
      `The tables of Sampan could not be made in PostgreSQL (${messageOf(error)}). Grant the user CREATE on the database, or on the schema named in the URL.`,
      { cause: error },
    )
  }
}

async function formatOf(session: Session, schema: string): Promise<number | undefined> {
  const [exists] = await session.script(`SELECT to_regclass('"${schema}".meta') IS NOT NULL`)
  if (exists?.[0] !== true) return undefined
  const rows = await session
    .script(`SELECT value FROM "${schema}".meta WHERE name = 'format'`)
    .catch((cause: unknown) => {
      throw session.isLost ? cause : notOursError(schema)
    })
  const [row] = rows
  if (!row) throw notOursError(schema)
  const format = Number(row[0])
  if (format <= formatVersion) return format
  throw new StoreError(
    'newer',
    `PostgreSQL's schema ${schema} has format ${format}, written by a later Sampan; this one reads up to ${formatVersion}. Nothing was changed. Start the later version, or choose another schema with ?schema=NAME.`,
  )
}

async function refuseForeign(session: Session, schema: string): Promise<void> {
  const [found] = await session.script(
    `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '${schema}'`,
  )
  if (Number(found?.[0]) > 0) throw notOursError(schema)
}

const notOursError = (schema: string): StoreError =>
  new StoreError(
    'corrupt',
    `PostgreSQL's schema ${schema} holds tables that are not Sampan's. Nothing was changed. Choose another schema with ?schema=NAME.`,
  )

/** What the server's administrator decided about durability; told, because it may be meant. True when commits are synced. */
export async function checkDurability(session: Session, logger: Logger): Promise<boolean> {
  const [row] = await session.script(
    "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')",
  )
  const [fsync, fullPages, commit] = row ?? []
  if (fsync !== 'on')
    logger.warn(
      'PostgreSQL runs with fsync = off: a power loss may cost acknowledged writes, or the database',
    )
  if (fullPages !== 'on')
    logger.warn('PostgreSQL runs with full_page_writes = off: a power loss may damage the database')
  if (commit === 'local')
    logger.warn(
      'PostgreSQL commits locally: a failover may lose acknowledged writes, in spite of a synchronous standby',
    )
  return fsync === 'on'
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
