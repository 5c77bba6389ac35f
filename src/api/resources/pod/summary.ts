/**
 * A pod in one row: how many of its containers are ready, one word for its state, how often it was restarted. The
 * word is the most telling one of its phase, its conditions and the states of its containers, picked exactly as
 * kube-apiserver does (kubernetes pkg/printers/internalversion/printers.go, printPod); kubectl users know these words.
 */
import { ageOf } from '../../duration.ts'
import type { ContainerState, ContainerStatus, Pod } from '../../schema/types.gen.ts'

export interface PodSummary {
  /** `1/2` */
  readonly ready: string
  /** `Running`, `CrashLoopBackOff`, `Init:0/1`, `Terminating`… */
  readonly status: string
  /** `3 (5m ago)`, `0` */
  readonly restarts: string
}

export const summarizePod = (pod: Pod, nowMs: number): PodSummary => {
  const init = readInitContainers(pod)
  const isStarted = init.reason === undefined || hasCondition(pod, 'Initialized', 'True')
  const main = isStarted ? readContainers(pod) : undefined
  // Restarts of init containers count only while they run: afterwards they are history.
  const restarted = main === undefined ? init.restarted : [...init.sidecarsRestarted, ...main.restarted]
  const total = pod.spec.containers.length + (pod.spec.initContainers ?? []).filter(isSidecar).length
  return {
    ready: `${init.readyCount + (main?.readyCount ?? 0)}/${total}`,
    status: deletionReason(pod) ?? finalReason(pod, init.reason, main),
    restarts: restartsText(restarted, nowMs),
  }
}

interface InitRead {
  /** Set while initialization isn't done: `Init:0/1`. */
  readonly reason?: string
  readonly readyCount: number
  readonly restarted: readonly ContainerStatus[]
  readonly sidecarsRestarted: readonly ContainerStatus[]
}

/** Reads up to the first init container that holds the others up. */
const readInitContainers = (pod: Pod): InitRead => {
  const statuses = pod.status?.initContainerStatuses ?? []
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name))
  let readyCount = 0
  for (const [index, status] of statuses.entries()) {
    if (status.state?.terminated?.exitCode === 0) continue
    if (sidecars.has(status.name) && status.started === true) {
      if (status.ready) readyCount++
      continue
    }
    const seen = statuses.slice(0, index + 1)
    return {
      reason: initReason(status.state, `${index}/${(pod.spec.initContainers ?? []).length}`),
      readyCount,
      restarted: seen,
      sidecarsRestarted: seen.filter(({ name }) => sidecars.has(name)),
    }
  }
  return {
    readyCount,
    restarted: statuses,
    sidecarsRestarted: statuses.filter(({ name }) => sidecars.has(name)),
  }
}

const initReason = (state: ContainerState | undefined, progress: string): string => {
  if (state?.terminated !== undefined) return `Init:${terminationReason(state.terminated)}`
  const waiting = state?.waiting?.reason ?? ''
  return waiting === '' || waiting === 'PodInitializing' ? `Init:${progress}` : `Init:${waiting}`
}

interface MainRead {
  readonly reason?: string
  readonly readyCount: number
  readonly restarted: readonly ContainerStatus[]
}

/** The first container in the list that has something to say has the word. */
const readContainers = (pod: Pod): MainRead => {
  const statuses = pod.status?.containerStatuses ?? []
  const reasons = statuses.map(({ state }) => containerReason(state)).filter((reason) => reason !== '')
  const ready = statuses.filter(
    ({ ready: isReady, state }) => isReady && state?.running !== undefined && containerReason(state) === '',
  )
  return {
    ...(reasons[0] === undefined ? {} : { reason: reasons[0] }),
    readyCount: ready.length,
    restarted: statuses,
  }
}

const containerReason = (state: ContainerState | undefined): string => {
  const waiting = state?.waiting?.reason ?? ''
  if (waiting !== '') return waiting
  return state?.terminated === undefined ? '' : terminationReason(state.terminated)
}

const terminationReason = (terminated: NonNullable<ContainerState['terminated']>): string => {
  if ((terminated.reason ?? '') !== '') return terminated.reason ?? ''
  if ((terminated.signal ?? 0) !== 0) return `Signal:${terminated.signal}`
  return `ExitCode:${terminated.exitCode ?? 0}`
}

const finalReason = (pod: Pod, initial: string | undefined, main: MainRead | undefined): string => {
  const reason = main?.reason ?? initial ?? podReason(pod)
  // One container is done, another still runs: the pod isn't completed.
  if (main === undefined || reason !== 'Completed' || main.readyCount === 0) return reason
  return hasCondition(pod, 'Ready', 'True') ? 'Running' : 'NotReady'
}

const podReason = ({ status }: Pod): string => {
  const isGated = (status?.conditions ?? []).some(
    ({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated',
  )
  if (isGated) return 'SchedulingGated'
  return status?.reason || status?.phase || ''
}

const deletionReason = ({ metadata, status }: Pod): string | undefined => {
  if ((metadata.deletionTimestamp ?? '') === '') return undefined
  if (status?.reason === 'NodeLost') return 'Unknown'
  return status?.phase === 'Failed' || status?.phase === 'Succeeded' ? undefined : 'Terminating'
}

const restartsText = (statuses: readonly ContainerStatus[], nowMs: number): string => {
  let count = 0
  let last = ''
  for (const status of statuses) {
    count += status.restartCount ?? 0
    const finishedAt = status.lastState?.terminated?.finishedAt ?? ''
    if (last === '' || Date.parse(finishedAt) > Date.parse(last)) last = finishedAt
  }
  return count === 0 || last === '' ? String(count) : `${count} (${ageOf(last, nowMs)} ago)`
}

const hasCondition = ({ status }: Pod, type: string, wanted: string): boolean =>
  (status?.conditions ?? []).some((condition) => condition.type === type && condition.status === wanted)

/** An init container that keeps running beside the pod's containers. */
const isSidecar = ({ restartPolicy }: { restartPolicy?: string }): boolean => restartPolicy === 'Always'
