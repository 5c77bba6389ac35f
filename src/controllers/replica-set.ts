import { isTerminating } from '../api/meta.ts'
import type { Pod, ReplicaSet } from '../api/schema/types.gen.ts'
import { newControllerRef } from '../api/owner-references.ts'
import { pods } from '../api/resources/pods.ts'
import { replicaSets } from '../api/resources/replicasets.ts'
import { isEqual } from '../api/equal.ts'
import { isNotFound } from '../api/status.ts'
import type { ControllerContext, ControllerSpec } from '../client/controller.ts'
import { describeError } from '../base/logger.ts'
import { claimPods } from './claim-pods.ts'
import { isPodActive, podAvailableAtMs } from './pod-facts.ts'
import { planReplicas, type ReplicaPlan } from './replica-plan.ts'
import { replicaSetStatus } from './replica-set-status.ts'

/** Keeps as many pods of a template as asked for. */
export const replicaSetController: ControllerSpec = {
  name: 'replicaset',
  watches: replicaSets,
  owns: [pods],
  triggers: [
    {
      // An orphan that some set may adopt: those of its namespace look.
      resource: pods,
      keys: (pod, { informers }) =>
        (pod.metadata.ownerReferences ?? []).some((reference) => reference.controller)
          ? []
          : informers
              .for<ReplicaSet>(replicaSets)
              .byIndex('namespace', pod.metadata.namespace ?? '')
              .map((set) => `${set.metadata.namespace}/${set.metadata.name}`),
    },
  ],
  workers: 4,
  async reconcile({ namespace, name }, context) {
    const set = context.informers.for<ReplicaSet>(replicaSets).get(namespace, name)
    if (!set) return // gone: garbage collection has the rest
    const candidates = context.informers.for<Pod>(pods).byIndex('namespace', namespace)
    const claimed = await claimPods(context.client, set, set.spec.selector, candidates)
    const nowMs = context.clock.now().getTime()
    const plan = planReplicas(set, claimed, nowMs)
    const failure = !isTerminating(set) ? await act(plan, set, context) : undefined

    const status = replicaSetStatus(set, claimed, { nowMs, failure })
    if (!isEqual(status, set.status)) {
      await context.client.resource<ReplicaSet>(replicaSets).updateStatus({ ...set, status })
    }
    if (failure) throw failure
    return requeueFor(set, claimed, nowMs)
  },
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
): Promise<Error | undefined> {
  try {
    await createPods(plan.create, set, context)
    await Promise.all(plan.remove.map((pod) => removePod(pod, set, context)))
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/**
 * In rounds of 1, 2, 4, …: when the server refuses a pod (a quota, say) it will refuse the next too, and a thousand
 * refusals say no more than one.
 */
async function createPods(count: number, set: ReplicaSet, context: ControllerContext): Promise<void> {
  for (let done = 0, round = 1; done < count; round *= 2) {
    const size = Math.min(round, count - done)
    await Promise.all(Array.from({ length: size }, () => createPod(set, context)))
    done += size
  }
}

async function createPod(set: ReplicaSet, context: ControllerContext): Promise<void> {
  const { template } = set.spec
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace,
      labels: template?.metadata?.labels ?? {},
      annotations: template?.metadata?.annotations ?? {},
      finalizers: template?.metadata?.finalizers ?? [],
      ownerReferences: [newControllerRef(set)],
    },
    spec: template?.spec,
  } as Pod
  try {
    const created = await context.client.resource<Pod>(pods).create(pod)
    context.events.record(set, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`)
  } catch (error) {
    context.events.record(set, 'Warning', 'FailedCreate', `Error creating: ${describeError(error)}`)
    throw error
  }
}

async function removePod(pod: Pod, set: ReplicaSet, context: ControllerContext): Promise<void> {
  const { namespace = '', name = '', uid = '' } = pod.metadata
  try {
    await context.client.resource<Pod>(pods).delete(name, { namespace, uid })
    context.events.record(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
