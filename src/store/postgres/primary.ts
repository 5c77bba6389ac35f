import { backoffMs } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/ids.ts'
import { isStoreError, StoreError } from '../store.ts'
import { isHopeless, unreachableError } from './postgres-errors.ts'
import { describeHosts, type PostgresTarget } from './postgres-url.ts'
import { openSession, type Row, type Session, type SessionOptions } from './session.ts'

const retry = { baseMs: 50, factor: 2, capMs: 1_000, jitter: 0.5 }
const versionMin = 130_000

export interface PrimaryOptions {
  readonly clock: Clock
  readonly random: Random
  readonly target: PostgresTarget
  readonly answerMsMax: number
  /** For so long the hosts are tried again and again. */
  readonly searchMsMax: number
  /** Called with each new session before it is used; what it throws ends the search. */
  readonly verify: (session: Session) => Promise<void>
}

/**
 * Plans are the same whatever the statistics say: every statement walks an index, and a table that just grew must not
 * be scanned. Each statement is a transaction of its own that sees what was committed before it.
 */
const settings: Readonly<Record<string, string>> = {
  search_path: 'pg_catalog',
  bytea_output: 'hex',
  default_transaction_isolation: 'read committed',
  plan_cache_mode: 'force_generic_plan',
  jit: 'off',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_bitmapscan: 'off',
  enable_material: 'off',
  max_parallel_workers_per_gather: '0',
  idle_in_transaction_session_timeout: '30s',
}

/**
 * A session on the server that takes writes, after trying all hosts in order, several times. Throws `unavailable` with
 * what the last of them said, at once when asking again can't help.
 */
export async function connectPrimary(options: PrimaryOptions, signal?: AbortSignal): Promise<Session> {
  const { clock, random, target, searchMsMax, verify } = options
  const deadlineMs = clock.monotonicMs() + searchMsMax
  for (let round = 0; ; round++) {
    let why = ''
    for (const host of target.hosts) {
      try {
        const session = await openWritable({ clock, target, host, answerMsMax: options.answerMsMax })
        try {
          await verify(session)
          return session
        } catch (error) {
          await session.close()
          throw error
        }
      } catch (error) {
        if (isStoreError(error) && error.code !== 'unavailable') throw error
        why = error instanceof Error ? error.message || error.name : String(error)
        if (error instanceof AggregateError)
          why = error.errors.map(({ message }: Error) => message).join(', ')
        if (isHopeless(error)) throw unreachableError(describeHosts(target), why)
      }
    }
    const waitMs = backoffMs(round, retry, random)
    if (signal?.aborted || clock.monotonicMs() + waitMs > deadlineMs)
      throw unreachableError(describeHosts(target), why)
    await clock.sleep(waitMs)
  }
}

async function openWritable(options: SessionOptions): Promise<Session> {
  const session = await openSession(options)
  try {
    const [row] = await session.script(setUp(options.answerMsMax))
    checkServer(row)
    return session
  } catch (error) {
    await session.close()
    throw error
  }
}

function checkServer(row: Row | undefined): void {
  const [version, isReadOnly] = row ?? []
  if (Number(version) < versionMin) {
    throw new StoreError(
      'invalid',
      `This PostgreSQL is version ${Math.floor(Number(version) / 10_000)}; Sampan needs 13 or later. Upgrade it, or name another one.`,
    )
  }
  if (isReadOnly === 'on')
    throw new StoreError('unavailable', 'it takes no writes: a standby, or set to read-only')
}

/** One round trip. The server gives up a statement before this side gives up the server. */
function setUp(answerMsMax: number): string {
  const pairs = Object.entries({ ...settings, statement_timeout: `${Math.ceil(answerMsMax * 0.8)}ms` })
  const sets = pairs.map(([name, value]) => `SET ${name} = '${value}';`).join(' ')
  return `${sets}
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
    SELECT set_config('tcp_user_timeout', '${answerMsMax}', false);
    SELECT set_config('client_connection_check_interval', '1s', false)
      WHERE current_setting('server_version_num')::int >= 140000 AND version() LIKE '%linux%';
    SELECT current_setting('server_version_num')::int, current_setting('transaction_read_only')`
}
