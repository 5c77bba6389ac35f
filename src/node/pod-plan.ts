/**
 * What to do next for the containers of a pod, decided from what is known of them. Pure; `pod-worker.ts` acts on it.
 */
import type { Pod } from '../api/schema/types.gen.ts'
import type { ProbeKind } from './probe-state.ts'
import { restartWaitMs, type RestartBackoff } from './restart-backoff.ts'

export interface ContainerFacts {
  readonly phase: 'none' | 'running' | 'exited'
  readonly exitCode?: number
  readonly finishedAtMs?: number
  readonly backoff?: RestartBackoff
  /** A probe that asks for a restart. */
  readonly failedProbe?: ProbeKind
}

export type ContainerAction =
  | { readonly do: 'start'; readonly name: string }
  /** The restart waits: CrashLoopBackOff. */
  | { readonly do: 'wait'; readonly name: string; readonly waitMs: number; readonly delayMs: number }
  | { readonly do: 'kill'; readonly name: string; readonly probe: ProbeKind }

export interface PodPlan {
  readonly actions: readonly ContainerAction[]
  /** Init containers aren't through: the others wait with PodInitializing. */
  readonly isInitializing: boolean
  /** Nothing runs and nothing will be started any more. */
  readonly isDone: boolean
}

const notStarted: ContainerFacts = { phase: 'none' }

export function planPod(pod: Pod, facts: ReadonlyMap<string, ContainerFacts>, nowMs: number): PodPlan {
  const factsOf = (name: string) => facts.get(name) ?? notStarted
  const policy = pod.spec.restartPolicy ?? 'Always'
  const hasStarted = pod.spec.containers.some(({ name }) => factsOf(name).phase !== 'none')
  if (!hasStarted) {
    for (const { name } of pod.spec.initContainers ?? []) {
      const fact = factsOf(name)
      if (fact.phase === 'exited' && fact.exitCode === 0) continue
      // A failed init container is run again, except under Never: `Always` speaks of those that are to keep running.
      if (fact.phase === 'exited' && policy === 'Never')
        return { actions: [], isInitializing: true, isDone: true }
      return {
        actions: actionsFor(name, fact, { restarts: true, nowMs }),
        isInitializing: true,
        isDone: false,
      }
    }
  }
  const actions = pod.spec.containers.flatMap(({ name }) => {
    const fact = factsOf(name)
    return actionsFor(name, fact, { restarts: mayRestart(policy, fact), nowMs })
  })
  const isDone = pod.spec.containers.every(({ name }) => {
    const fact = factsOf(name)
    return fact.phase === 'exited' && !mayRestart(policy, fact)
  })
  return { actions, isInitializing: false, isDone }
}

const mayRestart = (policy: string, { exitCode }: ContainerFacts): boolean =>
  policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)

function actionsFor(
  name: string,
  fact: ContainerFacts,
  { restarts, nowMs }: { readonly restarts: boolean; readonly nowMs: number },
): readonly ContainerAction[] {
  switch (fact.phase) {
    case 'none':
      return [{ do: 'start', name }]
    case 'running':
      return fact.failedProbe ? [{ do: 'kill', name, probe: fact.failedProbe }] : []
    case 'exited': {
      if (!restarts) return []
      const waitMs = restartWaitMs(fact.backoff, { finishedAtMs: fact.finishedAtMs ?? nowMs, nowMs })
      return waitMs === 0
        ? [{ do: 'start', name }]
        : [{ do: 'wait', name, waitMs, delayMs: fact.backoff?.delayMs ?? 0 }]
    }
  }
}
