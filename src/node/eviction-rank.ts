/**
 * Which pod goes first when the machine lacks something, and what is said of it (kubernetes pkg/kubelet/eviction/helpers.go
 * eed236c: rankMemoryPressure, rankDiskPressureFunc, evictionMessage). Pure.
 */
import { formatQuantity, parseQuantity, quantityOf, valueOf } from '../api/quantity.ts'
import type { Container, Pod, Toleration } from '../api/schema/types.gen.ts'
import type { Pressure, SignalLevel } from './eviction-thresholds.ts'

export type StarvedResource = 'memory' | 'ephemeral-storage'

export interface Candidate {
  readonly pod: Pod
  /** What its end would free. */
  readonly usageBytes: number
  readonly containers: ReadonlyMap<string, number>
}

/** Pods of this priority and above are never evicted. */
const criticalPriority = 2_000_000_000
export const isCritical = ({ spec }: Pod): boolean => (spec.priority ?? 0) >= criticalPriority

/**
 * Why a machine that lacks something takes no more pods of this kind, in upstream's words (eviction_manager.go, Admit): without disk
 * none, without memory none that asks for nothing and doesn't say that it puts up with that.
 */
export function admissionProblem(pod: Pod, pressure: Pressure): string | undefined {
  const { spec, status } = pod
  const lacks = [...(pressure.memory ? ['MemoryPressure'] : []), ...(pressure.disk ? ['DiskPressure'] : [])]
  if (lacks.length === 0 || isCritical(pod)) return undefined
  const isModest = status?.qosClass !== 'BestEffort' || (spec.tolerations ?? []).some(toleratesLowMemory)
  if (!pressure.disk && isModest) return undefined
  return `The node had condition: [${lacks.join(' ')}]. `
}

const toleratesLowMemory = ({ key = '', operator = 'Equal', value = '', effect = '' }: Toleration): boolean =>
  (effect === '' || effect === 'NoSchedule') &&
  (key === 'node.kubernetes.io/memory-pressure' || (key === '' && operator === 'Exists')) &&
  (operator === 'Exists' || value === '')

/** Who uses more than it has asked for; of those, the lowest priority; of those, by how much. The first goes first. */
export function rankForEviction(
  candidates: readonly Candidate[],
  resource: StarvedResource,
): readonly Candidate[] {
  const ranked = candidates
    .filter(({ pod }) => !isCritical(pod))
    .map((candidate) => {
      const over = candidate.usageBytes - requestOf(candidate.pod, resource)
      return { candidate, over, priority: candidate.pod.spec.priority ?? 0 }
    })
  ranked.sort((a, b) => Number(b.over > 0) - Number(a.over > 0) || a.priority - b.priority || b.over - a.over)
  return ranked.map(({ candidate }) => candidate)
}

export function pressureMessage(
  { pod, containers }: Candidate,
  resource: StarvedResource,
  { threshold, available }: Pick<SignalLevel, 'threshold' | 'available'>,
): string {
  const excesses = pod.spec.containers.flatMap((container) => {
    const usage = containers.get(container.name) ?? 0
    const request = amountOf(container.resources?.requests?.[resource])
    if (usage <= request) return []
    return `Container ${container.name} was using ${bytesText(usage)}, request is ${bytesText(request)}, has larger consumption of ${resource}. `
  })
  return [
    `The node was low on resource: ${resource}. `,
    `Threshold quantity: ${bytesText(threshold)}, available: ${bytesText(available)}. `,
    ...excesses,
  ].join('')
}

/** What the scheduler counts: all containers together, or the largest init container. */
export function requestOf({ spec }: Pod, resource: StarvedResource): number {
  const request = ({ resources }: Container) => amountOf(resources?.requests?.[resource])
  const together = spec.containers.reduce((sum, container) => sum + request(container), 0)
  return Math.max(together, ...(spec.initContainers ?? []).map(request))
}

export const amountOf = (quantity: string | number | undefined): number =>
  quantity === undefined ? 0 : valueOf(parseQuantity(String(quantity)))

/** As Go prints a binary quantity: `20480Ki` is `20Mi`, what is no multiple stays a number. */
const bytesText = (bytes: number): string => formatQuantity(quantityOf(Math.round(bytes), 'BinarySI'))
