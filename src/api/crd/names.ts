/**
 * Which names a definition gets, and what its conditions say of that (apiextensions-apiserver
 * pkg/controller/status/naming_controller.go). Pure: the whole list in, one status out.
 */
import { setCondition, isConditionTrue } from '../conditions.ts'
import { isEqual } from '../equal.ts'
import type { CrdCondition, CrdNames, CrdStatus, CustomResourceDefinition } from './definition.ts'

/** Names that are taken already, by whomever, within a group. */
export interface TakenNames {
  /** Plurals, singulars and short names share one space. */
  readonly resources: ReadonlySet<string>
  readonly kinds: ReadonlySet<string>
}

type Definition = Pick<CustomResourceDefinition, 'metadata' | 'spec' | 'status'>

export const isEstablished = ({ status }: Pick<CustomResourceDefinition, 'status'>): boolean =>
  isConditionTrue(status?.conditions, 'Established')

/** What the other definitions of its group have been given. */
export const namesTakenByOthers = (crd: Definition, all: readonly Definition[]): TakenNames => {
  const others = all.filter(
    (one) => one.spec.group === crd.spec.group && one.metadata.name !== crd.metadata.name,
  )
  const accepted = others.map(({ status }) => status?.acceptedNames ?? {})
  return {
    resources: new Set(accepted.flatMap(resourceNames)),
    kinds: new Set(accepted.flatMap(({ kind = '', listKind = '' }) => [kind, listKind]).filter(Boolean)),
  }
}

const resourceNames = ({ plural = '', shortNames = [], singular = '' }: CrdNames): string[] =>
  [plural, singular, ...shortNames].filter(Boolean)

/** The status that the definition should have; its own object when it has that already. */
export const statusWithNames = (crd: Definition, taken: TakenNames, nowIso: string): CrdStatus => {
  const before = crd.status ?? {}
  const { accepted, conflict } = acceptNames(crd.spec.names ?? {}, before.acceptedNames ?? {}, taken)
  const wished: CrdCondition = conflict ?? {
    type: 'NamesAccepted',
    status: 'True',
    reason: 'NoConflicts',
    message: 'no conflicts found',
  }
  const named = setCondition(before.conditions, wished, nowIso)
  const conditions = isEstablished(crd) ? named : setCondition(named, established(!conflict), nowIso)
  const status = { ...before, acceptedNames: accepted, conditions }
  return isEqual(status, before) ? before : status
}

/** Once established, for ever: its objects exist. */
const established = (isAccepted: boolean): CrdCondition =>
  isAccepted
    ? {
        type: 'Established',
        status: 'True',
        reason: 'InitialNamesAccepted',
        message: 'the initial names have been accepted',
      }
    : {
        type: 'Established',
        status: 'False',
        reason: 'NotAccepted',
        message: 'not all names are accepted',
      }

interface Acceptance {
  readonly accepted: CrdNames
  readonly conflict: CrdCondition | undefined
}

/** A name that somebody else has stays what it was before. The last conflict is the one that is told. */
function acceptNames(wished: CrdNames, before: CrdNames, { kinds, resources }: TakenNames): Acceptance {
  const accepted: CrdNames = { ...wished }
  let conflict: CrdCondition | undefined
  const refuse = (reason: string, name: string) => {
    const message = `${JSON.stringify(name)} is already in use`
    conflict = { type: 'NamesAccepted', status: 'False', reason, message }
  }
  const keep = (field: 'plural' | 'singular' | 'kind' | 'listKind') => {
    if (before[field] === undefined) delete accepted[field]
    else accepted[field] = before[field]
  }
  for (const [field, reason] of [
    ['plural', 'PluralConflict'],
    ['singular', 'SingularConflict'],
  ] as const)
    if (resources.has(wished[field] ?? '')) {
      refuse(reason, wished[field] ?? '')
      keep(field)
    }
  const clash = (wished.shortNames ?? []).filter((name) => resources.has(name))
  if (clash.length > 0) {
    refuse('ShortNamesConflict', clash.join(', '))
    if (before.shortNames === undefined) delete accepted.shortNames
    else accepted.shortNames = before.shortNames
  }
  for (const [field, reason] of [
    ['kind', 'KindConflict'],
    ['listKind', 'ListKindConflict'],
  ] as const)
    if (kinds.has(wished[field] ?? '')) {
      refuse(reason, wished[field] ?? '')
      keep(field)
    }
  return { accepted, conflict }
}
