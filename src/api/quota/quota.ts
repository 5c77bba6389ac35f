/** Which objects a ResourceQuota counts, and what of a wish it refuses (apiserver pkg/admission/plugin/resourcequota eed236c). Pure. */
import type { KubeObject } from '../meta.ts'
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  subtractQuantities,
  zeroQuantity,
} from '../quantity.ts'
import type { ResourceDef } from '../resource.ts'
import { qosClassOf } from '../resources/pod/qos.ts'
import type { Container, Pod, ResourceQuota, ResourceQuotaSpec } from '../schema/types.gen.ts'
import { containersOf, type Amounts } from './pod-amounts.ts'
import { concerns, usageOf } from './usage.ts'

type Kind = Pick<ResourceDef, 'group' | 'plural'>
type Texts = Readonly<Record<string, string>>

/** What an object takes of a quota; nothing when the quota isn't about such objects. */
export function chargeOf(spec: ResourceQuotaSpec, def: Kind, object: KubeObject): Amounts {
  const hard = spec.hard ?? {}
  if (!concerns(def, hard) || !isInScope(spec, def, object)) return {}
  return Object.fromEntries(Object.entries(usageOf(def, object)).filter(([name]) => name in hard))
}

interface ScopeTerm {
  readonly scopeName: string
  readonly operator: string
  readonly values?: readonly string[]
}

/** Scopes are about pods: a quota that has some counts nothing else. */
function isInScope(
  { scopes = [], scopeSelector }: ResourceQuotaSpec,
  def: Kind,
  object: KubeObject,
): boolean {
  const terms: readonly ScopeTerm[] = [
    ...scopes.map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(scopeSelector?.matchExpressions ?? []),
  ]
  if (terms.length === 0) return true
  if (def.group !== '' || def.plural !== 'pods') return false
  return terms.every((term) => matchesScope(term, object as Pod & KubeObject))
}

function matchesScope({ operator, scopeName, values = [] }: ScopeTerm, { spec }: Pod): boolean {
  switch (scopeName) {
    case 'Terminating':
      return spec.activeDeadlineSeconds !== undefined
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined
    case 'BestEffort':
      return qosClassOf(spec) === 'BestEffort'
    case 'NotBestEffort':
      return qosClassOf(spec) !== 'BestEffort'
    case 'PriorityClass':
      return matchesValues(operator, values, spec.priorityClassName ?? '')
    default:
      return false
  }
}

function matchesValues(operator: string, values: readonly string[], present: string): boolean {
  switch (operator) {
    case 'In':
      return values.includes(present)
    case 'NotIn':
      return !values.includes(present)
    case 'DoesNotExist':
      return present === ''
    default:
      return present !== ''
  }
}

/** Names under which a quota limits containers that then have to say how much they want. */
const demanding = /^(?:requests\.|limits\.)?(?:cpu|memory)$/

/** `must specify limits.cpu for: main`, when a quota can't count a pod that says nothing. */
export function unspecified({ hard = {} }: ResourceQuotaSpec, { spec }: Pod): string | undefined {
  const { init, main } = containersOf(spec)
  const all: readonly Container[] = [...main, ...init]
  const missing = Object.keys(hard)
    .filter((name) => demanding.test(name))
    .toSorted()
    .flatMap((name) => {
      const resource = name.slice(name.indexOf('.') + 1)
      const which = name.startsWith('limits.') ? 'limits' : 'requests'
      const silent = all.filter(({ resources }) => resources?.[which]?.[resource] === undefined)
      return silent.length > 0 ? [`${name} for: ${silent.map((container) => container.name).join(',')}`] : []
    })
  return missing.length > 0 ? `must specify ${missing.join('; ')}` : undefined
}

/** What more would be taken: of an update, only what grows. */
export const growth = (charge: Amounts, before: Amounts): Amounts =>
  Object.fromEntries(
    Object.entries(charge).flatMap(([name, amount]) => {
      const more = subtractQuantities(amount, before[name] ?? zeroQuantity)
      return more.nano > 0n ? [[name, more]] : []
    }),
  )

/** The quota's `used` with `charge` on top, or the sentence that refuses it. */
export function take(
  quota: ResourceQuota,
  charge: Amounts,
): { readonly used: Texts } | { readonly why: string } {
  const hard = quota.spec.hard ?? {}
  const used = quota.status?.used ?? {}
  const after: Record<string, string> = { ...used }
  const exceeded: string[] = []
  for (const [name, more] of Object.entries(charge)) {
    const sum = addQuantities(parseQuantity(String(used[name] ?? '0')), more)
    after[name] = formatQuantity(sum)
    if (compareQuantities(sum, parseQuantity(String(hard[name] ?? '0'))) > 0) exceeded.push(name)
  }
  if (exceeded.length === 0) return { used: after }
  const names = exceeded.toSorted()
  const tell = (textOf: (name: string) => string) => names.map((name) => `${name}=${textOf(name)}`).join(',')
  const requested = tell((name) => formatQuantity(charge[name] ?? zeroQuantity))
  return {
    why: `exceeded quota: ${quota.metadata.name}, requested: ${requested}, used: ${tell((name) => String(used[name] ?? '0'))}, limited: ${tell((name) => String(hard[name] ?? '0'))}`,
  }
}

/** `used` without `charge`, for a write that didn't take place. */
export function giveBack(used: Texts, charge: Amounts): Texts {
  const after: Record<string, string> = { ...used }
  for (const [name, amount] of Object.entries(charge)) {
    const left = subtractQuantities(parseQuantity(String(used[name] ?? '0')), amount)
    after[name] = formatQuantity(left.nano < 0n ? zeroQuantity : left)
  }
  return after
}
