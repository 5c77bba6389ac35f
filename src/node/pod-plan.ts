/**
 * What to do next for the containers of a pod, decided from what is known of them. Pure; `pod-worker.ts` acts on it.
 */
import type { Container, Pod } from '../api/schema/types.gen.ts'
import type { ProbeKind } from './probe-state.ts'
import { restartWaitMs, type RestartBackoff } from './restart-backoff.ts'

export interface ContainerFacts {
  readonly phase: 'none' | 'running' | 'exited'
  /** It runs, and its startup probe and its postStart hook are through. */
  readonly isStarted?: boolean
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
  /** A sidecar that nobody needs any more. */
  | { readonly do: 'end'; readonly name: string }

export interface PodPlan {
  readonly actions: readonly ContainerAction[]
  /** Init containers aren't through: the others wait with PodInitializing. */
  readonly isInitializing: boolean
  /** Nothing runs and nothing will be started any more. */
  readonly isDone: boolean
}

const notStarted: ContainerFacts = { phase: 'none' }

/** A container that is started among the init containers and runs beside the others, up to their end. */
export const isSidecar = ({ restartPolicy }: Container): boolean => restartPolicy === 'Always'

export const sidecarsOf = (pod: Pod): readonly Container[] =>
  (pod.spec.initContainers ?? []).filter(isSidecar)

export function planPod(pod: Pod, facts: ReadonlyMap<string, ContainerFacts>, nowMs: number): PodPlan {
  const factsOf = (name: string) => facts.get(name) ?? notStarted
  const policy = pod.spec.restartPolicy ?? 'Always'
  const sidecars = sidecarsOf(pod).map(({ name }) => name)
  const hasStarted = pod.spec.containers.some(({ name }) => factsOf(name).phase !== 'none')
  const init = hasStarted ? sidecarActions(sidecars, factsOf, nowMs) : planInit(pod, factsOf, nowMs)
  if (init === 'failed') return { actions: endLast(sidecars, factsOf), isInitializing: true, isDone: true }
  if (!init.isThrough) return { actions: init.actions, isInitializing: true, isDone: false }
  const isDone = pod.spec.containers.every(({ name }) => {
    const fact = factsOf(name)
    return fact.phase === 'exited' && !mayRestart(policy, fact)
  })
  if (isDone) return { actions: endLast(sidecars, factsOf), isInitializing: false, isDone }
  const actions = pod.spec.containers.flatMap(({ name }) => {
    const fact = factsOf(name)
    return actionsFor(name, fact, { restarts: mayRestart(policy, fact), nowMs })
  })
  return { actions: [...init.actions, ...actions], isInitializing: false, isDone }
}

type FactsOf = (name: string) => ContainerFacts

interface InitPlan {
  readonly actions: readonly ContainerAction[]
  readonly isThrough: boolean
}

/**
 * One after the other: an init container is through when it has ended well, a sidecar when it has started. `failed`: one
 * has ended badly and isn't run again.
 */
function planInit({ spec }: Pod, factsOf: FactsOf, nowMs: number): InitPlan | 'failed' {
  const inits = spec.initContainers ?? []
  // A sidecar that ends later is started again, and holds up nobody who has had his turn.
  const begun = inits.findLastIndex(({ name }) => factsOf(name).phase !== 'none')
  const actions: ContainerAction[] = []
  for (const [index, container] of inits.entries()) {
    const { name } = container
    const fact = factsOf(name)
    if (isSidecar(container)) {
      actions.push(...actionsFor(name, fact, { restarts: true, nowMs }))
      if (index >= begun && fact.isStarted !== true) return { actions, isThrough: false }
      continue
    }
    if (fact.phase === 'exited' && fact.exitCode === 0) continue
    // A failed init container is run again, except under Never: `Always` speaks of those that are to keep running.
    if (fact.phase === 'exited' && spec.restartPolicy === 'Never') return 'failed'
    actions.push(...actionsFor(name, fact, { restarts: true, nowMs }))
    return { actions, isThrough: false }
  }
  return { actions, isThrough: true }
}

const sidecarActions = (names: readonly string[], factsOf: FactsOf, nowMs: number): InitPlan => ({
  isThrough: true,
  actions: names.flatMap((name) => actionsFor(name, factsOf(name), { restarts: true, nowMs })),
})

/** Sidecars end one by one, the last one first: it may need those before it. */
function endLast(names: readonly string[], factsOf: FactsOf): readonly ContainerAction[] {
  const name = names.findLast((one) => factsOf(one).phase === 'running')
  return name === undefined ? [] : [{ do: 'end', name }]
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
