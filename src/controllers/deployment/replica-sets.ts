/** What a Deployment does with its ReplicaSets: finds, takes in, makes, numbers, sizes and forgets them. */
import { isTerminating } from '../../api/meta.ts'
import type { Deployment, ReplicaSet } from '../../api/schema/types.gen.ts'
import { isEqual } from '../../api/equal.ts'
import { controllerOf, isControlledBy, newControllerRef } from '../../api/owner-references.ts'
import { deployments } from '../../api/resources/deployments.ts'
import { replicaSets } from '../../api/resources/replicasets.ts'
import { semanticEqual } from '../../api/resources/semantic-equal.ts'
import { matchesLabels, selectorFrom } from '../../api/selector.ts'
import type { ControllerContext } from '../../client/controller.ts'
import { ignoreNotFound, mayAdopt } from '../owned.ts'
import { replicasOf } from './fenceposts.ts'
import { annotationsFor, revisionOf, sizeAnnotations, surplusSets } from './revisions.ts'
import { templateHash, templateHashLabel, withoutHash } from './template-hash.ts'

/** Our sets, oldest first, after adopting orphans that match. */
export async function claimSets(
  deployment: Deployment,
  { client, informers }: ControllerContext,
): Promise<readonly ReplicaSet[]> {
  const selector = selectorFrom(deployment.spec.selector)
  const { namespace = '' } = deployment.metadata
  const present = informers.for<ReplicaSet>(replicaSets).byIndex('namespace', namespace)
  const claimed = present.filter((set) => isControlledBy(set, deployment))
  const orphans = present.filter(
    (set) => !controllerOf(set) && !isTerminating(set) && matchesLabels(selector, set.metadata.labels),
  )
  if (orphans.length > 0 && !isTerminating(deployment) && (await mayAdopt(client, deployments, deployment))) {
    const api = client.resource<ReplicaSet>(replicaSets)
    for (const { metadata } of orphans) {
      const patch = { metadata: { uid: metadata.uid, ownerReferences: [newControllerRef(deployment)] } }
      const adopted = await ignoreNotFound(api.patch(metadata.name ?? '', 'strategic', patch, { namespace }))
      if (adopted) claimed.push(adopted)
    }
  }
  const bornMs = (set: ReplicaSet) => Date.parse(set.metadata.creationTimestamp ?? '')
  return claimed.toSorted((a, b) => bornMs(a) - bornMs(b) || revisionOf(a) - revisionOf(b))
}

/** The set of the Deployment's present template; the oldest, should there be several. Pure. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const wanted = withoutHash(deployment.spec.template)
  return sets.find(({ spec }) => spec.template && semanticEqual(withoutHash(spec.template), wanted))
}

/** A set of the Deployment's present template. Pure. */
export function newSetOf(
  deployment: Deployment,
  replicas: number,
  oldSets: readonly ReplicaSet[],
): ReplicaSet {
  const { namespace, name = '' } = deployment.metadata
  const { template, selector, minReadySeconds } = deployment.spec
  const hash = templateHash(template, deployment.status?.collisionCount)
  const labels = { ...template.metadata?.labels, [templateHashLabel]: hash }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace !== undefined && { namespace }),
      labels,
      annotations: { ...annotationsFor(deployment, undefined, oldSets), ...sizeAnnotations(deployment) },
      ownerReferences: [newControllerRef(deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds !== undefined && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [templateHashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  }
}

/** Numbers the present set as the latest revision and passes on what sets copy from their Deployment. */
export async function updateNewSet(
  deployment: Deployment,
  newSet: ReplicaSet,
  oldSets: readonly ReplicaSet[],
  { client }: ControllerContext,
): Promise<ReplicaSet> {
  const annotations = annotationsFor(deployment, newSet, oldSets)
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0
  const isUpToDate =
    isEqual(annotations, newSet.metadata.annotations ?? {}) &&
    (newSet.spec.minReadySeconds ?? 0) === minReadySeconds
  if (isUpToDate) return newSet
  return client.resource<ReplicaSet>(replicaSets).update({
    ...newSet,
    metadata: { ...newSet.metadata, annotations },
    spec: { ...newSet.spec, minReadySeconds },
  })
}

export async function scaleSet(
  deployment: Deployment,
  { set, replicas }: { readonly set: ReplicaSet; readonly replicas: number },
  context: ControllerContext,
): Promise<void> {
  const before = replicasOf(set)
  const annotations = { ...set.metadata.annotations, ...sizeAnnotations(deployment) }
  if (before === replicas && isEqual(annotations, set.metadata.annotations)) return
  await context.client.resource<ReplicaSet>(replicaSets).update({
    ...set,
    metadata: { ...set.metadata, annotations },
    spec: { ...set.spec, replicas },
  })
  if (before !== replicas) recordScaling(deployment, { name: set.metadata.name, before, replicas }, context)
}

export function recordScaling(
  deployment: Deployment,
  {
    name,
    before,
    replicas,
  }: { readonly name: string | undefined; readonly before: number; readonly replicas: number },
  { events }: ControllerContext,
): void {
  const direction = replicas > before ? 'up' : 'down'
  const message = `Scaled ${direction} replica set ${name} from ${before} to ${replicas}`
  events.record(deployment, 'Normal', 'ScalingReplicaSet', message)
}

/** Forgets empty sets beyond the history that is to be kept. */
export async function trimHistory(
  deployment: Deployment,
  oldSets: readonly ReplicaSet[],
  { client }: ControllerContext,
): Promise<void> {
  const api = client.resource<ReplicaSet>(replicaSets)
  for (const { metadata } of surplusSets(deployment, oldSets)) {
    const { name = '', namespace = '', uid = '' } = metadata
    await ignoreNotFound(api.delete(name, { namespace, uid }))
  }
}
