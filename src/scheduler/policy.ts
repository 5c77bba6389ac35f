/** The parts of a decision. A filter or score is one file; the arrays in `decide.ts` are the policy. */
import type { Pod } from '../api/schema/types.gen.ts'
import type { NodeState, Snapshot } from './snapshot.ts'

export interface Filter {
  readonly name: string
  /** Why the pod can't run on the node, in the words of `kubectl describe`: nothing when it can. */
  admits(pod: Pod, node: NodeState, snapshot: Snapshot): readonly string[]
}

export interface Score {
  readonly name: string
  readonly weight: number
  /** 0 (worst) to 100 (best). */
  score(pod: Pod, node: NodeState, snapshot: Snapshot): number
}
