/** What every process of ours tells about itself, under the names that Prometheus' own clients use. */
import { readdirSync } from 'node:fs'
import type { Metrics } from './metrics.ts'
import { sampanVersion } from './version.ts'

/** Costs nothing until somebody asks. */
export function addProcessMetrics(metrics: Metrics): void {
  const one = (
    name: string,
    help: string,
    read: () => number | undefined,
    type: 'gauge' | 'counter' = 'gauge',
  ) =>
    metrics.observed({ name, help, type }, () => {
      const value = read()
      return value === undefined ? [] : [{ value }]
    })
  one('process_cpu_seconds_total', 'CPU time used, in seconds.', cpuSeconds, 'counter')
  one('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
  one(
    'process_start_time_seconds',
    'When the process began, in seconds since 1970.',
    () => performance.timeOrigin / 1_000,
  )
  one('process_open_fds', 'Open file descriptors.', openFiles)
  one(
    'nodejs_heap_size_used_bytes',
    'JavaScript objects, live or not yet collected.',
    () => process.memoryUsage().heapUsed,
  )
  one(
    'nodejs_heap_size_total_bytes',
    "What V8 holds for JavaScript's objects.",
    () => process.memoryUsage().heapTotal,
  )
  one(
    'nodejs_external_memory_bytes',
    'Memory outside of the heap that objects on it stand for.',
    () => process.memoryUsage().external,
  )
  one(
    'nodejs_eventloop_active_seconds_total',
    'How long the event loop was not waiting.',
    () => performance.eventLoopUtilization().active / 1_000,
    'counter',
  )
  metrics.observed(
    {
      name: 'sampan_build_info',
      help: 'Which Sampan and which Node.js this is.',
      type: 'gauge',
      labels: ['version', 'node_version'],
    },
    () => [{ labels: [sampanVersion, process.version], value: 1 }],
  )
}

const cpuSeconds = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6
}

const openFiles = (): number | undefined => {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined // there is no such folder outside of Linux
  }
}
