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
  let sent: PodStatus | undefined
  let wanted: { readonly pod: Pod; readonly status: PodStatus } | undefined
  let running: Deferred<void> | undefined

  const write = async ({ pod, status }: { readonly pod: Pod; readonly status: PodStatus }) => {
    const { name = '', namespace = 'default', uid = '' } = pod.metadata
    const patch = statusPatch(uid, sent ?? pod.status, status)
    if (patch)
      await pods.patch(name, 'merge', patch, { namespace, subresource: 'status', signal: stop.signal })
    sent = status
  }
  const run = async (done: Deferred<void>) => {
    for (let failures = 0; wanted && !stop.signal.aborted;) {
      const next = wanted
      try {
        await write(next)
        failures = 0
        if (wanted === next) wanted = undefined
      } catch (error) {
        if (isNotFound(error) || isConflict(error) || isInvalid(error)) {
          if (isInvalid(error)) logger.error('the API server refuses the status of a pod', { error })
          wanted = undefined
          sent = undefined
          onMissing()
          break
        }
        if (isStatusError(error))
          logger.warn('the status of a pod could not be written, trying again', { error })
        await clock.sleep(backoffMs(failures++, retryBackoff, random), stop.signal).catch(() => {}) // aborted: the loop ends
      }
    }
    running = undefined
    if (stop.signal.aborted) done.reject(new Error('the status writer was disposed'))
    else done.resolve()
  }
  return {
    publish(pod, status) {
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
