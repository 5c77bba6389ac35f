import { controllerOf } from '../../api/owner-references.ts'
import type { Score } from '../policy.ts'

/** Prefers the node with the fewest siblings: losing a machine should cost one replica. */
export const spread: Score = {
  name: 'Spread',
  weight: 3,
  score(pod, node, { nodes }) {
    const owner = controllerOf(pod)?.uid
    if (owner === undefined) return 100
    const siblings = ({ pods }: typeof node) =>
      pods.filter((other) => controllerOf(other)?.uid === owner).length
    const most = Math.max(...nodes.map(siblings))
    return most === 0 ? 100 : 100 * (1 - siblings(node) / most)
  },
}
