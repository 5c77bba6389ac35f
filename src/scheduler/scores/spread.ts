import { controllerOf } from '../../api/owner-references.ts'
import type { Score } from '../policy.ts'

/** Prefers the node with the fewest siblings: losing a machine should cost one replica. */
export const spread: Score = {
  name: 'Spread',
  weight: 3,
  score(pod, { podsOf }, { nodes }) {
    const owner = controllerOf(pod)?.uid
    if (owner === undefined) return 100
    const most = nodes.reduce((max, node) => Math.max(max, node.podsOf.get(owner) ?? 0), 0)
    return most === 0 ? 100 : 100 * (1 - (podsOf.get(owner) ?? 0) / most)
  },
}
