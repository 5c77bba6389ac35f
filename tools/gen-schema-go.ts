/**
 * Reads the declarations of a Kubernetes `types.go`: structs with their tags and comment markers, named types and
 * constants. It understands gofmt's layout of those files, no more of Go than that.
 */

/** The `+name=value` markers of a comment; a marker may repeat (`+listMapKey`). */
export type Markers = ReadonlyMap<string, readonly string[]>

export interface GoField {
  /** The package the field was declared in: `core.v1`. */
  readonly group: string
  readonly json: string
  readonly omitempty: boolean
  readonly embedded: boolean
  /** 0: no field of the protobuf message. */
  readonly number: number
  /** As written, with package aliases resolved to group names: `[]core.v1.Container`. */
  readonly type: string
  readonly pointer: boolean
  readonly patchStrategy: string
  readonly patchMergeKey: string
  readonly markers: Markers
}

export interface GoStruct {
  readonly name: string
  readonly fields: readonly GoField[]
  readonly markers: Markers
}

export interface GoPackage {
  readonly structs: ReadonlyMap<string, GoStruct>
  readonly aliases: ReadonlyMap<
    string,
    { readonly type: string; readonly isSynonym: boolean; readonly markers: Markers }
  >
  readonly constants: ReadonlyMap<string, { readonly type: string; readonly value: string }>
}

/** The values of a type marked `+enum`, or undefined when the set is open. `name` is `core.v1.PullPolicy`. */
export const enumsOf = (
  packages: ReadonlyMap<string, GoPackage>,
  name: string,
): readonly string[] | undefined => {
  const group = name.slice(0, name.lastIndexOf('.'))
  const go = packages.get(group)
  const alias = go?.aliases.get(name.slice(group.length + 1))
  if (!go || !alias?.markers.has('enum')) return undefined
  const values = [...go.constants.values()].filter(
    (c) => c.type === name.slice(group.length + 1) && c.value !== '',
  )
  return values.length === 0 ? undefined : [...new Set(values.map((c) => c.value))].toSorted()
}

export const readGoFile = (group: string, text: string): GoPackage => {
  const resolve = typeResolver(group, text)
  const structs = new Map<string, GoStruct>()
  const aliases = new Map<string, { type: string; isSynonym: boolean; markers: Markers }>()
  const constants = new Map<string, { type: string; value: string }>()
  let comment: string[] = []
  let open: { name: string; fields: GoField[]; markers: Markers } | undefined
  for (const line of text.split('\n')) {
    const trimmed = line.trim()
    if (trimmed.startsWith('//')) {
      comment.push(trimmed)
      continue
    }
    const markers = markersOf(comment)
    const constant = /^(?:const )?\s*(\w+)\s+(\w+)\s*=\s*"([^"]*)"/.exec(line)
    if (open) {
      if (line === '}') open = undefined
      else {
        const field = fieldOf({ group, line: trimmed, markers, resolve })
        if (field) open.fields.push(field)
      }
    } else if (constant?.[1] && constant[2]) {
      constants.set(constant[1], { type: constant[2], value: constant[3] ?? '' })
    } else {
      const struct = /^type (\w+) struct \{(\})?/.exec(line)
      const alias = /^type (\w+) (=\s*)?([^ ]+)/.exec(line)
      if (struct?.[1]) {
        const declared = { name: struct[1], fields: [], markers }
        structs.set(struct[1], declared)
        if (struct[2] === undefined) open = declared
      } else if (alias?.[1] && alias[3]) {
        aliases.set(alias[1], { type: resolve(alias[3]), isSynonym: alias[2] !== undefined, markers })
      }
    }
    // Markers of a type may stand in a comment of their own above its documentation, a blank line between.
    if (trimmed !== '' || open) comment = []
  }
  return { structs, aliases, constants }
}

interface FieldSource {
  readonly group: string
  readonly line: string
  readonly markers: Markers
  readonly resolve: (type: string) => string
}

const fieldOf = ({ group, line, markers, resolve }: FieldSource): GoField | undefined => {
  const parts = /^(?:(\w+)\s+)?([^\s`]+)\s+`(.*)`/.exec(line)
  if (!parts?.[2] || parts[3] === undefined) return undefined
  const tags = parts[3]
  const tag = (name: string) => new RegExp(`(?:^|\\s)${name}:"([^"]*)"`).exec(tags)?.[1] ?? ''
  const [json = '', ...options] = tag('json').split(',')
  return {
    group,
    json,
    omitempty: options.includes('omitempty') || options.includes('omitzero'),
    embedded: parts[1] === undefined,
    number: Number(tag('protobuf').split(',')[1] ?? 0),
    type: resolve(parts[2]),
    pointer: parts[2].startsWith('*'),
    patchStrategy: tag('patchStrategy'),
    patchMergeKey: tag('patchMergeKey'),
    markers,
  }
}

const markersOf = (comment: readonly string[]): Markers => {
  const markers = new Map<string, string[]>()
  for (const line of comment) {
    const marker = /^\/\/\s*\+([\w:.]+)(?:\([^)]*\))?(?:=(.*))?$/.exec(line)
    if (!marker?.[1]) continue
    const values = markers.get(marker[1]) ?? []
    values.push((marker[2] ?? '').trim())
    markers.set(marker[1], values)
  }
  return markers
}

/** Rewrites the names in a Go type: `[]v1.Container` with `v1 "k8s.io/api/core/v1"` → `[]core.v1.Container`. */
const typeResolver = (group: string, text: string): ((type: string) => string) => {
  const names = new Map<string, string>([
    ['resource', 'resource'],
    ['runtime', 'runtime'],
    ['intstr', 'intstr'],
    ['types', 'types'],
  ])
  for (const [, alias, path] of text.matchAll(
    /^\s+(\w+) "k8s\.io\/(?:api|apimachinery\/pkg\/apis)\/([\w/]+)"/gm,
  ))
    if (alias && path) names.set(alias, path.replaceAll('/', '.'))
  const basic = new Set(['string', 'bool', 'int', 'int32', 'int64', 'byte', 'float64', 'map', 'interface'])
  return (type) =>
    type.replaceAll(/(\w+)(?:\.(\w+))?/g, (_, first: string, second: string | undefined) => {
      if (second !== undefined) return `${names.get(first) ?? first}.${second}`
      return basic.has(first) ? first : `${group}.${first}`
    })
}
