import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/ids.ts'
import type { Logger } from '../../base/logger.ts'
import { isStoreError, type Revision } from '../store.ts'
import { checkDurability, migrate } from './migrate.ts'
import { createPool, type Pool } from './pool.ts'
import { translateError, wentBackError } from './postgres-errors.ts'
import type { Host, PostgresTarget } from './postgres-url.ts'
import { connectPrimary } from './primary.ts'
import type { Reader } from './read.ts'
import { presenceLock } from './schema.ts'
import type { Session } from './session.ts'
import { createTimelines } from './timelines.ts'

/** With the writer's and the tail's, ten connections of the server's (by default) hundred for a replica. */
const readersMax = 8
/** When Sampan and the database start together. */
const openSearchMsMax = 15_000

/** The sessions of a store: some that read, one that writes, and one that the tail opens for itself. */
export interface Connections extends AsyncDisposable {
  /** False when the server does not sync its commits. */
  readonly isDurable: boolean
  /** Runs `work` on a session; once more on another one if the first turns out to be lost. Throws a `StoreError`. */
  read<T>(work: (session: Session) => Promise<T>): Promise<T>
  /** The same, once: the outcome of a write on a lost session is unknown. */
  write<T>(work: (session: Session) => Promise<T>): Promise<T>
  /** Resolves when every other process tells of its writes from now on: the session that writes is there, and present. */
  attend(): Promise<void>
  /** A session for the caller alone, who closes it. */
  connect(signal: AbortSignal): Promise<Session>
  /** `check` looks at each new session before it is used. */
  onNewSession(check: (session: Session) => Promise<void>): void
  /** The newest revision seen, and its group's stamp. */
  remember(revision: Revision, stamp: string): void
  /** Throws `corrupt` unless the session's server has what is remembered. */
  checkHistory(session: Session, reader: Reader): Promise<void>
}

export interface ConnectionsOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly answerMsMax: number
  readonly searchMsMax: number
}

/** Connects, and brings the schema up to date. */
export async function openConnections(
  target: PostgresTarget,
  options: ConnectionsOptions,
): Promise<Connections> {
  const { clock, random, logger, answerMsMax, searchMsMax } = options
  const timelines = createTimelines(logger)
  const admit = (session: Session) => timelines.admit(session)
  await survey(target, (alone) =>
    connectPrimary({ clock, random, target: alone, answerMsMax, searchMsMax: 0, verify: admit }),
  )
  const first = await connectPrimary({
    clock,
    random,
    target,
    answerMsMax,
    searchMsMax: Math.max(searchMsMax, openSearchMsMax),
    async verify(session) {
      await admit(session)
      await migrate(session, target.schema)
    },
  })
  const isDurable = await checkDurability(first, logger)
  await first.close()

  let check = async (_session: Session) => {}
  const seen = { revision: 0, stamp: '' }
  const verify = async (session: Session) => {
    await admit(session)
    await check(session)
  }
  const connect = (signal: AbortSignal) =>
    connectPrimary({ clock, random, target, answerMsMax, searchMsMax, verify }, signal)
  let present: Session | undefined
  const connectPresent = async (signal: AbortSignal) =>
    (present = await bePresent(await connect(signal), target.schema))
  const waitMsMax = answerMsMax + searchMsMax
  const readers = createPool({ clock, sessionsMax: readersMax, waitMsMax, connect })
  const writer = createPool({ clock, sessionsMax: 1, waitMsMax, connect: connectPresent })
  return {
    isDurable,
    async read(work) {
      try {
        return await attempt(readers, work)
      } catch (error) {
        // A session that was lost while nobody used it shows at its next use.
        if (isLost(error)) return attempt(readers, work).catch(refuse('read'))
        return refuse('read')(error)
      }
    },
    write: (work) => attempt(writer, work).catch(refuse('write')),
    async attend() {
      if (!present || present.isLost) await writer.use(async () => {})
    },
    connect: (signal) => connect(signal),
    onNewSession(next) {
      check = next
    },
    remember(revision, stamp) {
      if (revision <= seen.revision) return
      seen.revision = revision
      seen.stamp = stamp
    },
    checkHistory: (session, reader) => checkHistory(session, { reader, schema: target.schema, seen }),
    async [Symbol.asyncDispose]() {
      await Promise.all([readers[Symbol.asyncDispose](), writer[Symbol.asyncDispose]()])
    },
  }
}

/** From now on, and until the session ends, others tell of what they write (see `write-functions.ts`). */
async function bePresent(session: Session, schema: string): Promise<Session> {
  try {
    await session.script(`SELECT pg_advisory_lock_shared(${presenceLock(schema)})`)
    return session
  } catch (error) {
    await session.close()
    throw error
  }
}

async function checkHistory(
  session: Session,
  {
    reader,
    schema,
    seen: { revision, stamp },
  }: {
    readonly reader: Reader
    readonly schema: string
    readonly seen: { readonly revision: Revision; readonly stamp: string }
  },
): Promise<void> {
  if (revision === 0) return
  const head = await reader.head(session)
  if (head.revision < revision) throw wentBackError(schema, revision, head.revision)
  const found = await reader.stamp(session, revision)
  // Rows that were compacted away tell nothing; the others are the same or another history.
  const isOther = found === undefined ? revision > head.compacted : found !== stamp
  if (isOther) throw wentBackError(schema, revision, head.revision)
}

/** Looks at all hosts at once: who has just started has yet to see the latest timeline. */
async function survey(
  target: PostgresTarget,
  connect: (alone: PostgresTarget) => Promise<Session>,
): Promise<void> {
  if (target.hosts.length < 2) return
  const look = async (host: Host) => (await connect({ ...target, hosts: [host] })).close()
  // A host that doesn't answer tells nothing; whether any does is said by the search that follows.
  await Promise.allSettled(target.hosts.map(look))
}

/** Tells a lost session from a server that refuses: the error of the former is not final for a read. */
class AttemptError extends Error {
  readonly isLost: boolean
  constructor(isSessionLost: boolean, cause: unknown) {
    super('an attempt failed', { cause })
    this.isLost = isSessionLost
  }
}
const isLost = (error: unknown): boolean => error instanceof AttemptError && error.isLost

const attempt = <T>(pool: Pool, work: (session: Session) => Promise<T>): Promise<T> =>
  pool.use((session) =>
    work(session).catch((cause: unknown) => {
      throw isStoreError(cause) ? cause : new AttemptError(session.isLost, cause)
    }),
  )

const refuse =
  (doing: 'read' | 'write') =>
  (error: unknown): never => {
    throw translateError(error instanceof AttemptError ? error.cause : error, doing)
  }
