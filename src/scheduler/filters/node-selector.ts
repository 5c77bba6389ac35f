import { matchesTerm } from '../node-affinity.ts'
import type { Filter } from '../policy.ts'

/** `nodeSelector` and the required part of `affinity.nodeAffinity`. */
export const nodeSelector: Filter = {
  name: 'NodeAffinity',
  admits(pod, { node }) {
    const labels = node.metadata.labels ?? {}
    const isSelected = Object.entries(pod.spec.nodeSelector ?? {}).every(
      ([key, value]) => labels[key] === value,
    )
    const terms =
      pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
    const isAffine = terms === undefined || terms.some((term) => matchesTerm(term, node))
    return isSelected && isAffine ? [] : ["node(s) didn't match Pod's node affinity/selector"]
  },
}
