/** The node's measurements as others read them: kubelet's `/stats/summary` and `/metrics/resource`. */
import { createMetrics, type Metrics, type Sample } from '../base/metrics.ts'
import type { StatsSummary, SummaryAmounts } from '../api/streams/stats-summary.ts'
import { timeOf } from './times.ts'
import type { Amounts, ContainerUsage, PodUsage, UsageLook, UsageWindow } from './usage.ts'

export function statsSummary(nodeName: string, { before, now }: UsageWindow): StatsSummary {
  const earlier = new Map(
    before.pods.flatMap(({ containers }) => containers.map((container) => [container.id, container])),
  )
  const time = timeOf(now.time)
  const windowSeconds = (now.monotonicMs - before.monotonicMs) / 1_000
  const amounts = (cpuCores: number, { cpuSeconds, memoryBytes }: Amounts): SummaryAmounts => ({
    cpu: {
      time,
      usageNanoCores: Math.round(cpuCores * 1e9),
      usageCoreNanoSeconds: Math.round(cpuSeconds * 1e9),
    },
    memory: { time, workingSetBytes: memoryBytes, rssBytes: memoryBytes },
  })
  const coresOf = (container: ContainerUsage): number => {
    const known = earlier.get(container.id)
    if (known) return (container.cpuSeconds - known.cpuSeconds) / windowSeconds
    // It has begun since: all that it has used, in all of its time. One that has just begun has no rate yet.
    const ageSeconds = (now.time.getTime() - Date.parse(container.startedAt)) / 1_000
    return container.cpuSeconds / Math.max(1, ageSeconds)
  }
  return {
    node: {
      nodeName,
      windowSeconds,
      ...amounts((now.machine.cpuSeconds - before.machine.cpuSeconds) / windowSeconds, now.machine),
    },
    pods: now.pods.map((pod) => {
      const containers = pod.containers.map((container) => ({
        name: container.name,
        startTime: container.startedAt,
        ...amounts(coresOf(container), container),
      }))
      const cores = containers.reduce((sum, { cpu }) => sum + cpu.usageNanoCores / 1e9, 0)
      return {
        podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
        containers,
        ...amounts(cores, sumOf(pod)),
      }
    }),
  }
}

/** Kubelet's names (kubernetes pkg/kubelet/metrics/collectors/resource_metrics.go eed236c). */
export function resourceMetrics({ machine, pods }: UsageLook): Metrics {
  const metrics = createMetrics()
  const container = ['container', 'namespace', 'pod']
  const one = (name: string, help: string, value: number) =>
    metrics.observed({ name, help, type: typeOf(name) }, () => [{ value }])
  const ofContainers = (name: string, help: string, read: (container: ContainerUsage) => number) =>
    metrics.observed({ name, help, type: typeOf(name), labels: container }, () =>
      pods.flatMap((pod) =>
        pod.containers.map((each) => ({
          labels: [each.name, pod.namespace, pod.name],
          value: read(each),
        })),
      ),
    )
  const ofPods = (name: string, help: string, read: (sum: Amounts) => number) =>
    metrics.observed({ name, help, type: typeOf(name), labels: ['namespace', 'pod'] }, () =>
      pods.map((pod): Sample => ({ labels: [pod.namespace, pod.name], value: read(sumOf(pod)) })),
    )
  const cpu = ({ cpuSeconds }: Amounts) => cpuSeconds
  const memory = ({ memoryBytes }: Amounts) => memoryBytes
  ofContainers('container_cpu_usage_seconds_total', 'CPU time of the container, in seconds.', cpu)
  ofContainers(
    'container_memory_working_set_bytes',
    'Memory of the container that it shares with no other.',
    memory,
  )
  ofContainers(
    'container_start_time_seconds',
    'When the container began, in seconds since 1970.',
    ({ startedAt }) => Date.parse(startedAt) / 1_000,
  )
  one('node_cpu_usage_seconds_total', 'CPU time of the machine, in seconds.', machine.cpuSeconds)
  one('node_memory_working_set_bytes', 'Memory of the machine that is in use.', machine.memoryBytes)
  ofPods('pod_cpu_usage_seconds_total', 'CPU time of the pod, in seconds.', cpu)
  ofPods('pod_memory_working_set_bytes', 'Memory of the pod.', memory)
  one('resource_scrape_error', '1 where the node could not be measured.', 0)
  return metrics
}

const typeOf = (name: string): 'counter' | 'gauge' => (name.endsWith('_total') ? 'counter' : 'gauge')

const sumOf = ({ containers }: PodUsage): Amounts => ({
  cpuSeconds: containers.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
  memoryBytes: containers.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
})
