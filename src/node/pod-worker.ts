/**
 * The worker of one pod: one loop, one thing at a time, that brings what runs on this machine to what the API wants.
 * It looks at levels only (the pod as last seen, the records on disk, the processes), so it may be killed anywhere.
 *
 *   wake (pod changed, container ended, probe answered, something fell due)
 *     └▶ sync: leaving? ── no ──▶ plan (pure) ─▶ start / kill / wait ─▶ status
 *                  └─ yes ─▶ stop all ─▶ final status ─▶ DELETE ─▶ folder removed ─▶ the end
 */
import { backoffMs } from '../base/backoff.ts'
import { deferred } from '../base/deferred.ts'
import { describeError } from '../base/logger.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import type { Handle } from '../runtime/runtime.ts'
import { askAhead } from './ask-ahead.ts'
import { commandInside, type InsideCommand } from './container-inside.ts'
import type { ContainerRun } from './container-run.ts'
import { factsOf, turnWaiting } from './container-slot.ts'
import type { NodeContext } from './context.ts'
import { allContainers } from './downward-api.ts'
import { act, openSlots, probeSlot } from './pod-containers.ts'
import { freeDisk, leavePod } from './pod-leave.ts'
import { planPod, type PodPlan } from './pod-plan.ts'
import { writePodRecord, type PodEnd, type PodRecord } from './pod-records.ts'
import { createPodState, podIPOf, publish, recorderOf, type PodState } from './pod-state.ts'
import { isTerminalPhase } from './pod-status.ts'
import { graceMsOf, stopAll } from './pod-stop.ts'
import { isErrno } from './write-file.ts'

export interface PodWorker extends AsyncDisposable {
  readonly uid: string
  /** The pod as last seen. */
  readonly pod: Pod
  readonly index: number
  /** 127.x: where the pod really listens. */
  readonly address: string
  /** Undefined until the node has a range. */
  readonly podIP: string | undefined
  /** The containers that run, as far as they have been found. */
  running(): readonly { readonly name: string; readonly handle: Handle }[]
  /** Paths in the package cache that its containers run from; undefined while that isn't known. */
  packages(): readonly string[] | undefined
  /** The API server's latest word. */
  update(pod: Pod): void
  /** The API server has said that this pod is no more: stop it and clean up. */
  vanish(): void
  /** False once it has ended, or is about to. */
  isActive(): boolean
  /** Ends the pod for good. Resolves when what it had on the disk, but for its logs, is free again. */
  evict(end: PodEnd): Promise<void>
  /** Waits until what is on this machine has been found. */
  container(name: string): Promise<ContainerRun | undefined>
  /** One more command in the surroundings of a container; undefined when that doesn't run. */
  enter(container: string, argv: readonly string[]): Promise<InsideCommand | undefined>
  /** Resolves when nothing of the pod is left on this machine; never when disposed before. */
  readonly left: Promise<void>
}

export interface PodWorkerOptions {
  readonly context: NodeContext
  readonly record: PodRecord
  /** The server knows no such pod: the agent makes sure and calls `vanish`. */
  readonly onMissing: () => void
}

const syncRetry = { baseMs: 200, factor: 2, capMs: 10_000, jitter: 0.2 }
const volumeRefreshMs = 10_000 // how late a changed ConfigMap or Secret shows in a volume, beside the cache's five seconds
const freeRetryMs = 100 // an ended pod's programs are on their way out
const idleMs = 60_000 // a look without a reason, in case a wake-up was missed

export function startPodWorker({ context: node, record, onMissing }: PodWorkerOptions): PodWorker {
  const context = { ...node, objects: node.objects.fromNow() }
  if (isNew(record)) askAhead(context, record.pod)
  const stop = new AbortController()
  const left = deferred()
  const opened = deferred()
  let woken = deferred()
  const wake = () => woken.resolve()
  const state = createPodState({ context, record, wake, stop: stop.signal, onMissing })

  const run = async () => {
    for (let failures = 0; !stop.signal.aborted;) {
      woken = deferred()
      let dueMs: number | undefined
      try {
        await save(state)
        await openSlots(state)
        opened.resolve()
        await save(state) // what came meanwhile; nothing may come between this and the look
        dueMs = await sync(state)
        if (dueMs === undefined) return left.resolve()
        failures = 0
      } catch (error) {
        if (stop.signal.aborted) return
        noteTrouble(state, error)
        dueMs = backoffMs(failures++, syncRetry, context.random)
      }
      const cancel = context.clock.after(Math.max(dueMs, 1), wake)
      await woken.promise
      cancel()
    }
  }
  const running = run()
  const change = (what: Partial<PodRecord>) => {
    state.record = { ...state.record, ...what }
    wake()
  }
  return {
    uid: state.uid,
    index: record.index,
    address: state.address,
    get podIP() {
      return podIPOf(state)
    },
    get pod() {
      return state.record.pod
    },
    running: () => runningOf(state),
    packages: () => packagesOf(state),
    update: (pod) => change({ pod }),
    vanish: () => change({ isGone: true }),
    isActive: () => isActive(state.record),
    evict(ended) {
      context.recorder.record(state.record.pod, 'Warning', ended.reason, ended.message)
      change({ ended })
      return state.freed.promise
    },
    container: (container) => opened.promise.then(() => state.slots.get(container)?.run),
    enter: (container, argv) => opened.promise.then(() => commandInside(state, container, argv)),
    left: left.promise,
    async [Symbol.asyncDispose]() {
      const why = new Error('the agent lets go of the pod')
      for (const controller of [stop, state.starts]) controller.abort(why)
      wake()
      opened.resolve()
      await state.writer[Symbol.asyncDispose]()
      await running
      await closeSlots(state)
    },
  }
}

const runningOf = ({ slots }: PodState): readonly { readonly name: string; readonly handle: Handle }[] =>
  [...slots].flatMap(([name, { run }]) => (run.handle ? [{ name, handle: run.handle }] : []))

const isActive = ({ ended, isGone, pod }: PodRecord): boolean =>
  !ended && !isGone && !pod.metadata.deletionTimestamp && !isTerminalPhase(pod.status?.phase)

/** One that has a status runs already, mostly. */
const isNew = (record: PodRecord): boolean => isActive(record) && !record.pod.status?.startTime

function packagesOf({ record, slots }: PodState): readonly string[] | undefined {
  if (record.ended || isTerminalPhase(record.pod.status?.phase)) return []
  if (slots.size < allContainers(record.pod).length) return undefined
  const records = [...slots.values()].map(({ run }) => run.record)
  if (records.some(({ current, packages }) => current && !packages)) return undefined
  return records.flatMap(({ packages = [] }) => packages)
}

async function closeSlots({ slots }: PodState): Promise<void> {
  for (const { run, starting } of slots.values()) {
    await starting
    await run[Symbol.asyncDispose]()
  }
}

/** A pod that the machine refuses (a full disk, for one) says so, and shows what is known of it. */
function noteTrouble(state: PodState, error: unknown): void {
  const { context, record } = state
  if (isErrno(error, 'ENOSPC')) context.onDiskFull()
  const { namespace, name } = record.pod.metadata
  context.logger.warn('a pod could not be brought to its state, trying again', {
    pod: `${namespace}/${name}`,
    error,
  })
  context.recorder.record(record.pod, 'Warning', 'FailedSync', `Error syncing pod: ${describeError(error)}`)
  publish(state)
}

/** One look. Answers in how many milliseconds the next one is needed; undefined when the pod has left. */
async function sync(state: PodState): Promise<number | undefined> {
  const { context, slots } = state
  const { clock } = context
  const { pod } = state.record
  if (state.record.isGone || pod.metadata.deletionTimestamp)
    return (await leavePod(state)) ? undefined : idleMs
  const leftMs = deadlineMs(state)
  if (leftMs !== undefined && leftMs <= 0) {
    const message = 'Pod was active on the node longer than the specified deadline'
    state.record = { ...state.record, ended: { reason: 'DeadlineExceeded', message } }
    await save(state)
  }
  if (state.record.ended || isTerminalPhase(pod.status?.phase)) {
    stopAll(state, graceMsOf(state))
    publish(state)
    return (await freeDisk(state)) ? idleMs : freeRetryMs
  }
  const isFresh = [...slots.values()].every(({ run }) => run.phase === 'none')
  if (isFresh && podIPOf(state) === undefined) return idleMs // the agent wakes all when the node gets its range
  await refreshVolumes(state)
  const dues = [idleMs, leftMs, ...[...slots.values()].map((slot) => probeSlot(state, slot))]
  const nowMs = clock.monotonicMs()
  const plan = planPod(
    pod,
    new Map([...slots].map(([name, slot]) => [name, factsOf(slot)])),
    clock.now().getTime(),
  )
  for (const action of plan.actions) {
    act(state, action)
    if (action.do === 'wait') dues.push(action.waitMs)
  }
  noteWaiting(state, plan, nowMs)
  for (const { turnAtMs, retryAtMs } of slots.values()) {
    if (turnAtMs !== undefined) dues.push(turnAtMs - nowMs)
    if (retryAtMs > nowMs) dues.push(retryAtMs - nowMs)
  }
  if (state.volumesDueMs > nowMs) dues.push(state.volumesDueMs - nowMs)
  const quietMs = quietUntilMs(state) - nowMs
  if (quietMs > 0) dues.push(quietMs)
  else publish(state)
  return Math.min(...dues.filter((due) => due !== undefined))
}

/** While all goes its way, a pod of which nobody was told is about to have more to tell: mostly its first status then says that it is ready. */
function quietUntilMs({ quietUntilMs: until, record, slots, writer }: PodState): number {
  if (writer.baseOf(record.pod)?.startTime !== undefined) return 0
  const all = [...slots.values()]
  if (all.some(({ run, waiting }) => run.phase === 'exited' || waiting)) return 0
  if (all.some(({ starting }) => starting !== undefined)) return until.starting
  return all.some(({ probes }) => probes?.isReady === false) ? until.running : 0
}

/**
 * Returns with the latest record on disk, also when it changes while it is written. Only then may it be acted on: an
 * app that was told to end because of a deletion must not be started again by an agent that has never heard of it.
 */
async function save(state: PodState): Promise<void> {
  while (state.saved !== state.record) {
    const { record } = state
    try {
      await writePodRecord(state.paths, record)
    } catch (error) {
      // A full disk must not protect a pod that is ended because of it. Were the agent killed now, the next one would look again.
      if (!record.ended || !isErrno(error, 'ENOSPC')) throw error
      return state.context.onDiskFull()
    }
    state.saved = record
  }
}

/** Milliseconds until the pod's deadline, if it has one. */
function deadlineMs({ record, context }: PodState): number | undefined {
  const seconds = record.pod.spec.activeDeadlineSeconds
  if (seconds === undefined || record.ended) return undefined
  return Date.parse(record.startTime) + seconds * 1000 - context.clock.now().getTime()
}

async function refreshVolumes(state: PodState): Promise<void> {
  const { context, record, slots, volumes } = state
  const nowMs = context.clock.monotonicMs()
  const isRunning = [...slots.values()].some(({ run }) => run.phase === 'running')
  const mayChange = record.pod.spec.volumes?.some(
    ({ emptyDir, hostPath, persistentVolumeClaim: claim }) => !emptyDir && !hostPath && !claim,
  )
  if (!isRunning || !mayChange || nowMs < state.volumesDueMs) return
  state.volumesDueMs = nowMs + volumeRefreshMs
  try {
    await volumes.update(record.pod, podIPOf(state))
  } catch (error) {
    context.logger.debug('volumes keep their content for now', { error })
  }
}

function noteWaiting(state: PodState, plan: PodPlan, nowMs: number): void {
  const apps = new Set(state.record.pod.spec.containers.map(({ name }) => name))
  for (const [name, slot] of state.slots) {
    turnWaiting(slot, nowMs, recorderOf(state, slot.container))
    if (plan.isInitializing && apps.has(name)) slot.waiting = { reason: 'PodInitializing' }
    else if (slot.waiting?.reason === 'PodInitializing') delete slot.waiting
  }
}
