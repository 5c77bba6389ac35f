/**
 * All pods of the node: one worker for each UID. A pod leaves only on the API server's word: its deletion, or an answer
 * that says it isn't there. A server that gives no answer changes nothing.
 */
import { backoffMs } from '../base/backoff.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import { isNotFound, isStatusError } from '../api/status.ts'
import { openInformer } from '../client/informer.ts'
import { createAddressPool } from './address-pool.ts'
import type { NodeContext } from './context.ts'
import { isSafeName, readPodRecords, type PodRecord } from './pod-records.ts'
import { isTerminalPhase } from './pod-status.ts'
import { startPodWorker, type PodWorker } from './pod-worker.ts'
import { podsRef } from './status-writer.ts'
import { timeOf } from './times.ts'

export interface PodSet extends AsyncDisposable {
  find(namespace: string, name: string): PodWorker | undefined
  readonly size: number
  /** Makes every worker look again. */
  wakeAll(): void
}

const askBackoff = { baseMs: 500, factor: 2, capMs: 30_000, jitter: 0.5 }

export async function openPodSet(context: NodeContext): Promise<PodSet> {
  const { clock, logger } = context
  const pool = createAddressPool()
  const workers = new Map<string, PodWorker>() // by UID
  const stop = new AbortController()
  const asker = createAsker(context, stop.signal)

  const add = (record: PodRecord) => {
    const worker = startPodWorker({ context, record, onMissing: () => asker.confirmGone(worker) })
    workers.set(worker.uid, worker)
    void worker.left.then(() => {
      workers.delete(worker.uid)
      pool.free(worker.index)
    })
  }
  const accept = (pod: Pod) => {
    const { uid, name } = pod.metadata
    const known = workers.get(uid ?? '')
    if (known) return known.update(pod)
    // A pod that ended, of which nothing is left here, needs nothing from us until it is deleted.
    if (isTerminalPhase(pod.status?.phase) && !pod.metadata.deletionTimestamp) return
    if (!isSafeName(uid)) return logger.error('a pod with an unusable UID is ignored', { pod: name })
    const index = pool.take()
    if (index === undefined) return reject(context, pod)
    add({ pod, index, startTime: timeOf(clock.now()) })
  }
  for (const record of await readPodRecords(context.dataDir, logger)) {
    pool.hold(record.index)
    add(record)
  }
  const informer = openPodInformer(context)
  informer.onChange(({ type, object, previous }) => {
    const gone =
      type === 'deleted' ? object : previous?.metadata.uid !== object.metadata.uid ? previous : undefined
    const worker = gone && workers.get(gone.metadata.uid ?? '')
    if (worker) asker.confirmGone(worker)
    if (type !== 'deleted') accept(object)
  })
  const settle = async () => {
    await informer.synced
    // What ran here and isn't in the server's list: it may have been deleted while the agent was away.
    for (const worker of workers.values()) {
      const { namespace, name = '' } = worker.pod.metadata
      if (informer.get(namespace, name)?.metadata.uid !== worker.uid) asker.confirmGone(worker)
    }
  }
  const settled = settle().catch(() => {}) // disposed before the first list: the next agent looks
  return {
    find(namespace, name) {
      const uid = informer.get(namespace, name)?.metadata.uid
      return (
        workers.get(uid ?? '') ??
        [...workers.values()].find(
          ({ pod: { metadata } }) => metadata.namespace === namespace && metadata.name === name,
        )
      )
    },
    get size() {
      return workers.size
    },
    wakeAll() {
      for (const worker of workers.values()) worker.update(worker.pod)
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the agent stops'))
      await informer[Symbol.asyncDispose]()
      await settled
      await asker.idle()
      await Promise.all([...workers.values()].map((worker) => worker[Symbol.asyncDispose]()))
    },
  }
}

/** Asks by name whether a pod is really gone, until there is an answer. */
function createAsker(context: NodeContext, signal: AbortSignal) {
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
  { client, clock, random }: NodeContext,
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
      await clock.sleep(backoffMs(failures++, askBackoff, random), signal)
    }
  }
}

/** There is no address left: the pod fails, so that its owner makes another one elsewhere. */
function reject({ client, recorder, logger }: NodeContext, pod: Pod): void {
  const message = 'Pod was rejected: the node has no free pod address; delete pods or add a node'
  recorder.record(pod, 'Warning', 'OutOfpods', message)
  const { name = '', namespace = 'default', uid } = pod.metadata
  const patch = { metadata: { uid }, status: { phase: 'Failed', reason: 'OutOfpods', message } }
  client
    .resource<Pod>(podsRef)
    .patch(name, 'merge', patch, { namespace, subresource: 'status' })
    .catch((error: unknown) => logger.warn('a pod could not be rejected', { error, pod: name }))
}

const openPodInformer = ({ client, clock, random, logger, nodeName }: NodeContext) =>
  openInformer<Pod>({
    client,
    resource: podsRef,
    fieldSelector: `spec.nodeName=${nodeName}`,
    clock,
    random,
    logger,
  })
