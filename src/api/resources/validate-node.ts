/** kubernetes pkg/apis/core/validation/validation.go 000f260 */
import { checkCidr, isIpv4 } from '../addresses.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkLabelValue, checkQualifiedName } from '../names.ts'
import { at, child } from '../paths.ts'
import type { Node, NodeSpec, Taint } from '../schema/types.gen.ts'
import { invalid } from '../validate-meta.ts'
import { validateResourceQuantity } from './pod/validate-resources.ts'
import { taintEffects } from './pod/validate-scheduling.ts'
import type { Sent } from './sent.ts'
import { validateChoice } from './validate-values.ts'

type Errors = readonly FieldError[]

export const validateNode = (node: Node): Errors => [
  // The path is upstream's, though taints are in the spec.
  ...validateTaints(node.spec.taints ?? [], 'metadata.taints'),
  ...validateAmounts(node),
  ...validateCidrs(node.spec),
]

export const validateNodeUpdate = (node: Node, old: Node): Errors => {
  const errors: FieldError[] = [...validateAmounts(node)]
  const addresses = new Set<string>()
  for (const [index, address] of (node.status?.addresses ?? []).entries()) {
    const key = `${address.type} ${address.address}`
    const shown = { Type: address.type, Address: address.address }
    if (addresses.has(key)) errors.push(fieldError.duplicate(at('status.addresses', index), shown))
    addresses.add(key)
  }
  const before = old.spec.podCIDRs ?? []
  if (before.length > 0 && before.join() !== (node.spec.podCIDRs ?? []).join()) {
    const why = 'node updates may not change podCIDR except from "" to valid'
    errors.push(fieldError.forbidden('spec.podCIDRs', why))
  }
  if ((old.spec.providerID ?? '') !== '' && old.spec.providerID !== node.spec.providerID) {
    const why = 'node updates may not change providerID except from "" to valid'
    errors.push(fieldError.forbidden('spec.providerID', why))
  }
  return [...errors, ...validateTaints(node.spec.taints ?? [], 'metadata.taints')]
}

const validateTaints = (taints: Sent<readonly Taint[]>, path: string): Errors => {
  const seen = new Set<string>()
  return taints.flatMap(({ key = '', value = '', effect = '', timeAdded = null }, index) => {
    const field = at(path, index)
    const problems = checkLabelValue(value)
    const errors: FieldError[] = [...invalid(`${field}.key`, key, checkQualifiedName(key))]
    if (problems.length > 0) errors.push(fieldError.invalid(`${field}.value`, value, problems.join(';')))
    errors.push(...validateChoice(effect, `${field}.effect`, taintEffects))
    if (seen.has(`${effect} ${key}`)) {
      const shown = { Key: key, Value: value, Effect: effect, TimeAdded: timeAdded }
      const detail = 'taints must be unique by key and effect pair'
      errors.push({ ...fieldError.duplicate(field, shown), detail })
    }
    seen.add(`${effect} ${key}`)
    return errors
  })
}

const validateAmounts = ({ status }: Node): Errors =>
  (['capacity', 'allocatable'] as const).flatMap((list) =>
    Object.entries(status?.[list] ?? {}).flatMap(([name, quantity]) =>
      validateResourceQuantity(name, quantity, child('status', list, name)),
    ),
  )

const validateCidrs = ({ podCIDRs: cidrs = [] }: NodeSpec): Errors => {
  const field = 'spec.podCIDRs'
  const seen = new Set<string>()
  const errors = cidrs.flatMap((cidr, index) => {
    const isRepeated = seen.has(cidr)
    seen.add(cidr)
    return [
      ...invalid(at(field, index), cidr, checkCidr(cidr)),
      ...(isRepeated ? [fieldError.duplicate(at(field, index), cidr)] : []),
    ]
  })
  const ipv4Count = cidrs.filter((cidr) => isIpv4(cidr.split('/')[0] ?? '')).length
  if (ipv4Count > 1 || cidrs.length - ipv4Count > 1) {
    const why = 'may specify no more than one CIDR for each IP family'
    errors.push(fieldError.invalid(field, cidrs, why))
  }
  return errors
}
