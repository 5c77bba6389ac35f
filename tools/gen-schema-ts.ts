/** Writes the TypeScript interfaces of `types.gen.ts` from the table. */
import type { Table, TableField, TableType } from './schema-table.ts'

const scalars: Readonly<Record<string, string>> = {
  string: 'string',
  bool: 'boolean',
  int32: 'number',
  int64: 'number',
  double: 'number',
  bytes: 'Bytes',
  any: 'unknown',
  quantity: 'Quantity',
  intOrString: 'IntOrString',
  time: 'Time',
  microTime: 'MicroTime',
  fields: 'FieldsV1',
  raw: 'RawExtension',
}

const preamble = `
/** A number with a unit, canonical or as the client wrote it: \`500m\`, \`1Gi\`. */
export type Quantity = string
export type IntOrString = number | string
/** RFC 3339 with seconds: \`2026-01-02T15:04:05Z\`. */
export type Time = string
/** RFC 3339 with microseconds: \`2026-01-02T15:04:05.000000Z\`. */
export type MicroTime = string
/** Base64. */
export type Bytes = string
export type RawExtension = Record<string, unknown>
/** The set of fields a manager owns, in the encoding of server-side apply. */
export type FieldsV1 = Record<string, unknown>
`

export const typescriptOf = (table: Table, groups: readonly string[]): string => {
  const names = namesOf(table, groups)
  const blocks = [...table.types.values()].map((type) => interfaceOf(type, table, names))
  return preamble + '\n' + blocks.join('\n')
}

/** The first group that has a name keeps it; later ones get their group (and version, where a group has two) in front. */
const namesOf = (table: Table, groups: readonly string[]): Map<string, string> => {
  const names = new Map<string, string>()
  const taken = new Set<string>()
  for (const full of table.types.keys()) {
    const group = full.slice(0, full.lastIndexOf('.'))
    const own = full.slice(group.length + 1)
    const word = group.split('.')[0] ?? ''
    const versions = groups.filter((g) => g.startsWith(`${word}.`)).length
    const version = versions > 1 ? (group.split('.')[1] ?? '').toUpperCase() : ''
    const name = taken.has(own) ? `${word.charAt(0).toUpperCase()}${word.slice(1)}${version}${own}` : own
    taken.add(name)
    names.set(full, name)
  }
  return names
}

const interfaceOf = (type: TableType, table: Table, names: ReadonlyMap<string, string>): string => {
  const lines = [`export interface ${names.get(type.name)} {`]
  if (type.isKind) lines.push('  apiVersion: string', '  kind: string')
  for (const field of flatten(type, table)) {
    const mark = isRequired(field, type) ? '' : '?'
    lines.push(`  ${field.name}${mark}: ${typescriptType(field.type, names)}`)
  }
  return [...lines, '}', ''].join('\n')
}

const flatten = (type: TableType, table: Table): TableField[] =>
  type.fields.flatMap((field) => {
    if (field.name !== '-') return [field]
    const inlined = table.types.get(field.type)
    return inlined ? flatten(inlined, table) : []
  })

/** Upstream leaves metadata and spec out of its required fields because Go always has them; here they are. */
const isRequired = (field: TableField, type: TableType): boolean => {
  if (field.required) return true
  if (field.name === 'metadata') return type.isKind
  return field.name === 'spec' && !field.pointer
}

const typescriptType = (type: string, names: ReadonlyMap<string, string>): string => {
  const contents = /^(?:[\w.]+=)?(?:box)?((?:\[\]|map\[\]).*)$/.exec(type)?.[1]
  if (contents?.startsWith('[]')) return `${typescriptType(contents.slice(2), names)}[]`
  if (contents?.startsWith('map[]')) return `Record<string, ${typescriptType(contents.slice(5), names)}>`
  if (type.startsWith('string:')) return 'string'
  const name = scalars[type] ?? names.get(type)
  if (name === undefined) throw new Error(`no TypeScript for ${type}`)
  return name
}
