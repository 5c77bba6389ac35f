/** What follows from a node's conditions and its silence, for the node and for its pods. Pure. */
import { findCondition, setCondition } from '../api/conditions.ts'
import { isRunOnce, runOnceMarginSeconds, runOnceTiming } from '../api/run-once.ts'
import type { Node, NodeCondition, Pod, PodCondition, Taint, Toleration } from '../api/schema/types.gen.ts'

const unreachable = 'node.kubernetes.io/unreachable'
const notReady = 'node.kubernetes.io/not-ready'

/** Nodes whose agents say that they lack something get no more pods. */
const pressureTaints: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
}
const ownTaints = new Set([unreachable, notReady, ...Object.values(pressureTaints)])

const silence = 'no sign of life from its agent: is the machine up, and can it reach the API server?'

/** The node's conditions when nobody knows: each Unknown, `Ready` among them. */
export function unheardConditions({ status }: Node, nowIso: string): NodeCondition[] {
  const present: readonly NodeCondition[] = status?.conditions ?? []
  const types = new Set([...present.map(({ type }) => type), 'Ready'])
  const unknown = { status: 'Unknown', reason: 'NodeStatusUnknown', message: silence }
  return [...types].reduce<NodeCondition[]>(
    (conditions, type) => [...setCondition<NodeCondition>(conditions, { type, ...unknown }, nowIso)],
    [...present],
  )
}

/** The node's taints as its conditions want them; others stay, and so do ours that are there already. */
export function taintsFor({ spec, status }: Node, nowIso: string): Taint[] {
  const present = spec.taints ?? []
  const others = present.filter(({ key }) => !ownTaints.has(key))
  const ready = findCondition(status?.conditions, 'Ready')?.status
  const ours = [...readyTaints(ready), ...lackTaints(status?.conditions ?? [])].map(
    ({ key, effect }) =>
      present.find((taint) => taint.key === key && taint.effect === effect) ?? {
        key,
        effect,
        timeAdded: nowIso,
      },
  )
  return [...others, ...ours]
}

type Wanted = Pick<Taint, 'key' | 'effect'>

function lackTaints(conditions: readonly NodeCondition[]): readonly Wanted[] {
  return Object.entries(pressureTaints).flatMap(([type, key]) =>
    findCondition(conditions, type)?.status === 'True' ? [{ key, effect: 'NoSchedule' }] : [],
  )
}

function readyTaints(ready: string | undefined): readonly Wanted[] {
  if (ready === 'False') return [{ key: notReady, effect: 'NoSchedule' }]
  if (ready !== 'Unknown') return [] // a node that has said nothing yet gets no pods anyway
  return [
    { key: unreachable, effect: 'NoSchedule' },
    { key: unreachable, effect: 'NoExecute' },
  ]
}

/** Only what a controller will make again elsewhere is taken away. */
export const hasToBeReplaced = ({ metadata }: Pod): boolean =>
  (metadata.ownerReferences ?? []).some(({ controller, kind }) => controller && kind !== 'DaemonSet')

/** By then a node that was last heard at the beginning has ended its pods that run once, whatever its agent does. */
const runOnceEndsMs = (runOnceTiming.leaseSeconds + runOnceMarginSeconds) * 1000

/** How long a pod is left on a silent node: as long as it may still run there, when it runs once, and puts up with silence. */
export const evictAfterMs = (pod: Pod): number =>
  Math.max(isRunOnce(pod) ? runOnceEndsMs : 0, toleratedMs(pod))

/** For ever, for as long as its tolerations say, or not at all. */
function toleratedMs({ spec }: Pod): number {
  const matching = (spec.tolerations ?? []).filter(toleratesSilence)
  if (matching.length === 0) return 0
  const seconds = matching.flatMap(({ tolerationSeconds }) => tolerationSeconds ?? [])
  return seconds.length === 0 ? Infinity : Math.max(0, Math.min(...seconds)) * 1000
}

const toleratesSilence = ({ key = '', operator = 'Equal', value = '', effect = '' }: Toleration): boolean =>
  (effect === '' || effect === 'NoExecute') &&
  (key === unreachable || (key === '' && operator === 'Exists')) &&
  (operator === 'Exists' || value === '')

/** The pod's conditions on a node that nobody hears of. */
export function afterSilence({ status }: Pod, nowIso: string): PodCondition[] {
  const present: readonly PodCondition[] = status?.conditions ?? []
  return [
    ...setCondition<PodCondition>(
      present,
      { type: 'Ready', status: 'False', reason: 'NodeNotReady' },
      nowIso,
    ),
  ]
}
