import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import { describeError, type Logger } from '../base/logger.ts'
import { groupVersionOf, keyOf, splitKey, type KubeObject, type OwnerReference } from '../api/meta.ts'
import { isConflict } from '../api/status.ts'
import type { Client, ResourceRef } from './client.ts'
import { openEventRecorder, type EventRecorder } from './events.ts'
import type { ChangeHandler } from './informer.ts'
import { allSynced, type Informers } from './informers.ts'
import { ownWrites, StaleCacheError, type OwnWrites } from './own-writes.ts'
import type { QueueMetrics, QueueRecord } from './queue-metrics.ts'
import { workQueue, type WorkQueue } from './workqueue.ts'

/** What a process gives to all of its controllers. */
export interface LoopContext {
  readonly client: Client
  readonly informers: Informers
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Where the controllers' queues are counted. */
  readonly queueMetrics?: QueueMetrics
}

/** What `reconcile` works with: the client remembers its writes, events carry the controller's name. */
export interface ControllerContext extends LoopContext {
  readonly events: EventRecorder
}

/** An object's name, never its state: reconciling looks at levels, not at events. */
export interface ReconcileKey {
  readonly namespace: string
  readonly name: string
}

/** `requeueAfterMs`: look again then, whatever happens in between. */
export type ReconcileResult = { readonly requeueAfterMs: number } | void

/**
 * One controller. `runController` owns informers → queue → workers → back-off. `reconcile` is called with one key at a
 * time (never twice at once for the same key), must be idempotent, and throws to be called again after a back-off.
 */
export interface ControllerSpec {
  readonly name: string
  /** Who its events come from, in the words of `kubectl describe`. */
  readonly component: string
  /** Each change of these objects enqueues their own key. */
  readonly watches: ResourceRef
  /** Each change of these enqueues the key of their controlling owner, if that is of the kind in `watches`. */
  readonly owns?: readonly ResourceRef[]
  /** Each change of these enqueues the keys that the function names. */
  readonly triggers?: readonly Trigger[]
  /** What `reconcile` reads from the informers beyond all these: it starts when they are synced too. */
  readonly reads?: readonly ResourceRef[]
  readonly workers: number
  reconcile(key: ReconcileKey, context: ControllerContext, signal: AbortSignal): Promise<ReconcileResult>
}

export interface Trigger {
  readonly resource: ResourceRef
  /** Keys (`namespace/name`) in the `watches` resource that a change of `object` concerns. */
  readonly keys: (object: KubeObject, context: LoopContext) => readonly string[]
  /** Only the end of an object counts, and `metadata` is all that `keys` sees of it: costs nothing where others follow it so already. */
  readonly isDeletion?: boolean
}

/** An error that trying again won't mend: `reconcile` has said so in a condition. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError'
}

/** Runs until `signal` aborts; resolves when the work in hand is finished. */
export async function runController(
  spec: ControllerSpec,
  context: LoopContext,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return
  const logger = context.logger.with({ controller: spec.name })
  await using stack = new AsyncDisposableStack()
  const events = stack.use(openEventRecorder({ ...context, component: spec.component }))
  const queue = workQueue({ ...context, onAdd: () => counted?.added() })
  const counted = context.queueMetrics && stack.use(context.queueMetrics.follow(spec.name, queue))
  stack.defer(() => queue.shutDown())
  const onAbort = () => queue.shutDown()
  signal.addEventListener('abort', onAbort, { once: true })
  stack.defer(() => signal.removeEventListener('abort', onAbort))
  for (const disconnect of connect(spec, context, queue)) stack.defer(disconnect)
  try {
    const used = [spec.watches, ...(spec.owns ?? []), ...triggersOf(spec), ...(spec.reads ?? [])]
    await allSynced(
      [
        ...used.map((resource) => context.informers.for(resource)),
        ...deletionsOf(spec).map(({ resource }) => context.informers.metadata(resource)),
      ],
      signal,
    )
  } catch (error) {
    if (signal.aborted) return
    throw error
  }
  const writes = ownWrites(context.client, context.informers, context.clock)
  const own = { ...context, client: writes.client, events, logger }
  await Promise.all(
    Array.from({ length: spec.workers }, () => work(spec, own, { queue, writes, counted }, signal)),
  )
}

const triggersOf = ({ triggers = [] }: ControllerSpec) =>
  triggers.filter(({ isDeletion }) => isDeletion !== true).map(({ resource }) => resource)
const deletionsOf = ({ triggers = [] }: ControllerSpec) =>
  triggers.filter(({ isDeletion }) => isDeletion === true)

/** From changes to keys. Yields what takes each handler away again. */
function* connect(spec: ControllerSpec, context: LoopContext, queue: WorkQueue): Generator<() => void> {
  const on = (resource: ResourceRef, keys: (object: KubeObject) => readonly string[]) => {
    const handler: ChangeHandler<KubeObject> = ({ object, previous }) => {
      // Whoever owned or selected it before and no longer does has to know too. Each key once: a second add of a key
      // that a worker has just taken would make it work again.
      const concerned = new Set([...keys(object), ...(previous ? keys(previous) : [])])
      for (const key of concerned) queue.add(key)
    }
    return context.informers.for(resource).onChange(handler)
  }
  yield on(spec.watches, (object) => [keyOf(object)])
  for (const owned of spec.owns ?? []) yield on(owned, (object) => ownerKeys(spec.watches, object))
  for (const { isDeletion, keys, resource } of spec.triggers ?? [])
    if (isDeletion !== true) yield on(resource, (object) => keys(object, context))
  for (const { keys, resource } of deletionsOf(spec))
    yield context.informers.metadata(resource).onChange(({ object, type }) => {
      if (type === 'deleted') for (const key of keys(object, context)) queue.add(key)
    })
}

function ownerKeys(owner: ResourceRef, object: KubeObject): readonly string[] {
  const isOurs = ({ apiVersion, controller, kind }: OwnerReference) =>
    controller === true && kind === owner.kind && groupVersionOf(apiVersion).group === owner.group
  const { namespace, ownerReferences = [] } = object.metadata
  const prefix = owner.namespaced && namespace ? `${namespace}/` : ''
  return ownerReferences.filter(isOurs).map(({ name }) => prefix + name)
}

interface Work {
  readonly queue: WorkQueue
  readonly writes: OwnWrites
  readonly counted: QueueRecord | undefined
}

async function work(
  spec: ControllerSpec,
  context: ControllerContext,
  { counted, queue, writes }: Work,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const key = await queue.take()
    if (key === undefined) return
    const startMs = context.clock.monotonicMs()
    try {
      await writes.caughtUp(signal)
      const result = await spec.reconcile(splitKey(key), context, signal)
      queue.forget(key)
      if (result) queue.addAfter(key, result.requeueAfterMs)
    } catch (error) {
      if (signal.aborted) return
      counted?.retried()
      onFailure(error, key, queue, context.logger)
    } finally {
      counted?.worked((context.clock.monotonicMs() - startMs) / 1_000)
      queue.done(key)
    }
  }
}

function onFailure(error: unknown, key: string, queue: WorkQueue, logger: Logger): void {
  if (error instanceof TerminalError) {
    logger.warn('gave up', { key, error: describeError(error) })
    queue.forget(key)
    return
  }
  // Somebody else wrote first, or our own write is still on its way to the cache: everyday traffic.
  const level = isConflict(error) || error instanceof StaleCacheError ? 'debug' : 'warn'
  logger[level]('trying again', { key, retries: queue.retries(key), error: describeError(error) })
  queue.addRateLimited(key)
}
