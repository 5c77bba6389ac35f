import type { Deployment, ReplicaSet } from '../../api/schema/types.gen.ts'

export const revisionAnnotation = 'deployment.kubernetes.io/revision'
const historyAnnotation = 'deployment.kubernetes.io/revision-history'

/** What a set does not take over from its Deployment: it has its own, or it is about the Deployment alone. */
const ownAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  'deployment.kubernetes.io/desired-replicas',
  'deployment.kubernetes.io/max-replicas',
  'deprecated.deployment.rollback.to',
])

type Annotated = Pick<Deployment, 'metadata'> | Pick<ReplicaSet, 'metadata'>

/** 0 for an object that has none yet. */
export const revisionOf = ({ metadata }: Annotated): number =>
  Number(metadata.annotations?.[revisionAnnotation] ?? 0) || 0

export const nextRevision = (sets: readonly ReplicaSet[]): number => Math.max(0, ...sets.map(revisionOf)) + 1

/** The annotations of a set at a revision; earlier revisions that it stood for are remembered, as `rollout history` wants. */
export function annotationsFor(
  deployment: Deployment,
  revision: number,
  set?: ReplicaSet,
): Record<string, string> {
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(
    ([key]) => !ownAnnotations.has(key),
  )
  const kept = Object.entries(set?.metadata.annotations ?? {}).filter(([key]) => ownAnnotations.has(key))
  const before = set ? revisionOf(set) : 0
  const history = set?.metadata.annotations?.[historyAnnotation]
  const moved = before !== 0 && before !== revision
  return {
    'deployment.kubernetes.io/desired-replicas': String(deployment.spec.replicas ?? 1),
    ...Object.fromEntries([...copied, ...kept]),
    [revisionAnnotation]: String(revision),
    ...(moved && { [historyAnnotation]: history ? `${history},${before}` : String(before) }),
  }
}
