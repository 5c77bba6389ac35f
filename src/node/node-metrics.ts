import type { Metrics } from '../base/metrics.ts'
import type { PodSet } from './pod-set.ts'
import type { MeasuredPod } from './usage.ts'

/** What of the node's pods can be measured. */
export const measuredPods = (pods: Pick<PodSet, 'all'>): readonly MeasuredPod[] =>
  pods.all().map((worker) => {
    const { name = '', namespace = '' } = worker.pod.metadata
    return { name, namespace, uid: worker.uid, containers: worker.running() }
  })

/** What the agent tells of itself, under kubelet's names. */
export function addNodeMetrics(metrics: Metrics, node: string, pods: Pick<PodSet, 'all'>): void {
  const running = () => pods.all().map((worker) => worker.running().length)
  metrics.observed(
    { name: 'kubelet_node_name', help: "The node's name.", type: 'gauge', labels: ['node'] },
    () => [{ labels: [node], value: 1 }],
  )
  metrics.observed(
    { name: 'kubelet_running_pods', help: 'Pods with a container that runs.', type: 'gauge' },
    () => [{ value: running().filter((count) => count > 0).length }],
  )
  metrics.observed(
    {
      name: 'kubelet_running_containers',
      help: 'Containers that run.',
      type: 'gauge',
      labels: ['container_state'],
    },
    () => [{ labels: ['running'], value: running().reduce((sum, count) => sum + count, 0) }],
  )
}
