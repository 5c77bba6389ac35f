import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/ids.ts'

export interface Leases {
  /** A lease that ends no sooner than `ttlMs` from now, and not much later. Keys of about the same time share one. */
  leaseFor(ttlMs: number): Promise<number>
  /** etcd no longer knows it. */
  forget(id: number): void
}

export interface LeasesOptions {
  readonly clock: Clock
  readonly random: Random
  /** Throws when it can't be had. */
  readonly grant: (lease: { readonly id: number; readonly ttlSeconds: number }) => Promise<void>
}

/** Of a key's time, how much longer it may live for the sake of fewer leases; each lease is a write of its own. */
const slackShare = 0.05
const slackMsMax = 60_000
/** The keys of one lease are deleted in one step, which holds up everything else in etcd. */
const keysPerLeaseMax = 1_000
/** Kept to be shared. Beyond it the oldest goes on by itself. */
const openLeasesMax = 64
const idMax = 2 ** 48

interface OpenLease {
  readonly id: number
  /** It ends no sooner than this. */
  readonly endsMs: number
  readonly granted: Promise<void>
  keys: number
}

export function createLeases({ clock, random, grant }: LeasesOptions): Leases {
  let open: OpenLease[] = []

  const begin = (ttlMs: number, nowMs: number): OpenLease => {
    const ttlSeconds = Math.ceil((ttlMs + slackOf(ttlMs)) / 1_000)
    // Chosen here, because one of etcd's own may be too large for a JavaScript number.
    const id = 1 + Math.floor(random.float() * idMax)
    const lease: OpenLease = {
      id,
      endsMs: nowMs + ttlSeconds * 1_000,
      granted: grant({ id, ttlSeconds }),
      keys: 0,
    }
    open.push(lease)
    if (open.length > openLeasesMax) open.shift()
    return lease
  }
  const forget = (id: number) => {
    open = open.filter((lease) => lease.id !== id)
  }
  return {
    async leaseFor(ttlMs) {
      const nowMs = clock.monotonicMs()
      const dueMs = nowMs + ttlMs
      open = open.filter(({ endsMs }) => endsMs > nowMs)
      const isFit = ({ endsMs, keys }: OpenLease) =>
        keys < keysPerLeaseMax && endsMs >= dueMs && endsMs <= dueMs + slackOf(ttlMs) + 1_000
      const lease = open.find(isFit) ?? begin(ttlMs, nowMs)
      lease.keys++
      try {
        await lease.granted
      } catch (error) {
        forget(lease.id)
        throw error
      }
      return lease.id
    },
    forget,
  }
}

const slackOf = (ttlMs: number): number => Math.min(slackMsMax, ttlMs * slackShare)
