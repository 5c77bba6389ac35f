import { isTerminating, keyOf } from '../../api/meta.ts'
import type { Deployment, Pod, ReplicaSet } from '../../api/schema/types.gen.ts'
import { isEqual } from '../../api/equal.ts'
import { controllerOf, isControlledBy } from '../../api/owner-references.ts'
import { deployments } from '../../api/resources/deployments.ts'
import { pods } from '../../api/resources/pods.ts'
import { replicaSets } from '../../api/resources/replicasets.ts'
import { isAlreadyExists } from '../../api/status.ts'
import { describeError } from '../../base/logger.ts'
import type { ControllerContext, ControllerSpec, LoopContext } from '../../client/controller.ts'
import { ignoreNotFound, isNamespaceTerminating, timestamp } from '../owned.ts'
import { isPodFinished } from '../pod-facts.ts'
import { hasProgressDeadline, isComplete, put, type StatusInput } from './conditions.ts'
import { sum } from './fenceposts.ts'
import {
  claimSets,
  findNewSet,
  newSetOf,
  recordScaling,
  scaleSet,
  trimHistory,
  updateNewSet,
} from './replica-sets.ts'
import { revisionAnnotation, revisionOf } from './revisions.ts'
import { isHeld, planRollout } from './rollout.ts'
import type { RolloutInput } from './rollout-step.ts'
import { deploymentStatus, progressDeadlineAtMs } from './status.ts'

/** A rollout that has to be declared stuck is looked at this long after its deadline: times are kept in seconds. */
const deadlineSlackMs = 1_000

/** Rolls a template out through ReplicaSets, one for each revision. */
export const deploymentController: ControllerSpec = {
  name: 'deployment',
  component: 'deployment-controller',
  watches: deployments,
  owns: [replicaSets],
  triggers: [
    {
      // Recreate waits until the old pods are gone, which no ReplicaSet's status tells.
      resource: pods,
      keys: (pod, context) => {
        const deployment = deploymentOf(pod as Pod, context)
        return deployment?.spec.strategy?.type === 'Recreate' ? [keyOf(deployment)] : []
      },
    },
  ],
  workers: 4,
  async reconcile({ namespace, name }, context) {
    const deployment = context.informers.for<Deployment>(deployments).get(namespace, name)
    if (!deployment) return // gone: garbage collection has the rest
    const sets = await claimSets(deployment, context)
    const found = findNewSet(deployment, sets)
    const oldSets = sets.filter((set) => set !== found)
    if (isTerminating(deployment)) {
      await writeStatus({ deployment, newSet: found, oldSets, phase: 'ending', isNew: false }, context)
      return
    }
    const present = found && (await updateNewSet(deployment, found, oldSets, context))
    const input = { deployment, newSet: present, oldSets, oldPodCount: countPods(oldSets, context) }
    const made = await advance(input, context)
    const phase = isHeld(input) ? 'held' : 'rolling'
    const newSet = made ?? present
    return writeStatus({ deployment, newSet, oldSets, phase, isNew: made !== undefined }, context)
  },
}

function deploymentOf(pod: Pod, { informers }: LoopContext): Deployment | undefined {
  const { namespace } = pod.metadata
  const setRef = controllerOf(pod)
  const set = setRef && informers.for<ReplicaSet>(replicaSets).get(namespace, setRef.name)
  const ref = set && controllerOf(set)
  return ref && informers.for<Deployment>(deployments).get(namespace, ref.name)
}

/** Old pods that are not over: as the sets count them, or as they are, whichever is more. */
function countPods(sets: readonly ReplicaSet[], { informers }: ControllerContext): number {
  const podsOf = ({ metadata }: ReplicaSet) =>
    informers
      .for<Pod>(pods)
      .byIndex('owner', metadata.uid ?? '')
      .filter((pod) => !isPodFinished(pod)).length
  return Math.max(
    sum(sets, podsOf),
    sum(sets, ({ status }) => status?.replicas ?? 0),
  )
}

/** Takes the next step of the rollout. Returns the set of the present template if it was made now. */
async function advance(input: RolloutInput, context: ControllerContext): Promise<ReplicaSet | undefined> {
  const { deployment, oldSets } = input
  const steps = planRollout(input)
  let made: ReplicaSet | undefined
  for (const step of steps) {
    if (step.type === 'create') made = await createNewSet(input, step.replicas, context)
    else await scaleSet(deployment, step, context)
  }
  if (deployment.spec.paused || isComplete(deployment, deployment.status ?? {}))
    await trimHistory(deployment, oldSets, context)
  return made
}

async function createNewSet(
  { deployment, oldSets }: RolloutInput,
  replicas: number,
  context: ControllerContext,
): Promise<ReplicaSet | undefined> {
  const api = context.client.resource<ReplicaSet>(replicaSets)
  const set = newSetOf(deployment, replicas, oldSets)
  const { name = '', namespace = '' } = set.metadata
  try {
    const made = await api.create(set)
    if (replicas > 0) recordScaling(deployment, { name, before: 0, replicas }, context)
    return made
  } catch (error) {
    if (isNamespaceTerminating(error)) throw error
    if (!isAlreadyExists(error)) {
      await reportCreateError(
        deployment,
        `Failed to create new replica set "${name}": ${describeError(error)}`,
        context,
      )
      throw error
    }
    const present = await api.get(name, { namespace })
    // Ours: the cache will show it in a moment, and the next reconcile goes on from there.
    if (isControlledBy(present, deployment) && findNewSet(deployment, [present])) return undefined
    // Another template has the same hash: count the collision, so that the next try has another name.
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1
    await putStatus({ ...deployment, status: { ...deployment.status, collisionCount } }, context)
    throw error
  }
}

async function reportCreateError(
  deployment: Deployment,
  message: string,
  context: ControllerContext,
): Promise<void> {
  context.events.record(deployment, 'Warning', 'ReplicaSetCreateError', message)
  if (!hasProgressDeadline(deployment.spec)) return
  const present = deployment.status?.conditions ?? []
  const condition = { type: 'Progressing', status: 'False', reason: 'ReplicaSetCreateError', message }
  const conditions = put(present, condition, timestamp(context.clock.now().getTime()))
  if (conditions === present) return
  await putStatus({ ...deployment, status: { ...deployment.status, conditions: [...conditions] } }, context)
}

async function writeStatus(input: Omit<StatusInput, 'nowMs'>, context: ControllerContext) {
  const { deployment, newSet } = input
  const nowMs = context.clock.now().getTime()
  const status = deploymentStatus({ ...input, nowMs })
  const revision = newSet ? revisionOf(newSet) : revisionOf(deployment)
  if (!isEqual(status, deployment.status) || revision !== revisionOf(deployment)) {
    // With the status, as upstream does: a change of annotations by itself would count as a new generation.
    const annotations = { ...deployment.metadata.annotations, [revisionAnnotation]: String(revision) }
    await putStatus({ ...deployment, metadata: { ...deployment.metadata, annotations }, status }, context)
  }
  const deadlineMs = progressDeadlineAtMs(deployment, status)
  if (!Number.isFinite(deadlineMs)) return undefined
  return { requeueAfterMs: Math.max(0, deadlineMs - nowMs) + deadlineSlackMs }
}

const putStatus = (deployment: Deployment, { client }: ControllerContext) =>
  ignoreNotFound(client.resource<Deployment>(deployments).updateStatus(deployment))
