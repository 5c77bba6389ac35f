/**
 * What the answers of a probe mean, apart from how they are got. As kubelet's prober worker (pkg/kubelet/prober/worker.go):
 * a result counts once it came `threshold` times in a row. Pure.
 *
 *   startup:   unknown ──success──▶ success (the other probes begin)      ──failure──▶ the container is restarted
 *   liveness:  success ──failure──▶ the container is restarted
 *   readiness: failure ◀─────────▶ success
 */
import type { Container, Probe } from '../api/schema/types.gen.ts'

export type ProbeKind = 'startup' | 'liveness' | 'readiness'

export interface ProbeState {
  readonly kind: ProbeKind
  readonly result: 'unknown' | 'success' | 'failure'
  /** The latest answer, and how often it came in a row. */
  readonly last?: 'success' | 'failure'
  readonly run: number
  readonly dueMs: number
  /** Answers asked for ahead of the period, while the container comes up. */
  readonly early: number
}

/** How soon a container that isn't up yet is asked again, at first: readiness shows well before a period of ten seconds ends. */
const earlyBaseMs = 100
const earlyFactor = 1.5

export const probeOf = (container: Container, kind: ProbeKind): Probe | undefined => container[`${kind}Probe`]

export const periodMs = (probe: Probe): number => (probe.periodSeconds ?? 10) * 1000
export const timeoutMs = (probe: Probe): number => (probe.timeoutSeconds ?? 1) * 1000

/** The states of all probes of a container that starts now. */
export function startProbes(container: Container, startedMs: number): readonly ProbeState[] {
  return (['startup', 'liveness', 'readiness'] as const).flatMap((kind) => {
    const probe = probeOf(container, kind)
    if (!probe) return []
    const result = kind === 'startup' ? 'unknown' : kind === 'liveness' ? 'success' : 'failure'
    const dueMs = startedMs + (probe.initialDelaySeconds ?? 0) * 1000
    return [{ kind, result, run: 0, dueMs, early: 0 } as const]
  })
}

/** Whether a probe runs at all at this time: nothing but the startup probe until that has succeeded, and only that. */
export function isActive(state: ProbeState, states: readonly ProbeState[]): boolean {
  const startup = states.find(({ kind }) => kind === 'startup')
  return state.kind === 'startup' ? state.result !== 'success' : !startup || startup.result === 'success'
}

/** Takes one answer into account. `result` changes only at a threshold. */
export function applyAnswer(
  state: ProbeState,
  answer: { readonly isSuccess: boolean; readonly nowMs: number; readonly probe: Probe },
): ProbeState {
  const { isSuccess, nowMs, probe } = answer
  const last = isSuccess ? 'success' : 'failure'
  if (isEarly(state, isSuccess, probe)) {
    // Not counted: the failures of a program that is still starting would otherwise use up its thresholds.
    const waitMs = Math.min(periodMs(probe), earlyBaseMs * earlyFactor ** state.early)
    return { ...state, early: state.early + 1, dueMs: nowMs + waitMs }
  }
  const run = state.last === last ? state.run + 1 : 1
  const threshold = isSuccess ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3)
  return {
    ...state,
    last,
    run,
    result: run >= threshold ? last : state.result,
    dueMs: nowMs + periodMs(probe),
  }
}

/** A container that has not been up yet, asked between the ticks of its period. Liveness failures always count. */
function isEarly(state: ProbeState, isSuccess: boolean, probe: Probe): boolean {
  if (isSuccess || state.kind === 'liveness' || state.last === 'success' || state.result === 'success')
    return false
  return earlyBaseMs * earlyFactor ** state.early < periodMs(probe)
}

export const isStarted = (states: readonly ProbeState[]): boolean =>
  !states.some(({ kind, result }) => kind === 'startup' && result !== 'success')

export const isReady = (states: readonly ProbeState[]): boolean =>
  isStarted(states) && !states.some(({ kind, result }) => kind === 'readiness' && result !== 'success')

/** The probe that asks for a restart, if one does. */
export const failedProbe = (states: readonly ProbeState[]): ProbeKind | undefined =>
  states.find(({ kind, result }) => kind !== 'readiness' && result === 'failure')?.kind
