import { isTerminating } from '../../api/meta.ts'
import type { Deployment, ReplicaSet } from '../../api/schema/types.gen.ts'
import { fenceposts, replicasOf } from './fenceposts.ts'

export const revisionAnnotation = 'deployment.kubernetes.io/revision'
const historyAnnotation = 'deployment.kubernetes.io/revision-history'
/** What the Deployment's size was when a set was last scaled: by it a later change of the size is noticed. */
const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas'
/** The size with its surge at that time: by it the share of each set is found. */
const maxAnnotation = 'deployment.kubernetes.io/max-replicas'

/** What a set does not take over from its Deployment: it has its own, or it is about the Deployment alone. */
const ownAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  'deprecated.deployment.rollback.to',
])

/** Of the list of earlier revisions; the oldest go first (upstream's bound). */
const historyLengthMax = 2_000

type Annotated = Pick<Deployment, 'metadata'> | Pick<ReplicaSet, 'metadata'>
type Annotations = Readonly<Record<string, string>>

const numberIn = ({ metadata }: Annotated, annotation: string): number | undefined => {
  const text = metadata.annotations?.[annotation]
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/** 0 for an object that has none yet. */
export const revisionOf = (object: Annotated): number => numberIn(object, revisionAnnotation) ?? 0
export const desiredReplicasOf = (set: ReplicaSet): number | undefined => numberIn(set, desiredAnnotation)
export const maxReplicasOf = (set: ReplicaSet): number | undefined => numberIn(set, maxAnnotation)

export const nextRevision = (sets: readonly ReplicaSet[]): number => Math.max(0, ...sets.map(revisionOf)) + 1

/**
 * The annotations of the present set, among `oldSets`: those of the Deployment, and its revision, which is the highest.
 * The revisions that it stood for before are remembered. As SetNewReplicaSetAnnotations in kubernetes
 * pkg/controller/deployment/util/deployment_util.go.
 */
export function annotationsFor(
  deployment: Deployment,
  set: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
): Annotations {
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(
    ([key]) => !ownAnnotations.has(key),
  )
  const before = set ? revisionOf(set) : 0
  const revision = Math.max(before, nextRevision(oldSets))
  const isBack = before !== 0 && before !== revision
  return {
    ...set?.metadata.annotations,
    ...Object.fromEntries(copied),
    [revisionAnnotation]: String(revision),
    ...(isBack && { [historyAnnotation]: history(set?.metadata.annotations?.[historyAnnotation], before) }),
  }
}

function history(earlier: string | undefined, revision: number): string {
  const revisions = [...(earlier ? earlier.split(',') : []), String(revision)]
  while (revisions.join(',').length > historyLengthMax) revisions.shift()
  return revisions.join(',')
}

/** What is noted on a set whenever it is scaled. */
export const sizeAnnotations = (deployment: Deployment): Annotations => {
  const replicas = deployment.spec.replicas ?? 1
  return {
    [desiredAnnotation]: String(replicas),
    [maxAnnotation]: String(replicas + fenceposts(deployment).surge),
  }
}

/** Old sets beyond the history that is to be kept, the oldest revision first. One that has pods is never among them. */
export function surplusSets({ spec }: Deployment, oldSets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  const alive = oldSets.filter((set) => !isTerminating(set)).toSorted((a, b) => revisionOf(a) - revisionOf(b))
  const surplus = Math.max(0, alive.length - (spec.revisionHistoryLimit ?? 10))
  return alive.slice(0, surplus).filter((set) => {
    const isObserved = (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0)
    return replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && isObserved
  })
}
