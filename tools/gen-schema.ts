/**
 * Writes `src/api/schema/kubernetes.gen.ts` and `types.gen.ts` from the Go sources of the Kubernetes API.
 *
 *   node tools/gen-schema.ts API_DIR APIMACHINERY_DIR [REF]
 *
 * The folders are clones (bare or not) of github.com/kubernetes/api and github.com/kubernetes/apimachinery; REF is a
 * branch or tag both have (default `release-1.36`). Only facts are taken: names, numbers, types, tags and markers. The
 * struct tags in `types.go` are the authority: they carry the JSON name, `omitempty`, the protobuf field number and
 * the strategic-merge keys in one place. `schema.ts` documents the table's format.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { enumsOf, readGoFile, type GoField, type GoPackage } from './gen-schema-go.ts'
import { typescriptOf } from './gen-schema-ts.ts'
import type { Table, TableField, TableType } from './schema-table.ts'

/** Order matters: the first group that has a name keeps it unprefixed in `types.gen.ts`. */
const groups = [
  ['meta.v1', 'apimachinery', 'pkg/apis/meta/v1', ['types.go', 'watch.go', 'group_version.go']],
  ['core.v1', 'api', 'core/v1', ['types.go']],
  ['apps.v1', 'api', 'apps/v1', ['types.go']],
  ['batch.v1', 'api', 'batch/v1', ['types.go']],
  ['autoscaling.v2', 'api', 'autoscaling/v2', ['types.go']],
  ['autoscaling.v1', 'api', 'autoscaling/v1', ['types.go']],
  ['policy.v1', 'api', 'policy/v1', ['types.go']],
  ['networking.v1', 'api', 'networking/v1', ['types.go']],
  ['discovery.v1', 'api', 'discovery/v1', ['types.go']],
  ['events.v1', 'api', 'events/v1', ['types.go']],
  ['coordination.v1', 'api', 'coordination/v1', ['types.go']],
  ['rbac.v1', 'api', 'rbac/v1', ['types.go']],
  ['scheduling.v1', 'api', 'scheduling/v1', ['types.go']],
  ['node.v1', 'api', 'node/v1', ['types.go']],
  ['authentication.v1', 'api', 'authentication/v1', ['types.go']],
  ['storage.v1', 'api', 'storage/v1', ['types.go']],
  ['certificates.v1', 'api', 'certificates/v1', ['types.go']],
  ['authorization.v1', 'api', 'authorization/v1', ['types.go']],
] as const

/** Types that are no `kind` of a request or an answer on their own but that other code names. */
const extraRoots = ['meta.v1.Condition', 'meta.v1.TableRow', 'core.v1.ResourceRequirements']

const scalarTypes: Readonly<Record<string, string>> = {
  string: 'string',
  bool: 'bool',
  int: 'int64',
  int32: 'int32',
  int64: 'int64',
  float64: 'double',
  byte: 'byte',
  'interface{}': 'any',
  'resource.Quantity': 'quantity',
  'intstr.IntOrString': 'intOrString',
  'meta.v1.Time': 'time',
  'meta.v1.MicroTime': 'microTime',
  'meta.v1.FieldsV1': 'fields',
  'runtime.RawExtension': 'raw',
}

const readTable = (sources: ReadonlyMap<string, string>): Table => {
  const packages = new Map<string, GoPackage>()
  for (const [name, text] of sources) packages.set(name, readGoFile(name, text))
  const types = new Map<string, TableType>()
  const enums = new Map<string, readonly string[]>()
  const queue: string[] = [...extraRoots]
  for (const [name, go] of packages)
    for (const struct of go.structs.values())
      if (struct.fields.some((f) => f.embedded && f.type === 'meta.v1.TypeMeta'))
        queue.push(`${name}.${struct.name}`)
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (types.has(name)) continue
    const type = readType(name, packages)
    types.set(name, type)
    for (const field of type.fields) {
      const leaf = leafOf(field.type)
      if (leaf.includes('.') && !leaf.startsWith('string:')) queue.push(leaf)
      const named = leaf.startsWith('string:') ? leaf.slice(7) : ''
      const values = named === '' ? undefined : enumsOf(packages, named)
      // The table separates words by spaces; the one enumeration with spaces in its words goes without.
      if (values?.every((value) => !value.includes(' '))) enums.set(named, values)
    }
  }
  const position = (name: string) => groups.findIndex(([group]) => name.startsWith(`${group}.`))
  const inOrder = [...types].toSorted(([a], [b]) => position(a) - position(b) || (a < b ? -1 : 1))
  return { types: new Map(inOrder), enums: new Map([...enums].toSorted(([a], [b]) => (a < b ? -1 : 1))) }
}

/** `map[][]core.v1.Pod` → `core.v1.Pod`; names of the containers go too. */
export const leafOf = (type: string): string => {
  const end = type.lastIndexOf(']')
  return end < 0 ? type : type.slice(end + 1)
}

const readType = (name: string, packages: ReadonlyMap<string, GoPackage>): TableType => {
  const group = name.slice(0, name.lastIndexOf('.'))
  const struct = packages.get(group)?.structs.get(name.slice(group.length + 1))
  if (!struct) throw new Error(`no struct for ${name}`)
  const goFields = struct.fields
  const isKind = goFields.some((f) => f.embedded && f.type === 'meta.v1.TypeMeta')
  const fields = goFields.filter((f) => f.json !== '-' && !(f.embedded && f.type === 'meta.v1.TypeMeta'))
  return {
    name,
    isKind,
    atomic: struct.markers.get('structType')?.[0] === 'atomic',
    fields: fields.map((f) => readField(f, packages)),
  }
}

const readField = (field: GoField, packages: ReadonlyMap<string, GoPackage>): TableField => {
  const { markers } = field
  const flags: string[] = []
  const listType = markers.get('listType')?.[0]
  const keys = markers.get('listMapKey') ?? []
  if (listType) flags.push(`list=${[listType, ...keys].join(',')}`)
  if (markers.get('structType')?.[0] === 'atomic' || markers.get('mapType')?.[0] === 'atomic')
    flags.push('atomic')
  if (field.patchStrategy) flags.push(`patch=${field.patchStrategy}`)
  if (field.patchMergeKey) flags.push(`key=${field.patchMergeKey}`)
  // Undoes the atomicity of the type (PersistentVolumeSpec.claimRef).
  if (markers.get('structType')?.[0] === 'granular') flags.push('granular')
  const marked = markers.get('default')?.[0]
  if (marked !== undefined) flags.push(`default=${defaultOf(marked, field, packages)}`)
  return {
    name: field.embedded && field.json === '' ? '-' : field.json,
    number: field.number,
    type: typeOf(field.type, packages),
    required: !field.embedded && !field.omitempty && !markers.has('optional') && !markers.has('k8s:optional'),
    pointer: field.pointer,
    omitempty: field.omitempty,
    flags,
  }
}

const defaultOf = (marked: string, field: GoField, packages: ReadonlyMap<string, GoPackage>): string => {
  const ref = /^ref\((\w+)\)$/.exec(marked)?.[1]
  const constants = packages.get(field.group)?.constants
  const value = ref === undefined ? marked : JSON.stringify(constants?.get(ref)?.value)
  if (value === undefined || /\s/.test(value))
    throw new Error(`default ${marked} of ${field.json} cannot be written`)
  return value
}

/** Go's spelling → the table's. A named string keeps its name: error messages show it. */
const typeOf = (go: string, packages: ReadonlyMap<string, GoPackage>): string => {
  if (go.startsWith('*')) return typeOf(go.slice(1), packages)
  if (go === '[]byte') return 'bytes'
  if (go.startsWith('[]')) return `[]${typeOf(go.slice(2), packages)}`
  const value = /^map\[[^\]]+\](.*)$/.exec(go)?.[1]
  if (value !== undefined) return `map[]${typeOf(value, packages)}`
  const scalar = scalarTypes[go]
  if (scalar !== undefined) return scalar
  if (go.startsWith('types.')) return `string:${go}`
  const group = go.slice(0, go.lastIndexOf('.'))
  const alias = packages.get(group)?.aliases.get(go.slice(group.length + 1))
  if (alias === undefined) return go
  if (alias.isSynonym) return typeOf(alias.type, packages)
  if (alias.type === 'string') return `string:${go}`
  const inner = typeOf(alias.type, packages)
  // A nullable slice is a message of its own on the protobuf wire, with the items as field 1.
  return `${go}=${alias.markers.has('protobuf.nullable') ? 'box' : ''}${inner}`
}

const tableText = (table: Table): string => {
  const lines = [...table.enums].map(([name, values]) => `@ ${name} ${values.join(' ')}`)
  for (const type of table.types.values()) {
    const group = type.name.slice(0, type.name.lastIndexOf('.') + 1)
    const short = (text: string) => text.replaceAll(group, '.')
    lines.push(
      ['=', type.name, ...(type.isKind ? ['kind'] : []), ...(type.atomic ? ['atomic'] : [])].join(' '),
    )
    for (const f of type.fields) {
      const marks = [...(f.required ? ['!'] : []), ...(f.pointer ? ['*'] : []), ...f.flags]
      lines.push([f.name, f.number, short(f.type), ...marks].join(' '))
    }
  }
  return lines.join('\n')
}

const sourcesAt = (folders: { api: string; apimachinery: string }, ref: string): Map<string, string> => {
  const show = (folder: string, path: string) =>
    execFileSync('git', ['-C', folder, 'show', `${ref}:${path}`], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  const texts = groups.map(([name, repository, path, files]) => {
    const folder = folders[repository]
    return [name, files.map((file) => show(folder, `${path}/${file}`)).join('\n')] as const
  })
  return new Map(texts)
}

const main = (): void => {
  const [api, apimachinery, ref = 'release-1.36'] = process.argv.slice(2)
  if (api === undefined || apimachinery === undefined)
    throw new Error('usage: node tools/gen-schema.ts API_DIR APIMACHINERY_DIR [REF]')
  const table = readTable(sourcesAt({ api, apimachinery }, ref))
  const header = `// Generated by tools/gen-schema.ts from kubernetes/api and kubernetes/apimachinery at ${ref}. Do not edit.\n`
  const folder = new URL('../src/api/schema/', import.meta.url)
  const text = tableText(table)
  if (/[`\\$]/.test(text)) throw new Error('the table needs escaping, which its reader does not expect')
  writeFileSync(
    new URL('kubernetes.gen.ts', folder),
    `${header}// \`schema.ts\` documents the format.\nexport const kubernetesTable = \`\n${text}\n\`\n`,
  )
  writeFileSync(
    new URL('types.gen.ts', folder),
    header +
      typescriptOf(
        table,
        groups.map(([name]) => name),
      ),
  )
}

main()
