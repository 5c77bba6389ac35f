/**
 * All pods of the node: one worker for each UID. A pod leaves only on the API server's word: its deletion, or an answer
 * that says it isn't there. A server that gives no answer changes nothing.
 */
import { readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import type { Pod } from '../api/schema/types.gen.ts'
import { openInformer, type Informer } from '../client/informer.ts'
import { createAddressPool } from './address-pool.ts'
import { createAsker } from './confirm-gone.ts'
import type { NodeContext } from './context.ts'
import { allContainers } from './downward-api.ts'
import { admissionProblem } from './eviction-rank.ts'
import { clearFolders, isSafeName, readPodRecords, type PodRecord } from './pod-records.ts'
import { isTerminalPhase } from './pod-status.ts'
import { startPodWorker, type PodWorker } from './pod-worker.ts'
import { removeTree } from './remove-tree.ts'
import { podsRef } from './status-writer.ts'
import { timeOf } from './times.ts'

export interface PodSet extends AsyncDisposable {
  find(namespace: string, name: string): PodWorker | undefined
  readonly size: number
  all(): readonly PodWorker[]
  /** Makes every worker look again. */
  wakeAll(): void
}

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
    if (!isSafeName(uid) || !allContainers(pod).every((container) => isSafeName(container.name)))
      return logger.error('a pod whose UID or container names can not be folders is ignored', { pod: name })
    const lack = admissionProblem(pod, context.pressure())
    if (lack !== undefined) return reject(context, pod, { reason: 'Evicted', message: lack })
    const index = pool.take()
    if (index === undefined) return reject(context, pod, noAddress)
    add({ pod, index, startTime: timeOf(clock.now()) })
  }
  const { records, ...rest } = await readPodRecords(context.dataDir)
  await sweep(context, new Set(records.map(({ pod }) => pod.metadata.uid ?? '')))
  await clearFolders(context.dataDir, rest, logger)
  for (const record of records) {
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
  const settled = askAboutAbsent(informer, workers, asker).catch(() => {}) // disposed before the first list: the next agent looks
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
    all: () => [...workers.values()],
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

/** What ran here and isn't in the server's first list may have been deleted while the agent was away. */
async function askAboutAbsent(
  informer: Informer<Pod>,
  workers: ReadonlyMap<string, PodWorker>,
  asker: ReturnType<typeof createAsker>,
): Promise<void> {
  await informer.synced
  for (const worker of workers.values()) {
    const { namespace, name = '' } = worker.pod.metadata
    if (informer.get(namespace, name)?.metadata.uid !== worker.uid) asker.confirmGone(worker)
  }
}

/** Ends and removes what belongs to no pod that is on record. */
async function sweep(
  { runtime, dataDir, memoryDir, logger }: NodeContext,
  uids: ReadonlySet<string>,
): Promise<void> {
  const folder = join(dataDir, 'pods')
  for (const handle of await runtime.orphans(folder)) {
    const [uid = ''] = relative(folder, handle.stateDir).split(sep)
    if (uids.has(uid)) continue
    logger.warn('a program of no pod on record is stopped', { id: handle.id })
    await runtime.stop(handle, { signal: 'SIGKILL', graceMs: 0 })
  }
  for (const uid of await readdir(memoryDir)) if (!uids.has(uid)) await removeTree(join(memoryDir, uid))
}

const noAddress = {
  reason: 'OutOfpods',
  message: 'the node has no free pod address; delete pods or add a node',
}

/** The pod fails, so that its owner makes another one elsewhere. */
function reject(
  { client, recorder, logger }: NodeContext,
  pod: Pod,
  why: { readonly reason: string; readonly message: string },
): void {
  const { reason } = why
  const message = `Pod was rejected: ${why.message}`
  recorder.record(pod, 'Warning', reason, message)
  const { name = '', namespace = 'default', uid } = pod.metadata
  const patch = { metadata: { uid }, status: { phase: 'Failed', reason, message } }
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
