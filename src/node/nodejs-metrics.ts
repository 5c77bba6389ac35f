/**
 * What goes on inside of the pods' Node.js processes, for Prometheus; names as prom-client has them where it has them. Processes are
 * asked when somebody asks the node. A container is one series, however many processes it has: amounts are their sums,
 * the event loop's are those of the process that is worst off.
 */
import { createMetrics } from '../base/metrics.ts'
import { describeError, type Logger } from '../base/logger.ts'
import type { Clock } from '../base/clock.ts'
import type { NodeProcess, Runtime } from '../runtime/runtime.ts'
import { askProcess } from './node-insight.ts'
import { sumOf, toProcessNumbers, type ProcessNumbers } from './nodejs-numbers.ts'
import type { MeasuredPod } from './usage.ts'

export interface NodejsMeter {
  /** Text for Prometheus. Who asks at the same time, or again within a few seconds, gets the same. */
  render(): Promise<string>
}

export interface NodejsMeterOptions {
  readonly runtime: Pick<Runtime, 'nodeProcesses'>
  readonly pods: () => readonly MeasuredPod[]
  readonly clock: Clock
  readonly logger: Logger
}

/** The loop's numbers are those since the last look: two who ask in turn must not take them from each other. */
const freshMsMax = 5_000
/** Processes that are asked at the same time. */
const asksMax = 32
/** Scrapes time out after ten seconds; a process that can't answer by then has no numbers this time. */
const answerWithinMs = 3_000

interface ContainerNumbers {
  readonly labels: readonly string[]
  readonly numbers: ProcessNumbers
  readonly processes: number
}

export function createNodejsMeter(options: NodejsMeterOptions): NodejsMeter {
  const { clock } = options
  let last: { readonly atMs: number; readonly text: Promise<string> } | undefined
  return {
    render() {
      if (!last || clock.monotonicMs() - last.atMs > freshMsMax)
        last = { atMs: clock.monotonicMs(), text: look(options).then(renderAll) }
      return last.text
    },
  }
}

async function look(options: NodejsMeterOptions): Promise<readonly ContainerNumbers[]> {
  const containers = options
    .pods()
    .flatMap(({ containers: running, name, namespace }) =>
      running.map((container) => ({ handle: container.handle, labels: [container.name, namespace, name] })),
    )
  const found: ContainerNumbers[] = []
  const waiting = containers.values()
  const work = async () => {
    for (const { handle, labels } of waiting) {
      const processes = (await options.runtime.nodeProcesses?.(handle)) ?? []
      const answers = await Promise.all(processes.map((process) => numbersOf(options, process)))
      const numbers = answers.filter((each) => each !== undefined)
      if (numbers.length > 0) found.push({ labels, numbers: sumOf(numbers), processes: numbers.length })
    }
  }
  await Promise.all(Array.from({ length: asksMax }, work))
  return found.toSorted((one, other) => one.labels.join().localeCompare(other.labels.join()))
}

async function numbersOf(
  { clock, logger }: NodejsMeterOptions,
  process: NodeProcess,
): Promise<ProcessNumbers | undefined> {
  const late = new AbortController()
  const cancel = clock.after(answerWithinMs, () => late.abort(new Error('the process takes too long')))
  try {
    const { head, socket } = await askProcess({ clock }, process, { ask: 'metrics' }, late.signal)
    socket.destroy()
    return toProcessNumbers(head['metrics'])
  } catch (error) {
    logger.debug('a Node.js process of a pod could not be asked', {
      pid: process.pid,
      error: describeError(error),
    })
    return undefined
  } finally {
    cancel()
  }
}

const container = ['container', 'namespace', 'pod']

function renderAll(found: readonly ContainerNumbers[]): string {
  const metrics = createMetrics()
  const define = (
    name: string,
    help: string,
    read: (numbers: ProcessNumbers) => number | undefined,
    type: 'gauge' | 'counter' = 'gauge',
  ) =>
    metrics.observed({ name, help, type, labels: container }, () =>
      found.flatMap(({ labels, numbers }) => {
        const value = read(numbers)
        return value === undefined ? [] : [{ labels, value }]
      }),
    )
  const defineEach = (
    name: string,
    help: string,
    label: string,
    read: (numbers: ProcessNumbers) => ReadonlyMap<string, number>,
    type: 'gauge' | 'counter' = 'gauge',
  ) =>
    metrics.observed({ name, help, type, labels: [...container, label] }, () =>
      found.flatMap(({ labels, numbers }) =>
        [...read(numbers)].map(([key, value]) => ({ labels: [...labels, key], value })),
      ),
    )
  metrics.observed(
    { name: 'nodejs_processes', help: 'Node.js processes that answered.', type: 'gauge', labels: container },
    () => found.map(({ labels, processes }) => ({ labels, value: processes })),
  )
  define(
    'nodejs_eventloop_utilization',
    'Share of the time in which the event loop was busy.',
    (n) => n.utilization,
  )
  define('nodejs_eventloop_lag_mean_seconds', 'How late timers were, on average.', (n) => n.delayMean)
  define('nodejs_eventloop_lag_p50_seconds', 'How late half of the timers were at most.', (n) => n.delayP50)
  define('nodejs_eventloop_lag_p99_seconds', 'How late 99 of 100 timers were at most.', (n) => n.delayP99)
  define('nodejs_eventloop_lag_max_seconds', 'How late the latest timer was.', (n) => n.delayMax)
  define('nodejs_heap_size_total_bytes', 'Heap that V8 has taken.', (n) => n.heapTotal)
  define('nodejs_heap_size_used_bytes', 'Heap in use.', (n) => n.heapUsed)
  define('nodejs_heap_size_limit_bytes', 'Heap at which the process ends.', (n) => n.heapLimit)
  define(
    'nodejs_external_memory_bytes',
    'Memory of buffers and other things outside of the heap.',
    (n) => n.external,
  )
  defineEach('nodejs_heap_space_size_used_bytes', 'Heap in use, by space.', 'space', (n) => n.spaceUsed)
  defineEach('nodejs_heap_space_size_total_bytes', 'Heap taken, by space.', 'space', (n) => n.spaceTotal)
  const counter = 'counter'
  defineEach(
    'nodejs_gc_runs_total',
    'Garbage collections while somebody asked.',
    'kind',
    (n) => n.gcRuns,
    counter,
  )
  defineEach('nodejs_gc_duration_seconds_total', 'Their time.', 'kind', (n) => n.gcSeconds, counter)
  defineEach('nodejs_active_resources', 'What keeps the process alive.', 'type', (n) => n.resources)
  define(
    'nodejs_http_requests_in_flight',
    'HTTP/1 requests whose answer is not yet written.',
    (n) => n.requests,
  )
  define('nodejs_open_connections', 'Connections that clients have made.', (n) => n.connections)
  define('nodejs_outbound_connections', 'Connections that the program has made.', (n) => n.outbound)
  return metrics.render()
}
