/** How the work queues of controllers are doing, under upstream's names. */
import type { Metrics } from '../base/metrics.ts'

export interface QueueMetrics {
  /** The queue is told of until the returned record is disposed of; one of the same name takes its place. */
  follow(name: string, queue: { readonly length: number }): QueueRecord
}

export interface QueueRecord extends Disposable {
  added(): void
  retried(): void
  worked(seconds: number): void
}

const buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60]

/** Once for each registry. */
export function createQueueMetrics(metrics: Metrics): QueueMetrics {
  const labels = ['name']
  const queues = new Map<string, { readonly length: number }>()
  const adds = metrics.counter({ name: 'workqueue_adds_total', help: 'Keys that were queued.', labels })
  const retries = metrics.counter({
    name: 'workqueue_retries_total',
    help: 'Keys that failed and are tried again.',
    labels,
  })
  const seconds = metrics.histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'How long the work on one key takes.',
    labels,
    buckets,
  })
  metrics.observed({ name: 'workqueue_depth', help: 'Keys that wait.', type: 'gauge', labels }, () =>
    [...queues].map(([name, { length }]) => ({ labels: [name], value: length })),
  )
  return {
    follow(name, queue) {
      queues.set(name, queue)
      const [added, retried, worked] = [adds.with(name), retries.with(name), seconds.with(name)]
      return {
        added: () => added.add(),
        retried: () => retried.add(),
        worked: (taken) => worked.observe(taken),
        [Symbol.dispose]() {
          if (queues.get(name) === queue) queues.delete(name)
        },
      }
    },
  }
}
