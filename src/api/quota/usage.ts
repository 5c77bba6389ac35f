/**
 * How much of which quota one object takes, by the names that `spec.hard` may have (kubernetes pkg/quota/v1/evaluator/core
 * eed236c). Pure: admission asks it of a new object, the quota controller of all.
 */
import { quantityOf } from '../quantity.ts'
import { groupResourceName, type KubeObject } from '../meta.ts'
import type { ResourceDef } from '../resource.ts'
import type { PersistentVolumeClaim, Pod, Service } from '../schema/types.gen.ts'
import { amountsFrom, podAmounts, type Amounts } from './pod-amounts.ts'

type Kind = Pick<ResourceDef, 'group' | 'plural'>

/** Core resources that are counted under their own name, as they were before `count/` came. */
const counted = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
])
const one = quantityOf(1)

export function usageOf(def: Kind, object: KubeObject): Amounts {
  const usage: Amounts = { [countName(def)]: one }
  if (def.group !== '') return usage
  if (counted.has(def.plural)) usage[def.plural] = one
  switch (def.plural) {
    case 'pods':
      return { ...usage, ...podUsage(object as Pod & KubeObject) }
    case 'services':
      return { ...usage, ...serviceUsage(object as Service & KubeObject) }
    case 'persistentvolumeclaims':
      return { ...usage, ...claimUsage(object as PersistentVolumeClaim & KubeObject) }
    default:
      return usage
  }
}

export const countName = ({ group, plural }: Kind): string =>
  `count/${groupResourceName({ group, resource: plural })}`

/** Whether a quota of these names has anything to do with the resource: for most objects the answer is no. */
export function concerns(def: Kind, hard: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(hard)
  if (names.includes(countName(def))) return true
  if (def.group !== '') return false
  if (def.plural === 'pods') return names.some(isPodAmount)
  if (def.plural === 'services')
    return names.some((name) => name === 'services' || name.startsWith('services.'))
  if (def.plural === 'persistentvolumeclaims')
    return names.some((name) => name === def.plural || name.includes('storage'))
  return counted.has(def.plural) && names.includes(def.plural)
}

export const isPodAmount = (name: string): boolean =>
  /^(pods|cpu|memory|ephemeral-storage)$/.test(name) ||
  (/^(requests|limits)\./.test(name) && name !== 'requests.storage') ||
  name.startsWith('hugepages-')

export const isEnded = ({ status }: Pick<Pod, 'status'>): boolean =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed'

/** A pod that has ended counts as an object and takes nothing any more. */
function podUsage(pod: Pod): Amounts {
  if (isEnded(pod)) return {}
  const usage: Amounts = { pods: one }
  for (const [name, amount] of Object.entries(podAmounts(pod, 'requests'))) {
    usage[`requests.${name}`] = amount
    if (/^(cpu|memory|ephemeral-storage)$|^hugepages-/.test(name)) usage[name] = amount
  }
  for (const [name, amount] of Object.entries(podAmounts(pod, 'limits')))
    if (/^(cpu|memory|ephemeral-storage)$/.test(name)) usage[`limits.${name}`] = amount
  return usage
}

function serviceUsage({ spec }: Service): Amounts {
  const ports = quantityOf((spec.ports ?? []).length)
  if (spec.type === 'NodePort') return { 'services.nodeports': ports }
  if (spec.type !== 'LoadBalancer') return {}
  const hasPorts = spec.allocateLoadBalancerNodePorts !== false
  return { 'services.loadbalancers': one, ...(hasPorts && { 'services.nodeports': ports }) }
}

function claimUsage({ spec }: PersistentVolumeClaim): Amounts {
  const { storage } = amountsFrom(spec.resources?.requests)
  const name = spec.storageClassName ?? ''
  const ofClass = (what: string) => `${name}.storageclass.storage.k8s.io/${what}`
  return {
    ...(storage && { 'requests.storage': storage }),
    ...(name !== '' && { [ofClass('persistentvolumeclaims')]: one }),
    ...(name !== '' && storage && { [ofClass('requests.storage')]: storage }),
  }
}
