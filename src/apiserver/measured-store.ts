import type { Clock } from '../base/clock.ts'
import type { Metrics } from '../base/metrics.ts'
import { isStoreError, type Store, type StoreErrorCode } from '../store/store.ts'
import { secondsBuckets } from './server-metrics.ts'

/** These are answers, not failures. */
const expected = new Set<StoreErrorCode>(['compacted', 'conflict', 'exists', 'future', 'invalid', 'missing'])

/** The same store; how long it takes is told under upstream's names, whichever engine it is. Not owned. */
export function measuredStore(store: Store, metrics: Metrics, clock: Clock): Store {
  const spec = { labels: ['operation'] }
  const seconds = metrics.histogram({
    ...spec,
    name: 'etcd_request_duration_seconds',
    help: 'How long the store takes, whichever engine it is; a write until it is durable.',
    buckets: secondsBuckets,
  })
  const errors = metrics.counter({
    ...spec,
    name: 'etcd_request_errors_total',
    help: 'Requests that the store could not serve.',
  })
  const timed = (operation: string) => {
    const [taken, failed] = [seconds.with(operation), errors.with(operation)]
    return async <T>(work: Promise<T>): Promise<T> => {
      const startMs = clock.monotonicMs()
      try {
        return await work
      } catch (error) {
        if (!isStoreError(error) || !expected.has(error.code)) failed.add()
        throw error
      } finally {
        taken.observe((clock.monotonicMs() - startMs) / 1_000)
      }
    }
  }
  const [get, list] = [timed('get'), timed('list')]
  const [create, update, remove] = [timed('create'), timed('update'), timed('delete')]
  return {
    capabilities: store.capabilities,
    current: () => store.current(),
    get: (key, options) => get(store.get(key, options)),
    list: (range, options) => list(store.list(range, options)),
    create: (key, value, options) => create(store.create(key, value, options)),
    update: (key, value, revision, options) => update(store.update(key, value, revision, options)),
    delete: (key, revision) => remove(store.delete(key, revision)),
    watch: (range, from, signal) => store.watch(range, from, signal),
    compact: (before) => store.compact(before),
    compacted: () => store.compacted(),
    skipTo: (to, onProgress) => store.skipTo(to, onProgress),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
