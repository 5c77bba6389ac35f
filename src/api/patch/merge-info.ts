/**
 * What a strategic merge needs to know about a type, and that knowledge read from the schema table. The merge itself
 * knows nothing of schemas: its tests describe types in a line.
 */
import type { FieldDef, Schema, TypeDef } from '../schema/schema.ts'

export interface MergeInfo {
  /** Undefined for a field nobody described: its objects merge, its lists are replaced. */
  field(name: string): FieldMerge | undefined
}

export interface FieldMerge {
  /** The fields of the object, of a list's items or of a map's values. */
  readonly child?: MergeInfo | undefined
  /** `merge`, `replace`, `retainKeys`; a list without `merge` is replaced, an object without `replace` merged. */
  readonly strategy?: readonly string[]
  /** The field that identifies an item of a merged list of objects. */
  readonly mergeKey?: string | undefined
}

/** Of a built-in type; custom resources take no strategic merge patch. */
export const mergeInfoOf = (type: TypeDef): MergeInfo => ({
  field(name) {
    const field = type.fields.get(name)
    return field && fieldMergeOf(field)
  },
})

const fieldMergeOf = ({ schema, patchStrategy, patchMergeKey }: FieldDef): FieldMerge => ({
  child: childOf(schema),
  strategy: patchStrategy,
  mergeKey: patchMergeKey,
})

const childOf = (schema: Schema): MergeInfo | undefined => {
  if (schema.kind === 'object') return mergeInfoOf(schema)
  if (schema.kind === 'list') return childOf(schema.items)
  if (schema.kind !== 'map') return undefined
  const { values } = schema
  return { field: () => ({ child: childOf(values) }) }
}
