import type { Filter } from '../policy.ts'
import { tolerates } from '../tolerations.ts'

/** `kubectl cordon`. */
export const unschedulable: Filter = {
  name: 'NodeUnschedulable',
  admits: (pod, { node }) =>
    node.spec.unschedulable &&
    !tolerates(pod, { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' })
      ? ['node(s) were unschedulable']
      : [],
}
