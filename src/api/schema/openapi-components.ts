/** Schemas as OpenAPI 3.0 writes them, under the names that Kubernetes publishes them by. */
import type { Descriptions } from '../descriptions/descriptions.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import type { FieldDef, ListSchema, MapSchema, Scalar, ScalarSchema, Schema, TypeDef } from './schema.ts'

type MutableJson = Record<string, JsonValue>

/** Collects the components that a document refers to. */
export interface Components {
  /** `{$ref}` to a named type, which joins the components with everything it refers to. */
  readonly refer: (type: TypeDef) => JsonObject
  /** Adds a component by hand; returns its `{$ref}`. */
  readonly add: (name: string, component: JsonObject) => JsonObject
  /** Marks a component as the schema of a kind: `kubectl explain` finds it so. */
  readonly markKind: (type: TypeDef, gvk: JsonObject) => void
  /** All components, sorted by name. To be called last. */
  readonly finish: () => JsonObject
}

/** Without descriptions the schemas say what is allowed, not what for. */
export const collectComponents = (descriptions?: Descriptions): Components => {
  const components = new Map<string, MutableJson>()
  const queue: TypeDef[] = []
  const refer = (type: TypeDef): JsonObject => {
    const name = componentName(type.name)
    if (!components.has(name)) {
      components.set(name, {})
      queue.push(type)
    }
    return refTo(name)
  }
  const add = (name: string, component: JsonObject): JsonObject => {
    if (!components.has(name)) components.set(name, { ...component })
    return refTo(name)
  }
  const writer = new SchemaWriter({ refer, add }, descriptions)
  const finish = (): JsonObject => {
    for (let type = queue.pop(); type !== undefined; type = queue.pop()) {
      const component = components.get(componentName(type.name)) ?? {}
      Object.assign(component, { ...writer.object(type), ...component })
    }
    return Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }
  const markKind = (type: TypeDef, gvk: JsonObject): void => {
    refer(type)
    const component = components.get(componentName(type.name)) ?? {}
    const before = component[gvkKey]
    component[gvkKey] = [...(Array.isArray(before) ? before : []), gvk]
  }
  return { refer, add, markKind, finish }
}

export const gvkKey = 'x-kubernetes-group-version-kind'

/** `apps.v1.Deployment` → `io.k8s.api.apps.v1.Deployment`. A custom type's name is its component's name already. */
export const componentName = (name: string): string => {
  if (name.startsWith('meta.v1.')) return `io.k8s.apimachinery.pkg.apis.${name}`
  return /^[a-z]+\.v\d\w*\.\w+$/.test(name) ? `io.k8s.api.${name}` : name
}

const refTo = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` })

class SchemaWriter {
  readonly #components: Pick<Components, 'refer' | 'add'>
  readonly #descriptions: Descriptions | undefined

  constructor(components: Pick<Components, 'refer' | 'add'>, descriptions: Descriptions | undefined) {
    this.#components = components
    this.#descriptions = descriptions
  }

  /** The type's own text, without a reference. */
  object(type: TypeDef): MutableJson {
    const described = describedAs(this.#descriptions?.ofType(type.name))
    const written: MutableJson = { ...described, ...keywords(type), type: 'object' }
    const properties: MutableJson = {}
    const required: string[] = []
    for (const [name, field] of type.fields) {
      properties[name] = { ...describedAs(this.#descriptions?.ofField(type, name)), ...this.#field(field) }
      if (field.required) required.push(name)
    }
    if (type.fields.size > 0) written['properties'] = properties
    if (required.length > 0) written['required'] = required
    if (type.preserveUnknown) written['x-kubernetes-preserve-unknown-fields'] = true
    if (type.atomic) written['x-kubernetes-map-type'] = 'atomic'
    return written
  }

  #field(field: FieldDef): MutableJson {
    const written = this.#schema(field.schema)
    if (field.patchStrategy.length > 0) written['x-kubernetes-patch-strategy'] = field.patchStrategy.join(',')
    if (field.patchMergeKey !== undefined) written['x-kubernetes-patch-merge-key'] = field.patchMergeKey
    return written
  }

  #schema(schema: Schema): MutableJson {
    if (schema.kind === 'list') return this.#list(schema)
    if (schema.kind === 'map') return this.#map(schema)
    if (schema.kind !== 'object') return this.#scalar(schema)
    if (schema.name === '') return this.object(schema)
    // Beside `$ref` OpenAPI 3.0 ignores everything, hence `allOf`.
    const written: MutableJson = { ...keywords(schema), allOf: [this.#components.refer(schema)] }
    if (schema.atomic) written['x-kubernetes-map-type'] = 'atomic'
    return written
  }

  #list(schema: ListSchema): MutableJson {
    const written: MutableJson = { ...keywords(schema), type: 'array', items: this.#schema(schema.items) }
    if (schema.listType === 'atomic' && schema.keys.length === 0 && !schema.boxed)
      written['x-kubernetes-list-type'] = 'atomic'
    else if (schema.listType !== 'atomic') written['x-kubernetes-list-type'] = schema.listType
    if (schema.keys.length > 0) written['x-kubernetes-list-map-keys'] = schema.keys
    return written
  }

  #map(schema: MapSchema): MutableJson {
    const additionalProperties = this.#schema(schema.values)
    const written: MutableJson = { ...keywords(schema), type: 'object', additionalProperties }
    if (schema.atomic) written['x-kubernetes-map-type'] = 'atomic'
    return written
  }

  #scalar(schema: ScalarSchema): MutableJson {
    const shared = sharedScalars[schema.kind]
    const written = keywords(schema)
    if (shared === undefined) return { ...written, ...plainScalars[schema.kind] }
    const component = { ...describedAs(this.#descriptions?.ofType(shared)), ...plainScalars[schema.kind] }
    return { ...written, allOf: [this.#components.add(shared, component)] }
  }
}

const describedAs = (description: string | undefined): MutableJson =>
  description === undefined ? {} : { description }

/** What every schema may carry. Defaults and sets are JSON: they come from the table or from a CustomResourceDefinition. */
const keywords = (schema: Schema): MutableJson => ({
  ...(schema.constraints as JsonObject | undefined),
  ...(schema.description === undefined ? {} : { description: schema.description }),
  ...(schema.default === undefined ? {} : { default: schema.default as JsonValue }),
  ...(schema.enum === undefined ? {} : { enum: schema.enum as readonly JsonValue[] }),
  ...(schema.nullable === true ? { nullable: true } : {}),
})

const plainScalars: Readonly<Record<Scalar, JsonObject>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
  quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  intOrString: { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
  time: { type: 'string', format: 'date-time' },
  microTime: { type: 'string', format: 'date-time' },
  raw: { type: 'object' },
  fields: { type: 'object' },
  any: {},
}

/** Scalars that Kubernetes publishes as components of their own. */
const sharedScalars: Partial<Readonly<Record<Scalar, string>>> = {
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  intOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  time: 'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
  microTime: 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
  raw: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
  fields: 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
}
