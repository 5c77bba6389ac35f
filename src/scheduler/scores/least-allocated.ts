import type { Score } from '../policy.ts'
import { podRequests } from '../snapshot.ts'

/** What a pod without requests is counted as here, so that such pods spread too (upstream's figures). */
const nominal: Readonly<Record<string, number>> = { cpu: 100, memory: 200 * 1024 * 1024 }

/** Prefers the node that stays the emptiest. */
export const leastAllocated: Score = {
  name: 'LeastAllocated',
  weight: 1,
  score(pod, node) {
    const wanted = podRequests(pod)
    const shares = Object.entries(nominal).map(([name, least]) => {
      const capacity = node.allocatable[name] ?? 0
      const used = node.pods.reduce(
        (sum, other) => sum + (podRequests(other)[name] ?? least),
        wanted[name] ?? least,
      )
      return capacity > 0 ? Math.max(0, 1 - used / capacity) : 0
    })
    return (shares.reduce((sum, share) => sum + share, 0) / shares.length) * 100
  },
}
