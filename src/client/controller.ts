import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import { describeError, type Logger } from '../base/logger.ts'
import { keyOf, splitKey, type KubeObject, type OwnerReference } from '../api/meta.ts'
import { isConflict } from '../api/status.ts'
import type { Client, ResourceRef } from './client.ts'
import type { EventRecorder } from './events.ts'
import type { Informers } from './informers.ts'
import { ownWrites, type OwnWrites } from './own-writes.ts'
import { workQueue, type WorkQueue } from './workqueue.ts'

export interface ControllerContext {
  readonly client: Client
  readonly informers: Informers
  readonly events: EventRecorder
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
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
  /** Each change of these objects enqueues their own key. */
  readonly watches: ResourceRef
  /** Each change of these enqueues the key of their controlling owner, if that is of the kind in `watches`. */
  readonly owns?: readonly ResourceRef[]
  /** Each change of these enqueues the keys that the function names. */
  readonly triggers?: readonly Trigger[]
  readonly workers: number
  reconcile(key: ReconcileKey, context: ControllerContext, signal: AbortSignal): Promise<ReconcileResult>
}

export interface Trigger {
  readonly resource: ResourceRef
  /** Keys (`namespace/name`) in the `watches` resource that a change of `object` concerns. */
  readonly keys: (object: KubeObject, context: ControllerContext) => readonly string[]
}

/** An error that trying again won't mend: `reconcile` has said so in a condition. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError'
}

/** Runs until `signal` aborts; resolves when the work in hand is finished. */
export async function runController(
  spec: ControllerSpec,
  context: ControllerContext,
  signal: AbortSignal,
): Promise<void> {
  const logger = context.logger.with({ controller: spec.name })
  const queue = workQueue(context)
  const writes = ownWrites(context.client, context.informers, context.clock)
  connect(spec, context, queue)
  const onAbort = () => queue.shutDown()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) queue.shutDown()
  try {
    await context.informers.synced()
    await Promise.all(
      Array.from({ length: spec.workers }, () =>
        work(spec, { ...context, logger }, { queue, writes }, signal),
      ),
    )
  } finally {
    signal.removeEventListener('abort', onAbort)
    queue.shutDown()
  }
}

function connect(spec: ControllerSpec, context: ControllerContext, queue: WorkQueue): void {
  context.informers.for(spec.watches).onChange(({ object }) => queue.add(keyOf(object)))
  for (const owned of spec.owns ?? []) {
    context.informers.for(owned).onChange(({ object, previous }) => {
      for (const owner of ownerKeys(spec.watches, object)) queue.add(owner)
      if (previous) for (const owner of ownerKeys(spec.watches, previous)) queue.add(owner)
    })
  }
  for (const trigger of spec.triggers ?? []) {
    context.informers.for(trigger.resource).onChange(({ object, previous }) => {
      for (const key of trigger.keys(object, context)) queue.add(key)
      if (previous) for (const key of trigger.keys(previous, context)) queue.add(key)
    })
  }
}

function ownerKeys(owner: ResourceRef, object: KubeObject): readonly string[] {
  const isOurs = (reference: OwnerReference) =>
    reference.controller === true &&
    reference.kind === owner.kind &&
    reference.apiVersion.split('/').length === (owner.group === '' ? 1 : 2) &&
    (owner.group === '' || reference.apiVersion.startsWith(`${owner.group}/`))
  const { namespace } = object.metadata
  const prefix = owner.namespaced && namespace ? `${namespace}/` : ''
  return (object.metadata.ownerReferences ?? []).filter(isOurs).map((reference) => prefix + reference.name)
}

async function work(
  spec: ControllerSpec,
  context: ControllerContext,
  { queue, writes }: { readonly queue: WorkQueue; readonly writes: OwnWrites },
  signal: AbortSignal,
): Promise<void> {
  const own = { ...context, client: writes.client }
  for (;;) {
    const key = await queue.take()
    if (key === undefined) return
    try {
      await writes.caughtUp(signal)
      const result = await spec.reconcile(splitKey(key), own, signal)
      queue.forget(key)
      if (result) queue.addAfter(key, result.requeueAfterMs)
    } catch (error) {
      if (signal.aborted) return
      onFailure(error, key, queue, context.logger)
    } finally {
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
  // Somebody else wrote first: everyday traffic, the newer object is on its way.
  const level = isConflict(error) ? 'debug' : 'warn'
  logger[level]('trying again', { key, retries: queue.retries(key), error: describeError(error) })
  queue.addRateLimited(key)
}
