import { isTerminating, keyOf } from '../api/meta.ts'
import type { Pod, ReplicaSet } from '../api/schema/types.gen.ts'
import { controllerOf, newControllerRef } from '../api/owner-references.ts'
import { pods } from '../api/resources/pods.ts'
import { replicaSets } from '../api/resources/replicasets.ts'
import { isEqual } from '../api/equal.ts'
import { matchesLabels, selectorFrom } from '../api/selector.ts'
import type { ControllerContext, ControllerSpec } from '../client/controller.ts'
import { describeError } from '../base/logger.ts'
import { claimPods } from './claim-pods.ts'
import { ignoreNotFound, isNamespaceTerminating, settled } from './owned.ts'
import { isPodActive, podAvailableAtMs } from './pod-facts.ts'
import { planReplicas, type ReplicaPlan } from './replica-plan.ts'
import { replicaSetStatus, type ReplicaFailure } from './replica-set-status.ts'

/** Keeps as many pods of a template as asked for. */
export const replicaSetController: ControllerSpec = {
  name: 'replicaset',
  component: 'replicaset-controller',
  watches: replicaSets,
  owns: [pods],
  triggers: [
    {
      // An orphan: the sets that may adopt it look.
      resource: pods,
      keys: (pod, { informers }) =>
        controllerOf(pod)
          ? []
          : informers
              .for<ReplicaSet>(replicaSets)
              .byIndex('namespace', pod.metadata.namespace ?? '')
              .filter(({ spec }) => matchesLabels(selectorFrom(spec.selector), pod.metadata.labels))
              .map(keyOf),
    },
  ],
  workers: 4,
  async reconcile({ namespace, name }, context) {
    const set = context.informers.for<ReplicaSet>(replicaSets).get(namespace, name)
    if (!set) return // gone: garbage collection has the rest
    const candidates = context.informers.for<Pod>(pods).byIndex('namespace', namespace)
    const owner = { ref: replicaSets, object: set, selector: set.spec.selector }
    const claimed = await claimPods(context.client, owner, candidates)
    const nowMs = context.clock.now().getTime()
    const failure = isTerminating(set)
      ? undefined
      : await act(planReplicas(set, claimed, { nowMs, related: relatedPods(set, context) }), set, context)

    const status = replicaSetStatus(set, claimed, { nowMs, failure })
    if (!isEqual(status, set.status)) {
      const api = context.client.resource<ReplicaSet>(replicaSets)
      await ignoreNotFound(api.updateStatus({ ...set, status }))
    }
    if (failure) throw failure.error
    return requeueFor(set, claimed, nowMs)
  },
}

/** The pods of all sets of the same owner. */
function relatedPods(set: ReplicaSet, { informers }: ControllerContext): readonly Pod[] {
  const podsOf = (uid: string | undefined) => informers.for<Pod>(pods).byIndex('owner', uid ?? '')
  const owner = controllerOf(set)
  if (!owner) return podsOf(set.metadata.uid)
  const sets = informers.for<ReplicaSet>(replicaSets).byIndex('owner', owner.uid)
  return sets.flatMap(({ metadata }) => podsOf(metadata.uid))
}

/** A pod that is ready but not for long enough yet becomes available without any event. */
function requeueFor(set: ReplicaSet, owned: readonly Pod[], nowMs: number) {
  const minReadySeconds = set.spec.minReadySeconds ?? 0
  const times = owned.filter(isPodActive).flatMap((pod) => podAvailableAtMs(pod, minReadySeconds) ?? [])
  const nextMs = Math.min(...times.filter((atMs) => atMs > nowMs))
  return Number.isFinite(nextMs) ? { requeueAfterMs: nextMs - nowMs } : undefined
}

/** Returns the first failure instead of throwing, so that the status can tell of it. */
async function act(
  plan: ReplicaPlan,
  set: ReplicaSet,
  context: ControllerContext,
): Promise<ReplicaFailure | undefined> {
  try {
    await createPods(plan.create, set, context)
    await settled(plan.remove.map((pod) => removePod(pod, set, context)))
    return undefined
  } catch (cause) {
    if (isNamespaceTerminating(cause)) return undefined
    const error = cause instanceof Error ? cause : new Error(String(cause))
    return { reason: plan.remove.length > 0 ? 'FailedDelete' : 'FailedCreate', error }
  }
}

/**
 * In rounds of 1, 2, 4, …: when the server refuses a pod (a quota, say) it will refuse the next too, and a thousand
 * refusals say no more than one.
 */
async function createPods(count: number, set: ReplicaSet, context: ControllerContext): Promise<void> {
  for (let done = 0, round = 1; done < count; round *= 2) {
    const size = Math.min(round, count - done)
    await settled(Array.from({ length: size }, () => createPod(set, context)))
    done += size
  }
}

async function createPod(set: ReplicaSet, { client, events }: ControllerContext): Promise<void> {
  try {
    const { metadata } = await client.resource<Pod>(pods).create(podOf(set))
    events.record(set, 'Normal', 'SuccessfulCreate', `Created pod: ${metadata.name}`)
  } catch (error) {
    if (!isNamespaceTerminating(error))
      events.record(set, 'Warning', 'FailedCreate', `Error creating: ${describeError(error)}`)
    throw error
  }
}

/** A pod of the set's template. Pure. */
export function podOf(set: ReplicaSet): Pod {
  const { metadata: { labels, annotations, finalizers } = {}, spec = { containers: [] } } =
    set.spec.template ?? {}
  const { name, namespace } = set.metadata
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${name}-`,
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ownerReferences: [newControllerRef(set)],
    },
    spec,
  }
}

async function removePod(pod: Pod, set: ReplicaSet, { client, events }: ControllerContext): Promise<void> {
  const { namespace = '', name = '', uid = '' } = pod.metadata
  try {
    await ignoreNotFound(client.resource<Pod>(pods).delete(name, { namespace, uid }))
    events.record(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  } catch (error) {
    events.record(set, 'Warning', 'FailedDelete', `Error deleting: ${describeError(error)}`)
    throw error
  }
}
