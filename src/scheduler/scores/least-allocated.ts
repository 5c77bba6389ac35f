import type { Score } from '../policy.ts'
import { nominal } from '../snapshot.ts'

/** Prefers the node that stays the emptiest. */
export const leastAllocated: Score = {
  name: 'LeastAllocated',
  weight: 1,
  score(pod, { allocatable, expected }, { requestsOf }) {
    const wanted = requestsOf(pod)
    const shares = Object.entries(nominal).map(([name, least]) => {
      const capacity = allocatable[name] ?? 0
      const used = (expected[name] ?? 0) + (wanted[name] ?? least)
      return capacity > 0 ? Math.max(0, 1 - used / capacity) : 0
    })
    return (shares.reduce((sum, share) => sum + share, 0) / shares.length) * 100
  },
}
