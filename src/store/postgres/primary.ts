import { backoffMs } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/ids.ts'
import { isStoreError, StoreError } from '../store.ts'
import { isHopeless, unreachableError } from './postgres-errors.ts'
import { describeHosts, type Host, type PostgresTarget } from './postgres-url.ts'
import type { Row } from './prepared-query.ts'
import { openSession, type Session } from './session.ts'

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
  // A replica that is gone or stands still must not hold a lock or a snapshot for long.
  idle_in_transaction_session_timeout: '30s',
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
}

/**
 * A session on the server that takes writes, after trying all hosts in order, several times. Throws `unavailable` with
 * what the last of them said, at once when asking again can't help.
 */
export async function connectPrimary(options: PrimaryOptions, signal?: AbortSignal): Promise<Session> {
  const { clock, random, target, searchMsMax } = options
  const deadlineMs = clock.monotonicMs() + searchMsMax
  for (let round = 0; ; round++) {
    let why = ''
    let isWorthIt = false
    for (const host of target.hosts) {
      try {
        return await openVerified(options, host)
      } catch (error) {
        if (isStoreError(error)) throw error
        why = reasonOf(error)
        isWorthIt ||= !isHopeless(error)
      }
    }
    if (!isWorthIt) throw unreachableError(describeHosts(target), why)
    const waitMs = backoffMs(round, retry, random)
    if (signal?.aborted || clock.monotonicMs() + waitMs > deadlineMs)
      throw unreachableError(describeHosts(target), why)
    await clock.sleep(waitMs)
  }
}

async function openVerified(
  { clock, target, answerMsMax, verify }: PrimaryOptions,
  host: Host,
): Promise<Session> {
  const session = await openSession({ clock, target, host, answerMsMax })
  try {
    const [row] = await session.script(setUp(answerMsMax))
    checkServer(row)
    await verify(session)
    return session
  } catch (error) {
    await session.close()
    throw error
  }
}

function checkServer([version, isReadOnly]: Row = []): void {
  if (Number(version) < versionMin) {
    throw new StoreError(
      'invalid',
      `This PostgreSQL is version ${Math.floor(Number(version) / 10_000)}; Sampan needs 13 or later. Upgrade it, or name another one.`,
    )
  }
  // Not final: a standby may become the primary.
  if (isReadOnly === 'on') throw new Error('it takes no writes: a standby, or set to read-only')
}

/** Node tells of a name with several addresses in an error of errors. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ')
  return error instanceof Error ? error.message || error.name : String(error)
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
