/**
 * Whether a pod has written more than it may (kubernetes pkg/kubelet/eviction/eviction_manager.go eed236c,
 * localStorageEviction): sizes of emptyDirs, then the pod's limits together, then each container's. Pure.
 */
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  valueOf,
  zeroQuantity,
  type Quantity,
} from '../api/quantity.ts'
import type { Container, Pod } from '../api/schema/types.gen.ts'
import { amountOf } from './eviction-rank.ts'

/** In bytes, as the disk counts them. */
export interface PodDisk {
  /** All that is the pod's: logs, homes, temporary files, volumes but those in memory. */
  readonly totalBytes: number
  /** emptyDirs by name, those in memory among them. */
  readonly volumes: ReadonlyMap<string, number>
  /** Logs and what each has of its own. */
  readonly containers: ReadonlyMap<string, number>
}

const storage = 'ephemeral-storage'

export const hasDiskLimits = ({ spec }: Pod): boolean =>
  (spec.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined) ||
  containersOf(spec).some(({ resources }) => resources?.limits?.[storage] !== undefined)

/** Upstream's message, or undefined when all is within its limits. */
export function diskExcess({ spec }: Pod, disk: PodDisk): string | undefined {
  for (const { name, emptyDir } of spec.volumes ?? []) {
    const limit = amountOf(emptyDir?.sizeLimit)
    if (limit > 0 && (disk.volumes.get(name) ?? 0) > limit)
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir?.sizeLimit}". `
  }
  const podLimit = limitOf(spec)
  if (valueOf(podLimit) > 0 && disk.totalBytes > valueOf(podLimit))
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${formatQuantity(podLimit)}. `
  for (const { name, resources } of spec.containers) {
    const limit = resources?.limits?.[storage]
    if (limit !== undefined && (disk.containers.get(name) ?? 0) > amountOf(limit))
      return `Container ${name} exceeded its local ephemeral storage limit "${limit}". `
  }
  return undefined
}

/** How much the pod can write, anywhere, before it exceeds a limit. Not measured: nothing is known to be left. */
export function diskLeft({ spec }: Pod, disk: PodDisk | undefined): number {
  if (!disk) return 0
  const podLimit = valueOf(limitOf(spec))
  const lefts = [
    ...(podLimit > 0 ? [podLimit - disk.totalBytes] : []),
    ...(spec.volumes ?? []).flatMap(({ name, emptyDir }) =>
      emptyDir?.sizeLimit === undefined ? [] : [amountOf(emptyDir.sizeLimit) - (disk.volumes.get(name) ?? 0)],
    ),
    ...spec.containers.flatMap(({ name, resources }) => {
      const limit = resources?.limits?.[storage]
      return limit === undefined ? [] : [amountOf(limit) - (disk.containers.get(name) ?? 0)]
    }),
  ]
  return Math.max(0, Math.min(...lefts))
}

const containersOf = ({ containers, initContainers = [] }: Pod['spec']): readonly Container[] => [
  ...initContainers,
  ...containers,
]

/** All containers together, or the largest init container. */
function limitOf({ containers, initContainers = [] }: Pod['spec']): Quantity {
  const limits = (some: readonly Container[]) =>
    some.flatMap(({ resources }) => {
      const limit = resources?.limits?.[storage]
      return limit === undefined ? [] : [parseQuantity(String(limit))]
    })
  const together = limits(containers).reduce(addQuantities, zeroQuantity)
  return limits(initContainers).reduce((a, b) => (compareQuantities(a, b) < 0 ? b : a), together)
}
