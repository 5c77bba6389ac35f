/** An apply that would take fields from their owners: the refusal, word for word as kubectl prints it. */
import { quote } from '../quote.ts'
import { applyConflict, type StatusError } from '../status.ts'
import { compareText, pathText } from './element.ts'
import { hasPath, intersection, isEmptySet, pathsOf, type FieldSet } from './field-set.ts'
import { ownerKey, type Owner } from './managed-entries.ts'

export interface Conflict {
  readonly owner: Owner
  readonly path: readonly string[]
}

/** One for each field that somebody owns and the apply would change; by owner, then by path. */
export const conflictsOf = (
  owners: readonly Owner[],
  changedIn: (apiVersion: string) => FieldSet,
): readonly Conflict[] =>
  owners
    .toSorted((a, b) => compareText(ownerKey(a), ownerKey(b)))
    .flatMap((owner) => {
      const wanted = intersection(owner.fields, changedIn(owner.apiVersion))
      return isEmptySet(wanted) ? [] : Array.from(pathsOf(wanted), (path) => ({ owner, path }))
    })

export const conflictsOutside = (conflicts: readonly Conflict[], allowed: FieldSet): readonly Conflict[] =>
  conflicts.filter(({ path }) => !hasPath(allowed, path))

export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const causes = conflicts.map(({ owner, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${ownerText(owner)}`,
    field: pathText(path),
  }))
  const [first] = conflicts
  if (first && conflicts.length === 1) {
    const where = pathText(first.path)
    return applyConflict(
      `Apply failed with 1 conflict: conflict with ${ownerText(first.owner)}: ${where}`,
      causes,
    )
  }
  const lines = Map.groupBy(conflicts, ({ owner }) => owner)
    .entries()
    .flatMap(([owner, own]) => [
      `conflicts with ${ownerText(owner)}:`,
      ...own.map(({ path }) => `- ${pathText(path)}`),
    ])
  const count = conflicts.length
  return applyConflict(`Apply failed with ${count} conflicts: ${[...lines].join('\n')}`, causes)
}

const ownerText = ({ manager, operation, apiVersion, subresource }: Owner): string => {
  const where = subresource === '' ? '' : ` with subresource ${quote(subresource)}`
  return `${quote(manager)}${where}${operation === 'Update' ? ` using ${apiVersion}` : ''}`
}
