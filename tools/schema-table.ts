/** The table of Kubernetes' types, as `gen-schema.ts` reads it from upstream's sources. */

/** One field as the table holds it. `type` uses full type names; `name` is '-' for an inlined struct. */
export interface TableField {
  readonly name: string
  readonly number: number
  readonly type: string
  readonly required: boolean
  readonly pointer: boolean
  readonly omitempty: boolean
  readonly flags: readonly string[]
}

export interface TableType {
  readonly name: string
  readonly isKind: boolean
  readonly atomic: boolean
  readonly fields: readonly TableField[]
}

export interface Table {
  readonly types: ReadonlyMap<string, TableType>
  readonly enums: ReadonlyMap<string, readonly string[]>
}
