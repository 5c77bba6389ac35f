/** Who gives way first when a node runs short (kubernetes pkg/apis/core/helper/qos/qos.go). */
import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  zeroQuantity,
  type Quantity,
} from '../../quantity.ts'
import type { PodSpec, ResourceRequirements } from '../../schema/types.gen.ts'

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

/** Quantities that don't parse count as nothing: validation refuses the pod anyway. */
export const qosClassOf = (spec: PodSpec): QosClass => {
  const perContainer =
    spec.resources === undefined
      ? [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ resources }) => resources ?? {})
      : [spec.resources]
  const requests = sum(perContainer.map(({ requests }) => requests))
  const limits = sum(perContainer.map(({ limits }) => limits))
  if (requests.size === 0 && limits.size === 0) return 'BestEffort'
  const isLimited = perContainer.every(
    (resources) => sum([resources.limits]).size === computeResources.length,
  )
  const isSame = computeResources.every((name) => {
    const [request, limit] = [requests.get(name), limits.get(name)]
    if (request === undefined || limit === undefined) return false
    return compareQuantities(request, limit) === 0
  })
  return isLimited && isSame ? 'Guaranteed' : 'Burstable'
}

const computeResources = ['cpu', 'memory'] as const

/** What is asked of cpu and memory in total; a resource of which nothing is asked isn't in the map. */
const sum = (lists: readonly ResourceRequirements['requests'][]): ReadonlyMap<string, Quantity> => {
  const total = new Map<string, Quantity>()
  for (const list of lists) {
    for (const name of computeResources) {
      const quantity = parsed(list?.[name])
      if (quantity.nano > 0n) total.set(name, addQuantities(total.get(name) ?? zeroQuantity, quantity))
    }
  }
  return total
}

const parsed = (text: string | undefined): Quantity => {
  if (text === undefined) return zeroQuantity
  try {
    return parseQuantity(text)
  } catch {
    return zeroQuantity // see qosClassOf
  }
}
