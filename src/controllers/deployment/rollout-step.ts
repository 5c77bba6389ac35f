import type { Deployment, ReplicaSet } from '../../api/schema/types.gen.ts'

/** `create` makes the set of the present template; `scale` sets `spec.replicas` of one that is there. */
export type RolloutStep =
  | { readonly type: 'create'; readonly replicas: number }
  | { readonly type: 'scale'; readonly set: ReplicaSet; readonly replicas: number }

export interface RolloutInput {
  readonly deployment: Deployment
  /** The set of the present template, once it is made. */
  readonly newSet: ReplicaSet | undefined
  /** All others that are ours, oldest first. */
  readonly oldSets: readonly ReplicaSet[]
  /** Pods of old sets that still exist, terminating ones too: Recreate waits for their end. */
  readonly oldPodCount: number
}
