/**
 * What an object may hold, as data. One record drives JSON decoding and pruning, protobuf decoding, strategic merge,
 * server-side apply and OpenAPI. The built-in kinds come from `kubernetes.gen.ts` by way of `typeNamed`; the structural
 * schema of a CustomResourceDefinition becomes the same records at run time, and no consumer can tell them apart.
 *
 * Records are immutable and shared: never change one, never compare by anything but identity. They may be recursive,
 * so walk a value beside its schema, not the schema alone. Built-in types are built field by field at first use: a
 * process that never sees a PersistentVolume never pays for it.
 */
import { kubernetesTable } from './kubernetes.gen.ts'

export type Schema = TypeDef | MapSchema | ListSchema | ScalarSchema

/** What any schema may carry beside its shape. */
export interface SchemaBase {
  /** Value of an absent field. Absent: no default. Defaults of built-in kinds are mostly code in `resources/`, not here. */
  readonly default?: unknown
  /** The closed set of values. For documentation; validation says more about it. */
  readonly enum?: readonly unknown[]
  /** An explicit null is kept instead of being dropped (custom resources only). */
  readonly nullable?: boolean
  /** Values of a wrong type, null among them, pass the decoder: validation says what is wrong (custom resources only). */
  readonly lax?: boolean
  /** Further OpenAPI keywords of a custom resource, verbatim: `minimum`, `pattern`, `x-kubernetes-validations`… */
  readonly constraints?: Readonly<Record<string, unknown>>
  readonly description?: string
}

/** An object with known fields. */
export interface TypeDef extends SchemaBase {
  readonly kind: 'object'
  /**
   * `core.v1.PodSpec`. For a custom kind the name under which OpenAPI shall publish it, the group reversed:
   * `com.example.v1.Widget`. Empty for an object nested in one: it is written in place.
   */
  readonly name: string
  /** Every field by its JSON name, with those of inlined structs among them. In order of declaration. */
  readonly fields: ReadonlyMap<string, FieldDef>
  /** Own members in the sense of protobuf: an inlined struct is one member. Empty for custom resources. */
  readonly members: readonly FieldDef[]
  /** True for what has `apiVersion` and `kind`: these two are in `fields`. */
  readonly isKind: boolean
  /** Unknown fields stay (`x-kubernetes-preserve-unknown-fields`). */
  readonly preserveUnknown: boolean
  /** The promised ones among `fields`. */
  readonly promised: readonly FieldDef[]
  /** Server-side apply owns it as a whole (`+structType=atomic`). */
  readonly atomic: boolean
}

export interface FieldDef {
  /** JSON name; empty for an inlined struct, which occurs in `members` only. */
  readonly name: string
  readonly schema: Schema
  readonly required: boolean
  /** Protobuf field number; 0 when the field is not on that wire. */
  readonly number: number
  /** True: its zero value differs from its absence. */
  readonly pointer: boolean
  /**
   * A struct in Go cannot lack it: required and no pointer, or the `spec` of anything, or the `metadata` of a kind.
   * Decoding can fill it in with its zero value, so that code may rely on `types.gen.ts` and answers match upstream's.
   */
  readonly promised: boolean
  /** How a strategic merge patch treats it: `merge`, `replace`, `retainKeys`; several may apply. */
  readonly patchStrategy: readonly string[]
  /** The field that identifies an item in a strategic merge; may differ from the list's own `keys`. */
  readonly patchMergeKey?: string
}

/** Any keys, values of one schema. */
export interface MapSchema extends SchemaBase {
  readonly kind: 'map'
  readonly values: Schema
  readonly atomic: boolean
  /** Go's name of it (`v1.ResourceList`), which error messages show. */
  readonly goName?: string
}

export interface ListSchema extends SchemaBase {
  readonly kind: 'list'
  readonly items: Schema
  /** For server-side apply: owned as a whole, a set of scalars, or items identified by `keys`. Unmarked lists are atomic. */
  readonly listType: 'atomic' | 'set' | 'map'
  readonly keys: readonly string[]
  /** A message of its own on the protobuf wire, the items being its field 1 (a nullable slice type in Go). */
  readonly boxed: boolean
  readonly goName?: string
}

export interface ScalarSchema extends SchemaBase {
  readonly kind: Scalar
  /** Go's name of a named string (`v1.PullPolicy`), which error messages show. */
  readonly goName?: string
}

/**
 * `bytes` is base64 text; `quantity` text (numbers become text); `intOrString` either; `time` and `microTime` RFC 3339.
 * `raw` is an object kept as it is (RawExtension), `fields` likewise (FieldsV1); `any` is any JSON value.
 */
export type Scalar =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'double'
  | 'bytes'
  | 'quantity'
  | 'intOrString'
  | 'time'
  | 'microTime'
  | 'raw'
  | 'fields'
  | 'any'

/** A built-in type by its full name: `core.v1.Pod`, `meta.v1.ObjectMeta`. Throws for a name the table lacks: names are written in code. */
export const typeNamed = (name: string): TypeDef => {
  const type = builtin.find(name)
  if (!type)
    throw new Error(`no type ${name} in the table of built-in types; see src/api/schema/kubernetes.gen.ts`)
  return type
}

/** The built-in type of a kind from a request, if there is one. Options kinds such as DeleteOptions exist in every group. */
export const typeOfKind = (gvk: { group: string; version: string; kind: string }): TypeDef | undefined => {
  const { group, version, kind } = gvk
  const isShared = group === '' || kind.endsWith('Options')
  const type =
    builtin.find(`${tableGroupOf(group)}.${version}.${kind}`) ??
    (isShared ? builtin.find(`meta.v1.${kind}`) : undefined)
  return type?.isKind ? type : undefined
}

/** The table's word for an API group. Exact: `apps.example.com` is somebody else's. */
const tableGroupOf = (group: string): string => {
  if (group === '') return 'core'
  if (group === 'rbac.authorization.k8s.io') return 'rbac'
  return group.endsWith('.k8s.io') ? group.slice(0, -'.k8s.io'.length) : group
}

/** The names of all built-in types, in the order of the table. */
export const typeNames = (): readonly string[] => builtin.names()

/**
 * Reads the table. Its lines are:
 *
 *   @ core.v1.PullPolicy Always Never …        a closed set of strings
 *   = core.v1.Pod [kind] [atomic]              a type; its fields follow
 *   NAME NUMBER TYPE [!] [*] [key=value]…      a field: `!` required, `*` a pointer in Go; NAME `-` for an inlined struct
 *
 * TYPE is a `Scalar`, `string:NAME` for a named string, `[]TYPE`, `map[]TYPE`, `NAME=TYPE` for a named container
 * (`NAME=box[]TYPE` when boxed) or the name of a type. A name that begins with a dot is of the same group. Keys:
 * `list=TYPE,KEY…`, `patch=STRATEGY,…`, `key=MERGEKEY`, `default=JSON`, and the bare words `atomic` and `granular`
 * (not atomic although its type is).
 */
class TypeTable {
  readonly #text: string
  readonly #types = new Map<string, TableType>()
  #starts: Map<string, number> | undefined

  constructor(text: string) {
    this.#text = text
  }

  names(): readonly string[] {
    return [...this.#index().keys()].filter((key) => !key.startsWith('@'))
  }

  find(name: string): TableType | undefined {
    const known = this.#types.get(name)
    if (known) return known
    const start = this.#index().get(name)
    if (start === undefined) return undefined
    const end = this.#text.indexOf('\n= ', start)
    const lines = this.#text.slice(start, end < 0 ? this.#text.length - 1 : end).split('\n')
    const type = new TableType(this, lines)
    this.#types.set(name, type)
    return type
  }

  enumValues(name: string): readonly string[] | undefined {
    const start = this.#index().get(`@ ${name}`)
    if (start === undefined) return undefined
    return this.#text.slice(start, this.#text.indexOf('\n', start)).split(' ').slice(2)
  }

  /** Where the line of each type (`core.v1.Pod`) and each set (`@ core.v1.PullPolicy`) begins. */
  #index(): Map<string, number> {
    if (this.#starts) return this.#starts
    const starts = new Map<string, number>()
    for (const match of this.#text.matchAll(/^(?:(@) |= )(\S+)/gm))
      starts.set(match[1] ? `@ ${match[2]}` : (match[2] ?? ''), match.index)
    this.#starts = starts
    return starts
  }
}

class TableType implements TypeDef {
  readonly kind = 'object'
  readonly name: string
  readonly isKind: boolean
  readonly atomic: boolean
  readonly preserveUnknown = false
  readonly members: readonly TableField[]
  #fields: ReadonlyMap<string, FieldDef> | undefined
  #promised: readonly FieldDef[] | undefined

  constructor(table: TypeTable, lines: readonly string[]) {
    const [, name = '', ...marks] = (lines[0] ?? '').split(' ')
    this.name = name
    this.isKind = marks.includes('kind')
    this.atomic = marks.includes('atomic')
    const group = name.slice(0, name.lastIndexOf('.'))
    const owner = { group, isKind: this.isKind }
    this.members = lines.slice(1).map((line) => new TableField(table, owner, line))
  }

  get fields(): ReadonlyMap<string, FieldDef> {
    this.#fields ??= this.#flatten()
    return this.#fields
  }

  get promised(): readonly FieldDef[] {
    this.#promised ??= [...this.fields.values()].filter((field) => field.promised)
    return this.#promised
  }

  #flatten(): ReadonlyMap<string, FieldDef> {
    const fields = new Map<string, FieldDef>()
    if (this.isKind) for (const name of ['apiVersion', 'kind']) fields.set(name, typeMetaField(name))
    for (const member of this.members) {
      if (member.name !== '') fields.set(member.name, member)
      else if (member.schema.kind === 'object')
        for (const [name, field] of member.schema.fields) fields.set(name, field)
    }
    return fields
  }
}

const typeMetaField = (name: string): FieldDef => ({
  name,
  schema: { kind: 'string' },
  required: false,
  number: 0,
  pointer: false,
  promised: false,
  patchStrategy: [],
})

class TableField implements FieldDef {
  readonly name: string
  readonly number: number
  readonly required: boolean
  readonly pointer: boolean
  readonly patchStrategy: readonly string[]
  readonly patchMergeKey?: string
  readonly promised: boolean
  readonly #table: TypeTable
  readonly #group: string
  readonly #type: string
  readonly #marks: ReadonlyMap<string, string>
  #schema: Schema | undefined

  constructor(table: TypeTable, owner: { group: string; isKind: boolean }, line: string) {
    const [name = '', number = '', type = '', ...words] = line.split(' ')
    const marks = new Map(words.map((word) => splitOnce(word, '=')))
    this.#table = table
    this.#group = owner.group
    this.#type = type
    this.#marks = marks
    this.name = name === '-' ? '' : name
    this.number = Number(number)
    this.required = marks.has('!')
    this.pointer = marks.has('*')
    const isStruct = /^[A-Z.]|^\w+\.v\d/.test(type) && !type.includes('=')
    const isNamed = (name === 'metadata' && owner.isKind) || name === 'spec'
    const hasZero = !/^(?:time|microTime|raw|fields|any)$/.test(type)
    this.promised = !this.pointer && ((this.required && hasZero) || (isNamed && isStruct))
    this.patchStrategy = marks.get('patch')?.split(',') ?? []
    const key = marks.get('key')
    if (key !== undefined) this.patchMergeKey = key
  }

  get schema(): Schema {
    this.#schema ??= this.#parse(this.#type, this.#marks)
    return this.#schema
  }

  #parse(type: string, marks: ReadonlyMap<string, string>, goName?: string): Schema {
    const given = marks.get('default')
    const base = given === undefined ? {} : { default: JSON.parse(given) as unknown }
    const named = goName === undefined ? base : { ...base, goName }
    if (type.startsWith('map[]')) {
      const values = this.#parse(type.slice(5), noMarks)
      return { ...named, kind: 'map', values, atomic: marks.has('atomic') }
    }
    const boxed = type.startsWith('box[]')
    if (boxed || type.startsWith('[]')) {
      const [listType, ...keys] = marks.get('list')?.split(',') ?? []
      const items = this.#parse(type.slice(boxed ? 5 : 2), noMarks)
      return { ...named, kind: 'list', items, listType: listTypeOf(listType), keys, boxed }
    }
    const [name, container] = splitOnce(type, '=')
    if (container !== '') return this.#parse(container, marks, goNameOf(this.#fullName(name)))
    if (type.startsWith('string:')) {
      const full = this.#fullName(type.slice(7))
      const values = this.#table.enumValues(full)
      return { ...base, kind: 'string', goName: goNameOf(full), ...(values && { enum: values }) }
    }
    if (isScalar(type)) return given === undefined ? plainScalars[type] : { ...base, kind: type }
    return this.#reference(this.#fullName(type), marks)
  }

  #reference(name: string, marks: ReadonlyMap<string, string>): TypeDef {
    const type = this.#table.find(name)
    if (!type) throw new Error(`the table of types refers to ${name} but lacks it; generate it again`)
    const atomic = marks.has('atomic') || (type.atomic && !marks.has('granular'))
    return atomic === type.atomic ? type : withAtomicity(type, atomic)
  }

  #fullName(name: string): string {
    return name.startsWith('.') ? this.#group + name : name
  }
}

const noMarks: ReadonlyMap<string, string> = new Map()

/** The same type where a field says otherwise. Keeps reading `fields` late: the type may be recursive. */
const withAtomicity = (type: TypeDef, atomic: boolean): TypeDef => ({
  kind: 'object',
  name: type.name,
  get fields() {
    return type.fields
  },
  members: type.members,
  get promised() {
    return type.promised
  },
  isKind: type.isKind,
  preserveUnknown: type.preserveUnknown,
  atomic,
})

const plainScalars = {
  string: { kind: 'string' },
  bool: { kind: 'bool' },
  int32: { kind: 'int32' },
  int64: { kind: 'int64' },
  double: { kind: 'double' },
  bytes: { kind: 'bytes' },
  quantity: { kind: 'quantity' },
  intOrString: { kind: 'intOrString' },
  time: { kind: 'time' },
  microTime: { kind: 'microTime' },
  raw: { kind: 'raw' },
  fields: { kind: 'fields' },
  any: { kind: 'any' },
} as const satisfies Readonly<Record<Scalar, ScalarSchema>>

const isScalar = (type: string): type is Scalar => Object.hasOwn(plainScalars, type)

const listTypeOf = (word: string | undefined): ListSchema['listType'] =>
  word === 'set' || word === 'map' ? word : 'atomic'

/** `core.v1.PullPolicy` → `v1.PullPolicy`: Go prints the package's own name, which is the version. */
const goNameOf = (name: string): string => name.split('.').slice(-2).join('.')

const splitOnce = (text: string, separator: string): [string, string] => {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

// A memo of a pure reading of a constant; creating it does no work.
const builtin = new TypeTable(kubernetesTable)
