import type { Clock } from '../base/clock.ts'
import { deadlineSignal } from '../base/deadline.ts'
import type { Random } from '../base/ids.ts'
import { describeError, type Logger } from '../base/logger.ts'
import { leases } from '../api/resources/leases.ts'
import type { Lease, LeaseSpec } from '../api/schema/types.gen.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../api/status.ts'
import type { Client } from './client.ts'

export interface LeaderElectionOptions {
  readonly client: Client
  /** Name of the Lease in `kube-system`. */
  readonly name: string
  /** Unique among all candidates for all time. */
  readonly identity: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly timing?: LeaderTiming
}

/**
 * Why there are never two leaders: a leader counts `renewDeadlineMs` from the moment it *sent* its last successful
 * renewal, a candidate counts `leaseMs` from the moment it *saw* that renewal, which is later; and renewDeadlineMs is
 * less than leaseMs by what clocks may drift apart and work in hand may need to end. Nobody compares another machine's
 * time with its own.
 */
export interface LeaderTiming {
  readonly leaseMs: number
  readonly renewDeadlineMs: number
  readonly retryMs: number
}

/** The next leader is at work within 12 s of the last one's death, and within 1.5 s of its end. */
export const leaderTiming: LeaderTiming = { leaseMs: 10_000, renewDeadlineMs: 7_000, retryMs: 1_000 }

const namespace = 'kube-system'

/**
 * Calls `lead` while this process holds the lease; its signal aborts when the lease is lost or `signal` aborts. Goes on
 * until `signal` aborts, and then gives the lease back, so that the next leader need not wait. Rejects, with the lease
 * given back, when `lead` does.
 */
export async function runElected(
  options: LeaderElectionOptions,
  lead: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, timing = leaderTiming } = options
  const candidate = createCandidate(options)
  try {
    while (!signal.aborted) {
      const sentMs = clock.monotonicMs()
      const hold = await tryHoldWithin(timing.renewDeadlineMs, candidate, clock, signal)
      if (hold === 'held' && !signal.aborted) await serve(options, { candidate, sentMs, lead, signal })
      await pause(clock, timing.retryMs * (1 + 0.2 * random.float()), signal)
    }
  } finally {
    await candidate.release()
  }
}

interface Term {
  readonly candidate: Candidate
  readonly sentMs: number
  readonly lead: (signal: AbortSignal) => Promise<void>
  readonly signal: AbortSignal
}

/** One term: ends when the lease is lost, when `lead` ends, or when `signal` aborts; in each case after `lead` has ended. */
async function serve(
  { name, clock, logger, timing = leaderTiming }: LeaderElectionOptions,
  { candidate, sentMs, lead, signal }: Term,
): Promise<void> {
  const over = new AbortController()
  const term = AbortSignal.any([over.signal, signal])
  logger.info('leading', { lease: name })
  const led = lead(term).finally(() => over.abort(new Error('the leader has ended')))
  led.catch(() => {}) // thrown by the `await` below
  await keepHolding(candidate, { clock, timing, sentMs }, term)
  if (!term.aborted) logger.warn('the lease is lost', { lease: name })
  over.abort(new Error(`the lease ${name} is lost`))
  await led
}

/** Renews until somebody else holds the lease, renewals have failed for `renewDeadlineMs`, or `signal` aborts. */
async function keepHolding(
  candidate: Candidate,
  {
    clock,
    timing,
    sentMs,
  }: { readonly clock: Clock; readonly timing: LeaderTiming; readonly sentMs: number },
  signal: AbortSignal,
): Promise<void> {
  let untilMs = sentMs + timing.renewDeadlineMs
  for (;;) {
    await pause(clock, Math.min(timing.retryMs, untilMs - clock.monotonicMs()), signal)
    const nextMs = clock.monotonicMs()
    if (signal.aborted || nextMs >= untilMs) return
    const hold = await tryHoldWithin(untilMs - nextMs, candidate, clock, signal)
    if (hold === 'lost') return
    if (hold === 'held') untilMs = nextMs + timing.renewDeadlineMs
  }
}

async function tryHoldWithin(
  ms: number,
  candidate: Candidate,
  clock: Clock,
  signal: AbortSignal,
): Promise<Hold> {
  using deadline = deadlineSignal(clock, ms, signal)
  return await candidate.tryHold(deadline.signal)
}

/** Ends early when `signal` aborts. */
const pause = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  clock.sleep(ms, signal).catch(() => {}) // aborted: every caller looks at the signal next

/** `lost`: somebody else has the lease for now; `unknown`: no answer, or a race. */
type Hold = 'held' | 'lost' | 'unknown'

interface Candidate {
  /** Takes or renews the lease. Never throws. */
  tryHold(signal: AbortSignal): Promise<Hold>
  /** Gives the lease back if it is ours. Never throws. */
  release(): Promise<void>
}

function createCandidate(options: LeaderElectionOptions): Candidate {
  const { client, name, identity, clock, logger, timing = leaderTiming } = options
  const api = client.resource<Lease>(leases)
  let seen: { readonly resourceVersion: string | undefined; readonly atMs: number } | undefined

  const isFree = ({ metadata: { resourceVersion }, spec }: Lease) => {
    if (!spec.holderIdentity || spec.holderIdentity === identity) return true
    const nowMs = clock.monotonicMs()
    if (seen?.resourceVersion !== resourceVersion) seen = { resourceVersion, atMs: nowMs }
    return nowMs - (seen?.atMs ?? nowMs) > (spec.leaseDurationSeconds ?? 0) * 1000
  }
  const hold = async (signal: AbortSignal): Promise<Hold> => {
    const spec = (old: LeaseSpec | undefined) => nextSpec(old, { identity, timing, now: clock.now() })
    let lease: Lease
    try {
      lease = await api.get(name, { namespace, signal })
    } catch (error) {
      if (!isNotFound(error)) throw error
      const metadata = { name, namespace }
      await api.create(
        { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: spec(undefined) },
        { signal },
      )
      return 'held'
    }
    if (!isFree(lease)) return 'lost'
    await api.update({ ...lease, spec: spec(lease.spec) }, { signal })
    return 'held'
  }
  return {
    async tryHold(signal) {
      try {
        return await hold(signal)
      } catch (error) {
        const isRace = isConflict(error) || isAlreadyExists(error)
        if (!isRace && !signal.aborted) logger.warn('no lease', { lease: name, error: describeError(error) })
        return 'unknown'
      }
    },
    async release() {
      using deadline = deadlineSignal(clock, timing.retryMs)
      try {
        const lease = await api.get(name, { namespace, signal: deadline.signal })
        if (lease.spec.holderIdentity !== identity) return
        const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 }
        await api.update({ ...lease, spec }, { signal: deadline.signal })
      } catch (error) {
        logger.debug('the lease was not given back and will run out', {
          lease: name,
          error: describeError(error),
        })
      }
    },
  }
}

interface Holder {
  readonly identity: string
  readonly timing: LeaderTiming
  readonly now: Date
}

/** The lease as taken or renewed by `identity`. */
function nextSpec(old: LeaseSpec | undefined, { identity, timing, now }: Holder): LeaseSpec {
  const nowIso = now.toISOString().replace('Z', '000Z') // MicroTime
  const isOurs = old?.holderIdentity === identity
  return {
    ...old,
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(timing.leaseMs / 1000),
    acquireTime: isOurs ? (old.acquireTime ?? nowIso) : nowIso,
    renewTime: nowIso,
    leaseTransitions: (old?.leaseTransitions ?? 0) + (isOurs || !old ? 0 : 1),
  }
}
