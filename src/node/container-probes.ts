/** Runs the probes of one attempt of a container. The pod's worker says when. */
import type { Container } from '../api/schema/types.gen.ts'
import { startListening } from './listening.ts'
import {
  applyAnswer,
  failedProbe,
  isActive,
  isReady,
  isStarted,
  probeOf,
  startProbes,
  type ProbeKind,
  type ProbeState,
} from './probe-state.ts'
import { waitForPort } from './port-wait.ts'
import { ask, type ProbeTarget } from './prober.ts'

export interface ContainerProbes {
  /** Asks what is due and answers with the milliseconds until something is due again; undefined: never. */
  runDue(nowMs: number): number | undefined
  readonly isStarted: boolean
  readonly isReady: boolean
  readonly failed: ProbeKind | undefined
}

export interface ContainerProbesOptions {
  readonly container: Container
  readonly target: ProbeTarget
  readonly startedMs: number
  /** An adopted container that the API knows as ready stays so until a probe says otherwise. */
  readonly wasReady: boolean
  readonly onFailure: (kind: ProbeKind, message: string) => void
  /** Called when an answer is there: the pod's worker looks again. */
  readonly onAnswer: () => void
}

export function createContainerProbes(options: ContainerProbesOptions): ContainerProbes {
  const { container, target, startedMs, wasReady } = options
  const fresh = startProbes(container, startedMs)
  let states: readonly ProbeState[] = wasReady
    ? fresh.map((state) => ({ ...state, result: 'success' as const }))
    : fresh
  const asking = new Set<ProbeKind | 'listening'>()
  let listening = wasReady ? undefined : startListening(container, startedMs)

  const run = async (kind: ProbeKind) => {
    const probe = probeOf(container, kind)
    if (!probe) return
    const { isSuccess, message } = await ask(probe, target)
    const nowMs = target.clock.monotonicMs()
    states = states.map((state) =>
      state.kind === kind ? applyAnswer(state, { isSuccess, nowMs, probe }) : state,
    )
    asking.delete(kind)
    if (!isSuccess && states.find((state) => state.kind === kind)?.last === 'failure')
      options.onFailure(kind, message)
    options.onAnswer()
  }
  const listens = () => {
    listening = undefined
    asking.delete('listening')
    options.onAnswer()
  }
  return {
    runDue(nowMs) {
      let next: number | undefined
      if (listening && !asking.has('listening')) {
        if (listening.dueMs <= nowMs) {
          asking.add('listening')
          waitForPort(listening, target, listens)
        } else next = listening.dueMs - nowMs
      }
      for (const state of states) {
        if (asking.has(state.kind) || !isActive(state, states)) continue
        if (state.dueMs <= nowMs) {
          asking.add(state.kind)
          void run(state.kind)
        } else next = Math.min(next ?? Infinity, state.dueMs - nowMs)
      }
      return next
    },
    get isStarted() {
      return isStarted(states)
    },
    get isReady() {
      return isReady(states) && !listening
    },
    get failed() {
      return failedProbe(states)
    },
  }
}
