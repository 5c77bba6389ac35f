import { isTerminating } from '../../api/meta.ts'
import type { Deployment, Pod, ReplicaSet } from '../../api/schema/types.gen.ts'
import { isEqual } from '../../api/equal.ts'
import { controllerOf, isControlledBy, newControllerRef } from '../../api/owner-references.ts'
import { deployments } from '../../api/resources/deployments.ts'
import { pods } from '../../api/resources/pods.ts'
import { replicaSets } from '../../api/resources/replicasets.ts'
import { isAlreadyExists, isNotFound } from '../../api/status.ts'
import { matchesLabels, selectorFrom } from '../../api/selector.ts'
import type { ControllerContext, ControllerSpec } from '../../client/controller.ts'
import { isPodFinished } from '../pod-facts.ts'
import { annotationsFor, nextRevision, revisionAnnotation, revisionOf } from './revisions.ts'
import { planRollout, replicasOf, type Scale } from './rollout.ts'
import { deploymentStatus, progressDeadlineAtMs } from './status.ts'
import { templateHash, templateHashLabel, withoutHash } from './template-hash.ts'

/** Rolls a template out through ReplicaSets, one for each revision. */
export const deploymentController: ControllerSpec = {
  name: 'deployment',
  watches: deployments,
  owns: [replicaSets],
  triggers: [
    {
      // Recreate waits until the old pods are gone, which no ReplicaSet's status tells.
      resource: pods,
      keys: (pod, { informers }) => {
        const uid = controllerOf(pod)?.uid
        const set = informers
          .for<ReplicaSet>(replicaSets)
          .byIndex('namespace', pod.metadata.namespace ?? '')
          .find((one) => one.metadata.uid === uid)
        const owner = set && controllerOf(set)
        return owner?.kind === 'Deployment' ? [`${pod.metadata.namespace}/${owner.name}`] : []
      },
    },
  ],
  workers: 4,
  async reconcile({ namespace, name }, context) {
    const deployment = context.informers.for<Deployment>(deployments).get(namespace, name)
    if (!deployment) return // gone: garbage collection has the rest
    const sets = await claimSets(deployment, context)
    const nowMs = () => context.clock.now().getTime()
    if (isTerminating(deployment)) return writeStatus(deployment, sets, nowMs(), context)

    const found = findNewSet(deployment, sets)
    const newSet =
      found ?? (deployment.spec.paused ? undefined : await createNewSet(deployment, sets, context))
    const oldSets = sets.filter((set) => set.metadata.uid !== newSet?.metadata.uid)
    let latest = deployment
    if (newSet) {
      const current = await annotateSet(deployment, newSet, oldSets, context)
      latest = await annotateDeployment(deployment, current, context)
      const oldPodCount = countPods(oldSets, namespace, context)
      for (const scale of planRollout({ deployment, newSet: current, oldSets, oldPodCount })) {
        await scaleSet(deployment, scale, current, context)
      }
      await cleanUp(deployment, oldSets, context)
    }
    await writeStatus(latest, newSet ? [...oldSets, newSet] : oldSets, nowMs(), context)
    const deadlineMs = progressDeadlineAtMs(deployment) - nowMs()
    if (Number.isFinite(deadlineMs) && deadlineMs > 0) return { requeueAfterMs: deadlineMs + 1_000 }
    return undefined
  },
}

/** Our sets, oldest first, after adopting orphans that match. */
async function claimSets(
  deployment: Deployment,
  { client, informers }: ControllerContext,
): Promise<readonly ReplicaSet[]> {
  const selector = selectorFrom(deployment.spec.selector)
  const { namespace = '' } = deployment.metadata
  const claimed: ReplicaSet[] = []
  for (const set of informers.for<ReplicaSet>(replicaSets).byIndex('namespace', namespace)) {
    if (isControlledBy(set, deployment)) claimed.push(set)
    else if (
      !controllerOf(set) &&
      matchesLabels(selector, set.metadata.labels) &&
      !isTerminating(deployment) &&
      !isTerminating(set)
    ) {
      const { uid, name = '' } = set.metadata
      const ownerReferences = [newControllerRef(deployment)]
      claimed.push(
        await client
          .resource<ReplicaSet>(replicaSets)
          .patch(name, 'strategic', { metadata: { uid, ownerReferences } }, { namespace }),
      )
    }
  }
  const age = (set: ReplicaSet) => Date.parse(set.metadata.creationTimestamp ?? '')
  return claimed.toSorted((a, b) => age(a) - age(b) || revisionOf(a) - revisionOf(b))
}

function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const wanted = withoutHash(deployment.spec.template)
  return sets.find((set) => set.spec.template && isEqual(withoutHash(set.spec.template), wanted))
}

async function createNewSet(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  context: ControllerContext,
): Promise<ReplicaSet> {
  const { namespace = '', name = '' } = deployment.metadata
  const api = context.client.resource<ReplicaSet>(replicaSets)
  const hash = templateHash(deployment.spec.template, deployment.status?.collisionCount)
  const labels = { ...deployment.spec.template.metadata?.labels, [templateHashLabel]: hash }
  const set = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      annotations: annotationsFor(deployment, nextRevision(sets)),
      ownerReferences: [newControllerRef(deployment)],
    },
    spec: {
      replicas: 0, // the rollout grows it
      minReadySeconds: deployment.spec.minReadySeconds ?? 0,
      selector: {
        ...deployment.spec.selector,
        matchLabels: { ...deployment.spec.selector.matchLabels, [templateHashLabel]: hash },
      },
      template: { ...deployment.spec.template, metadata: { ...deployment.spec.template.metadata, labels } },
    },
  } as ReplicaSet
  try {
    return await api.create(set)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const present = await api.get(`${name}-${hash}`, { namespace })
    if (isControlledBy(present, deployment) && findNewSet(deployment, [present])) return present
    // Another template has the same hash: count the collision, so that the next try has another name.
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1
    await context.client
      .resource<Deployment>(deployments)
      .updateStatus({ ...deployment, status: { ...deployment.status, collisionCount } })
    throw error
  }
}

/** Numbers the present set as the latest revision and passes on what sets copy from their Deployment. */
async function annotateSet(
  deployment: Deployment,
  newSet: ReplicaSet,
  oldSets: readonly ReplicaSet[],
  { client }: ControllerContext,
): Promise<ReplicaSet> {
  const revision = Math.max(nextRevision(oldSets), revisionOf(newSet))
  const annotations = annotationsFor(deployment, revision, newSet)
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0
  if (
    isEqual(annotations, newSet.metadata.annotations ?? {}) &&
    (newSet.spec.minReadySeconds ?? 0) === minReadySeconds
  )
    return newSet
  const metadata = { ...newSet.metadata, annotations }
  return client
    .resource<ReplicaSet>(replicaSets)
    .update({ ...newSet, metadata, spec: { ...newSet.spec, minReadySeconds } })
}

async function annotateDeployment(
  deployment: Deployment,
  newSet: ReplicaSet,
  { client }: ControllerContext,
): Promise<Deployment> {
  const revision = revisionOf(newSet)
  if (revisionOf(deployment) === revision) return deployment
  const { name = '', namespace = '' } = deployment.metadata
  const patch = { metadata: { annotations: { [revisionAnnotation]: String(revision) } } }
  // As part of the status: an annotation written otherwise is a wish, and would count as a new generation.
  return client
    .resource<Deployment>(deployments)
    .patch(name, 'merge', patch, { namespace, subresource: 'status' })
}

async function scaleSet(
  deployment: Deployment,
  { set, replicas }: Scale,
  newSet: ReplicaSet,
  context: ControllerContext,
): Promise<void> {
  const before = replicasOf(set)
  const fresh = set.metadata.uid === newSet.metadata.uid ? newSet : set
  const annotations = {
    ...fresh.metadata.annotations,
    'deployment.kubernetes.io/desired-replicas': String(deployment.spec.replicas ?? 1),
  }
  await context.client
    .resource<ReplicaSet>(replicaSets)
    .update({ ...fresh, metadata: { ...fresh.metadata, annotations }, spec: { ...fresh.spec, replicas } })
  const direction = replicas > before ? 'up' : 'down'
  context.events.record(
    deployment,
    'Normal',
    'ScalingReplicaSet',
    `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`,
  )
}

const countPods = (
  sets: readonly ReplicaSet[],
  namespace: string,
  { informers }: ControllerContext,
): number => {
  const uids = new Set(sets.map((set) => set.metadata.uid))
  return informers
    .for<Pod>(pods)
    .byIndex('namespace', namespace)
    .filter((pod) => uids.has(controllerOf(pod)?.uid) && !isPodFinished(pod)).length
}

/** Forgets empty sets beyond the history that is to be kept. */
async function cleanUp(
  deployment: Deployment,
  oldSets: readonly ReplicaSet[],
  { client }: ControllerContext,
): Promise<void> {
  const empty = oldSets.filter(
    (set) => replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && !isTerminating(set),
  )
  const surplus = empty.length - (deployment.spec.revisionHistoryLimit ?? 10)
  for (const set of empty.toSorted((a, b) => revisionOf(a) - revisionOf(b)).slice(0, Math.max(0, surplus))) {
    const { name = '', namespace = '' } = set.metadata
    await client
      .resource<ReplicaSet>(replicaSets)
      .delete(name, { namespace })
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error
      })
  }
}

async function writeStatus(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  nowMs: number,
  { client }: ControllerContext,
): Promise<void> {
  const newSet = findNewSet(deployment, sets)
  const oldSets = sets.filter((set) => set !== newSet)
  const status = deploymentStatus({ deployment, newSet, oldSets, nowMs })
  if (isEqual(status, deployment.status)) return
  await client.resource<Deployment>(deployments).updateStatus({ ...deployment, status })
}
