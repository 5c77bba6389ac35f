/**
 * The OpenAPI v3 document of one group-version, derived from its resources: what kubectl asks for before it applies
 * (does this kind take `fieldValidation`?) and when it explains. The document changes only when the resources do, so
 * make it once and serve it under a hash of its bytes.
 */
import { field, listOf, objectOf, text } from '../crd/type-builder.ts'
import type { Descriptions } from '../descriptions/descriptions.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import type { GroupVersion } from '../meta.ts'
import type { ResourceDef, SubresourceDef, Verb } from '../resource.ts'
import { collectComponents, componentName, gvkKey, type Components } from './openapi-components.ts'
import { typeNamed, typeOfKind, type TypeDef } from './schema.ts'

/** As much of a resource as the document tells. */
export type OpenApiResource = Pick<
  ResourceDef,
  'group' | 'version' | 'kind' | 'listKind' | 'plural' | 'namespaced' | 'verbs' | 'subresources' | 'schema'
>

/** `resources` are those of the group-version; others are ignored. `version` is the product's own. */
export const openApiDocument = (
  gv: GroupVersion,
  resources: readonly OpenApiResource[],
  { version, descriptions }: { readonly version: string; readonly descriptions?: Descriptions },
): JsonObject => {
  const components = collectComponents(descriptions)
  const paths: Record<string, JsonValue> = {}
  for (const resource of resources) {
    if (resource.group !== gv.group || resource.version !== gv.version) continue
    Object.assign(paths, pathsOf(resource, components))
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Sampan', version },
    paths,
    components: { schemas: components.finish() },
  }
}

/** Everything an operation of a resource needs to be written. */
interface Subject {
  readonly gvk: JsonObject
  readonly body: JsonObject
  readonly list: JsonObject
  readonly status: JsonObject
  readonly deleteOptions: JsonObject
  readonly patchTypes: readonly string[]
}

const pathsOf = (resource: OpenApiResource, components: Components): JsonObject => {
  const { group, version, kind, plural, namespaced, verbs } = resource
  const gvk = { group, version, kind }
  components.markKind(resource.schema, gvk)
  const subject: Subject = {
    gvk,
    body: components.refer(resource.schema),
    list: refToList(resource, components),
    status: components.refer(typeNamed('meta.v1.Status')),
    deleteOptions: components.refer(typeNamed('meta.v1.DeleteOptions')),
    patchTypes: isBuiltin(resource.schema) ? [...patchTypes, strategicPatchType] : patchTypes,
  }
  const prefix = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  const collection = namespaced ? `${prefix}/namespaces/{namespace}/${plural}` : `${prefix}/${plural}`
  const scope = namespaced ? [pathParameter('namespace')] : []
  const written: Record<string, JsonValue> = {}
  const add = (
    path: string,
    parameters: readonly JsonObject[],
    operations: Record<string, JsonValue>,
  ): void => {
    if (Object.keys(operations).length > 0) written[path] = { parameters, ...operations }
  }
  add(collection, scope, operationsFor(['list', 'create', 'deletecollection'], verbs, subject))
  if (namespaced) add(`${prefix}/${plural}`, [], operationsFor(['list'], verbs, subject))
  const item = `${collection}/{name}`
  const named = [pathParameter('name'), ...scope]
  add(item, named, operationsFor(['get', 'update', 'patch', 'delete'], verbs, subject))
  for (const subresource of resource.subresources) {
    const own = subresourceSubject(subresource, subject, components)
    const all = ['get', 'create', 'update', 'patch'] as const
    add(`${item}/${subresource.name}`, named, operationsFor(all, subresource.verbs, own))
  }
  return written
}

const isBuiltin = (type: TypeDef): boolean => type.lax !== true

const subresourceSubject = (subresource: SubresourceDef, owner: Subject, components: Components): Subject => {
  if (subresource.body === undefined) return owner
  const { group, version, kind } = subresource.body
  const type = typeOfKind({ group, version, kind })
  if (!type) return { ...owner, gvk: { group, version, kind }, body: {} }
  return { ...owner, gvk: { group, version, kind }, body: components.refer(type) }
}

/** The list kind from the table, or for a custom resource one made here. */
const refToList = (resource: OpenApiResource, components: Components): JsonObject => {
  const { group, version, listKind, schema } = resource
  const gvk = { group, version, kind: listKind }
  const type = (isBuiltin(schema) ? typeOfKind(gvk) : undefined) ?? listTypeOf(schema)
  components.markKind(type, gvk)
  return components.refer(type)
}

const listTypeOf = (schema: TypeDef): TypeDef =>
  objectOf(
    () => [
      field('apiVersion', text),
      field('kind', text),
      field('metadata', typeNamed('meta.v1.ListMeta')),
      field('items', listOf(schema), true),
    ],
    { name: `${componentName(schema.name)}List`, isKind: true },
  )

const operationsFor = (
  wanted: readonly Verb[],
  verbs: readonly Verb[],
  subject: Subject,
): Record<string, JsonValue> => {
  const operations: Record<string, JsonValue> = {}
  for (const verb of wanted) {
    if (!verbs.includes(verb) || verb === 'watch') continue
    const { method, action, parameters } = verbTable[verb]
    operations[method] = {
      'x-kubernetes-action': action,
      [gvkKey]: subject.gvk,
      parameters: parameters.map(queryParameter),
      ...requestBody(verb, subject),
      responses: {
        200: { description: 'OK', content: { 'application/json': { schema: answerOf(verb, subject) } } },
      },
    }
  }
  return operations
}

const answerOf = (verb: Verb, subject: Subject): JsonObject => {
  if (verb === 'list') return subject.list
  return verb === 'delete' || verb === 'deletecollection' ? subject.status : subject.body
}

const requestBody = (verb: Verb, subject: Subject): JsonObject => {
  if (verb === 'get' || verb === 'list') return {}
  if (verb === 'create' || verb === 'update')
    return { requestBody: { required: true, content: { '*/*': { schema: subject.body } } } }
  if (verb !== 'patch') return { requestBody: { content: { '*/*': { schema: subject.deleteOptions } } } }
  const schema = { type: 'object' }
  const content = Object.fromEntries(subject.patchTypes.map((type) => [type, { schema }]))
  return { requestBody: { required: true, content } }
}

const patchTypes = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
]
const strategicPatchType = 'application/strategic-merge-patch+json'

const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'] as const
const deleteParameters = ['dryRun', 'gracePeriodSeconds', 'orphanDependents', 'propagationPolicy'] as const
const selectParameters = [
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
] as const
const watchParameters = ['allowWatchBookmarks', 'sendInitialEvents', 'timeoutSeconds', 'watch'] as const

/** HTTP method, `x-kubernetes-action` and query parameters of each verb that is an operation of its own. */
const verbTable = {
  get: { method: 'get', action: 'get', parameters: [] },
  list: { method: 'get', action: 'list', parameters: [...selectParameters, ...watchParameters] },
  create: { method: 'post', action: 'post', parameters: writeParameters },
  update: { method: 'put', action: 'put', parameters: writeParameters },
  patch: { method: 'patch', action: 'patch', parameters: [...writeParameters, 'force'] },
  delete: { method: 'delete', action: 'delete', parameters: deleteParameters },
  deletecollection: {
    method: 'delete',
    action: 'deletecollection',
    parameters: [...deleteParameters, ...selectParameters],
  },
} as const satisfies Readonly<
  Record<
    Exclude<Verb, 'watch'>,
    { method: string; action: string; parameters: readonly (keyof typeof parameterTypes)[] }
  >
>

const parameterTypes = {
  allowWatchBookmarks: 'boolean',
  continue: 'string',
  dryRun: 'string',
  fieldManager: 'string',
  fieldSelector: 'string',
  fieldValidation: 'string',
  force: 'boolean',
  gracePeriodSeconds: 'integer',
  labelSelector: 'string',
  limit: 'integer',
  orphanDependents: 'boolean',
  propagationPolicy: 'string',
  resourceVersion: 'string',
  resourceVersionMatch: 'string',
  sendInitialEvents: 'boolean',
  timeoutSeconds: 'integer',
  watch: 'boolean',
} as const

const queryParameter = (name: keyof typeof parameterTypes): JsonObject => ({
  name,
  in: 'query',
  schema: { type: parameterTypes[name], uniqueItems: true },
})

const pathParameter = (name: string): JsonObject => ({
  name,
  in: 'path',
  required: true,
  schema: { type: 'string', uniqueItems: true },
})
