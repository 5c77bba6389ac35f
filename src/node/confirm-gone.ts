/** Makes sure that a pod is really gone before anything of it is stopped: silence of the API server is no answer. */
import { backoffMs } from '../base/backoff.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import { isForbidden, isNotFound, isStatusError } from '../api/status.ts'
import type { ResourceClient } from '../client/client.ts'
import type { NodeContext } from './context.ts'
import type { PodWorker } from './pod-worker.ts'
import { podsRef } from './status-writer.ts'

const askBackoff = { baseMs: 500, factor: 2, capMs: 30_000, jitter: 0.5 }

/** Asks by name whether a pod is really gone, until there is an answer. */
export function createAsker(context: NodeContext, signal: AbortSignal) {
  const asking = new Map<string, Promise<void>>() // by UID
  return {
    confirmGone(worker: PodWorker): void {
      if (signal.aborted || asking.has(worker.uid)) return
      const asked = ask(context, worker, signal)
        .catch((error: unknown) => context.logger.debug('a pod was not asked about to the end', { error }))
        .finally(() => asking.delete(worker.uid))
      asking.set(worker.uid, asked)
    },
    async idle() {
      await Promise.all(asking.values())
    },
  }
}

/** Resolves once the server has said what it knows of the pod, and the worker has been told. */
async function ask(
  { client, clock, nodeName, random }: NodeContext,
  worker: PodWorker,
  signal: AbortSignal,
): Promise<void> {
  const pods = client.resource<Pod>(podsRef)
  const { namespace = 'default', name = '' } = worker.pod.metadata
  for (let failures = 0; ;) {
    try {
      const pod = await pods.get(name, { namespace, signal })
      return pod.metadata.uid === worker.uid ? worker.update(pod) : worker.vanish()
    } catch (error) {
      if (isNotFound(error) && isStatusError(error) && error.status.details?.name === name)
        return worker.vanish()
      // A pod of that name that is no business of this node: whether the node's own is still there, a list of its own tells.
      if (isForbidden(error) && (await isUnlisted(pods, worker, nodeName).catch(() => false)))
        // asked again below
        return worker.vanish()
      await clock.sleep(backoffMs(failures++, askBackoff, random), signal)
    }
  }
}

async function isUnlisted(pods: ResourceClient<Pod>, worker: PodWorker, nodeName: string): Promise<boolean> {
  const { namespace = 'default', name = '' } = worker.pod.metadata
  const fieldSelector = `metadata.name=${name},spec.nodeName=${nodeName}`
  const { items } = await pods.list({ namespace, fieldSelector })
  return items.every(({ metadata }) => metadata.uid !== worker.uid)
}
