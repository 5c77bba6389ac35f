import type { Filter } from '../policy.ts'
import { tolerates } from '../tolerations.ts'

export const taints: Filter = {
  name: 'TaintToleration',
  admits(pod, { node }) {
    const refusing = (node.spec.taints ?? []).find(
      (taint) => (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') && !tolerates(pod, taint),
    )
    return refusing ? [`node(s) had untolerated taint {${refusing.key}: ${refusing.value ?? ''}}`] : []
  },
}
