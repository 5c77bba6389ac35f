/** Sends the status of one pod to the API server: the latest only, one at a time, until it is there. */
import { backoffMs } from '../base/backoff.ts'
import { deferred, type Deferred } from '../base/deferred.ts'
import { isEqual } from '../api/equal.ts'
import type { Pod, PodStatus } from '../api/schema/types.gen.ts'
import { isConflict, isInvalid, isNotFound, isStatusError } from '../api/status.ts'
import type { ResourceRef } from '../client/client.ts'
import type { NodeContext } from './context.ts'
import { statusPatch } from './pod-status.ts'

export const podsRef: ResourceRef = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
}

export interface StatusWriter extends AsyncDisposable {
  /** What the server holds, or will hold when what is published has arrived: transition times are carried over from it. */
  baseOf(pod: Pod): PodStatus | undefined
  /** `pod` as last seen: when somebody else has changed its status (a controller that took the node for dead), ours is sent again. */
  publish(pod: Pod, status: PodStatus): void
  /** Resolves when the latest status is at the server, or the pod is no longer there; rejects when disposed. */
  flush(): Promise<void>
}

const retryBackoff = { baseMs: 200, factor: 2, capMs: 5_000, jitter: 0.5 }

export function createStatusWriter(
  { client, clock, random, logger }: NodeContext,
  /** The server says that there is no such pod (any more). */
  onMissing: () => void,
): StatusWriter {
  const pods = client.resource<Pod>(podsRef)
  const stop = new AbortController()
  let wanted: { readonly pod: Pod; readonly status: PodStatus } | undefined
  /** What we sent last; unset once the server holds something that doesn't come from it. */
  let sent: PodStatus | undefined
  /** What the server holds, by its latest word. It drops empty fields, so it isn't compared with `sent`. */
  let held: { readonly revision: number; readonly status: PodStatus | undefined } | undefined
  let running: Deferred<void> | undefined

  const see = (pod: Pod) => {
    const revision = Number(pod.metadata.resourceVersion ?? 0)
    if (held && revision <= held.revision) return
    if (held && !isEqual(held.status, pod.status)) sent = undefined
    held = { revision, status: pod.status }
  }
  const write = async ({ pod, status }: { readonly pod: Pod; readonly status: PodStatus }) => {
    const { name = '', namespace = 'default', uid = '' } = pod.metadata
    const patch = statusPatch(uid, sent ?? held?.status, status)
    if (!patch) return void (sent = status)
    const where = { namespace, subresource: 'status', signal: stop.signal }
    const answer = await pods.patch(name, 'merge', patch, where)
    const revision = Number(answer.metadata.resourceVersion ?? 0)
    const isLatest = !held || revision >= held.revision
    if (isLatest) held = { revision, status: answer.status }
    sent = isLatest ? status : undefined
  }
  const run = async (done: Deferred<void>) => {
    for (let failures = 0; wanted && !stop.signal.aborted;) {
      const next = wanted
      try {
        await write(next)
        failures = 0
        if (wanted === next) wanted = undefined
      } catch (error) {
        if (stop.signal.aborted) break
        const isMissing = isNotFound(error) || isConflict(error)
        if (isMissing) onMissing()
        else if (isStatusError(error)) logger.warn('the status of a pod could not be written', { error })
        if (isInvalid(error)) sent = next.status // the same once more would be refused once more
        if ((isMissing || isInvalid(error)) && wanted === next) wanted = undefined
        await clock.sleep(backoffMs(failures++, retryBackoff, random), stop.signal).catch(() => {}) // aborted: the loop ends
      }
    }
    running = undefined
    if (stop.signal.aborted) done.reject(new Error('the status writer was disposed'))
    else done.resolve()
  }
  return {
    baseOf(pod) {
      see(pod)
      return wanted?.status ?? sent ?? held?.status
    },
    publish(pod, status) {
      see(pod)
      if (stop.signal.aborted || isEqual(status, wanted?.status ?? sent)) return
      wanted = { pod, status }
      if (running) return
      running = deferred()
      running.promise.catch(() => {}) // who flushes sees it
      void run(running)
    },
    flush: () => running?.promise ?? Promise.resolve(),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('status writer disposed'))
      await running?.promise.catch(() => {}) // its rejection is the disposal itself
    },
  }
}
