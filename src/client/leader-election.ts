import type { Clock } from '../base/clock.ts'
import { deadlineSignal } from '../base/deadline.ts'
import type { Random } from '../base/ids.ts'
import { describeError, type Logger } from '../base/logger.ts'
import type { KubeObject } from '../api/meta.ts'
import { isAlreadyExists, isConflict, isNotFound } from '../api/status.ts'
import type { Client, ResourceRef } from './client.ts'

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
 * Invariant: renewDeadlineMs < leaseMs, so a leader that can't renew has stopped before another may start (clocks may
 * run at slightly different speeds; they need not agree on the time, since a candidate measures how long *it* has
 * seen the lease unchanged).
 */
export interface LeaderTiming {
  readonly leaseMs: number
  readonly renewDeadlineMs: number
  readonly retryMs: number
}

export const leaderTiming: LeaderTiming = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 }

interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

export const leases: ResourceRef = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}

const namespace = 'kube-system'

/**
 * Calls `lead` while this process holds the lease; its signal aborts when the lease is lost or `signal` aborts. Goes
 * on until `signal` aborts, and then gives the lease back, so that the next leader need not wait.
 */
export async function runElected(
  options: LeaderElectionOptions,
  lead: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const candidate = createCandidate(options)
  const { clock, random, logger, timing = leaderTiming } = options
  while (!signal.aborted) {
    if (!(await candidate.tryHold(signal))) {
      await clock.sleep(timing.retryMs * (1 + 0.2 * random.float()), signal).catch(() => {}) // aborted: the loop ends
      continue
    }
    logger.info('leading', { lease: options.name })
    const term = new AbortController()
    const led = lead(AbortSignal.any([term.signal, signal]))
    await keepHolding(candidate, options, signal)
    term.abort(new Error(`the lease ${options.name} was lost`))
    await led
  }
  await candidate.release()
}

/** Renews until it has failed for `renewDeadlineMs`, or `signal` aborts. */
async function keepHolding(
  candidate: Candidate,
  { clock, timing = leaderTiming }: LeaderElectionOptions,
  signal: AbortSignal,
): Promise<void> {
  let renewedMs = clock.monotonicMs()
  while (!signal.aborted && clock.monotonicMs() - renewedMs < timing.renewDeadlineMs) {
    await clock.sleep(timing.retryMs, signal).catch(() => {}) // aborted: the loop ends
    if (signal.aborted) return
    using deadline = deadlineSignal(clock, timing.renewDeadlineMs, signal)
    if (await candidate.tryHold(deadline.signal)) renewedMs = clock.monotonicMs()
  }
}

interface Candidate {
  /** True when this identity holds the lease now. Never throws: no answer is a no. */
  tryHold(signal: AbortSignal): Promise<boolean>
  release(): Promise<void>
}

function createCandidate(options: LeaderElectionOptions): Candidate {
  const { client, name, identity, clock, logger, timing = leaderTiming } = options
  const api = client.resource<Lease>(leases)
  let seen: { readonly resourceVersion: string | undefined; readonly atMs: number } | undefined

  const specFor = (old: Lease['spec']): Lease['spec'] => {
    const nowIso = clock.now().toISOString().replace('Z', '000Z') // MicroTime
    const isOurs = old?.holderIdentity === identity
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(timing.leaseMs / 1000),
      acquireTime: isOurs ? (old?.acquireTime ?? nowIso) : nowIso,
      renewTime: nowIso,
      leaseTransitions: (old?.leaseTransitions ?? 0) + (isOurs || !old ? 0 : 1),
    }
  }
  const isFree = (lease: Lease) => {
    const holder = lease.spec?.holderIdentity
    if (!holder || holder === identity) return true
    const { resourceVersion } = lease.metadata
    if (seen?.resourceVersion !== resourceVersion) seen = { resourceVersion, atMs: clock.monotonicMs() }
    return clock.monotonicMs() - (seen?.atMs ?? 0) > (lease.spec?.leaseDurationSeconds ?? 0) * 1000
  }
  const hold = async (signal: AbortSignal) => {
    try {
      const lease = await api.get(name, { namespace, signal })
      if (!isFree(lease)) return false
      await api.update({ ...lease, spec: specFor(lease.spec) } as Lease, { signal })
    } catch (error) {
      if (!isNotFound(error)) throw error
      const metadata = { name, namespace }
      const fresh = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata,
        spec: specFor(undefined),
      }
      await api.create(fresh as Lease, { signal })
    }
    return true
  }
  return {
    async tryHold(signal) {
      try {
        return await hold(signal)
      } catch (error) {
        const isRace = isConflict(error) || isAlreadyExists(error)
        if (!isRace && !signal.aborted) logger.warn('no lease', { lease: name, error: describeError(error) })
        return false
      }
    },
    async release() {
      try {
        const lease = await api.get(name, { namespace })
        if (lease.spec?.holderIdentity !== identity) return
        await api.update({
          ...lease,
          spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 },
        } as Lease)
      } catch (error) {
        logger.debug('the lease was not given back and will run out', {
          lease: name,
          error: describeError(error),
        })
      }
    },
  }
}
