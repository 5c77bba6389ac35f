import { matchesTerm } from '../node-affinity.ts'
import type { Score } from '../policy.ts'
import { tolerates } from '../tolerations.ts'

/** The preferred part of `affinity.nodeAffinity`. */
export const preferredAffinity: Score = {
  name: 'PreferredNodeAffinity',
  weight: 2,
  score(pod, { node }) {
    const terms = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    const total = terms.reduce((sum, { weight }) => sum + weight, 0)
    if (total === 0) return 0
    const met = terms
      .filter(({ preference }) => matchesTerm(preference, node))
      .reduce((sum, { weight }) => sum + weight, 0)
    return (100 * met) / total
  },
}

/** Taints of effect PreferNoSchedule. */
export const preferredTaints: Score = {
  name: 'PreferNoScheduleTaints',
  weight: 3,
  score(pod, { node }) {
    const unwelcome = (node.spec.taints ?? []).filter(({ effect }) => effect === 'PreferNoSchedule')
    return 100 / (1 + unwelcome.filter((taint) => !tolerates(pod, taint)).length)
  },
}
