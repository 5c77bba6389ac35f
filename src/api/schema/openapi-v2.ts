/**
 * One OpenAPI v2 document, made of the v3 documents of all group-versions. Terraform's `kubernetes_manifest` learns every
 * type from it and can't plan without; `kubectl explain --output=plaintext-openapiv2` prints it, and clients older than v3
 * validate by it. Version 2 knows less: what it has no word for is left out, as upstream leaves it out.
 */
import { objectOf, type JsonObject, type JsonValue } from '../json.ts'
import { gvkKey } from './openapi-components.ts'

/** Takes the documents one by one and yields before each: who serves others beside may let them go first. */
export function* openApiV2Document(
  documents: Iterable<JsonObject>,
  version: string,
): Generator<undefined, JsonObject> {
  const definitions: Record<string, JsonObject> = {}
  const paths: Record<string, JsonObject> = {}
  for (const document of documents) {
    yield
    for (const [path, item] of Object.entries(objectOf(document['paths'])))
      paths[path] = pathItem(objectOf(item))
    for (const [name, schema] of Object.entries(objectOf(objectOf(document['components'])['schemas']))) {
      // Where a kind of one group occurs inside of another group's, only its own document calls it a kind.
      if (definitions[name]?.[gvkKey] === undefined) definitions[name] = definition(name, objectOf(schema))
    }
  }
  return {
    swagger: '2.0',
    info: { title: 'Sampan', version },
    paths: sorted(paths),
    definitions: sorted(definitions),
  }
}

const sorted = (entries: Readonly<Record<string, JsonObject>>): JsonObject =>
  Object.fromEntries(Object.entries(entries).toSorted(([a], [b]) => (a < b ? -1 : 1)))

/** These two are one of several types, which version 2 can't say. A Quantity is a string, and so, with its format, is the other. */
const strings: Readonly<Record<string, JsonObject>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { type: 'string' },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { type: 'string', format: 'int-or-string' },
}

const definition = (name: string, schema: JsonObject): JsonObject => strings[name] ?? schemaOf(schema)

const unknownToV2 = new Set(['anyOf', 'not', 'nullable', 'oneOf'])
/** What a schema says of its value's members. */
const inner = new Set(['additionalProperties', 'items', 'properties', 'required', 'type'])

const schemaOf = (schema: JsonObject): JsonObject => {
  const isOpen = schema['nullable'] === true
  const isPreserved = schema['x-kubernetes-preserve-unknown-fields'] === true
  const written: Record<string, JsonValue> = {}
  for (const [key, value] of Object.entries(schema)) {
    // Validators of version 2 would refuse the null that a nullable field may be, and members nobody declared.
    const isHidden = inner.has(key) && (isOpen || (isPreserved && key !== 'type'))
    if (unknownToV2.has(key) || isHidden) continue
    if (key === 'properties') written[key] = mapped(objectOf(value), schemaOf)
    else if (key === 'items') written[key] = schemaOf(objectOf(value))
    else if (key === 'additionalProperties' && typeof value === 'object')
      written[key] = schemaOf(objectOf(value))
    else if (typeof value === 'string' && key === '$ref') written[key] = refOf(value)
    else if (key === 'allOf') Object.assign(written, onlyRef(value))
    else written[key] = value
  }
  return written
}

/** Version 3 ignores everything beside a `$ref` and wraps it therefore; version 2 has it plain. Any other `allOf` is dropped. */
const onlyRef = (allOf: JsonValue): JsonObject => {
  const [first, ...more] = Array.isArray(allOf) ? allOf : []
  const ref = more.length === 0 ? objectOf(first)['$ref'] : undefined
  return typeof ref === 'string' ? { $ref: refOf(ref) } : {}
}

const refOf = (ref: string): string => ref.replace('#/components/schemas/', '#/definitions/')

const mapped = (object: JsonObject, change: (value: JsonObject) => JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(objectOf(value))]))

const pathItem = ({ parameters, ...operations }: JsonObject): JsonObject => ({
  ...mapped(operations, operation),
  parameters: parametersOf(parameters),
})

const operation = ({ parameters, requestBody, responses, ...kept }: JsonObject): JsonObject => {
  const content = objectOf(objectOf(requestBody)['content'])
  const [body] = Object.values(content)
  const required = objectOf(requestBody)['required'] === true
  const bodies = body
    ? [
        {
          name: 'body',
          in: 'body',
          ...(required && { required }),
          schema: schemaOf(objectOf(objectOf(body)['schema'])),
        },
      ]
    : []
  return {
    consumes: Object.keys(content).length === 0 ? ['*/*'] : Object.keys(content),
    produces: ['application/json', 'application/yaml'],
    ...kept,
    parameters: [...bodies, ...parametersOf(parameters)],
    responses: mapped(objectOf(responses), response),
  }
}

const response = ({ content, ...kept }: JsonObject): JsonObject => {
  const [answer] = Object.values(objectOf(content))
  return answer ? { ...kept, schema: schemaOf(objectOf(objectOf(answer)['schema'])) } : kept
}

const parametersOf = (parameters: JsonValue | undefined): readonly JsonObject[] =>
  (Array.isArray(parameters) ? parameters : []).map((parameter) => {
    const { schema, ...kept } = objectOf(parameter)
    return { ...kept, ...objectOf(schema) }
  })
