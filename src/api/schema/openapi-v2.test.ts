import assert from 'node:assert/strict'
import { test } from 'node:test'
import { objectOf, type JsonObject, type JsonValue } from '../json.ts'
import { resources } from '../table.ts'
import { openApiV2Bytes } from './openapi-v2-protobuf.ts'
import { openApiV2Document } from './openapi-v2.ts'
import { openApiDocument } from './openapi.ts'

const groupVersions = [
  ...new Map(resources.map(({ group, version }) => [`${group}/${version}`, { group, version }])).values(),
]
function finished<T>(work: Generator<undefined, T>): T {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

const documentOf = (documents: readonly JsonObject[]) => finished(openApiV2Document(documents, '1'))
const bytesOf = (document: JsonObject) => Buffer.from(finished(openApiV2Bytes(document)))

const whole = documentOf(groupVersions.map((gv) => openApiDocument(gv, resources, { version: '1' })))
const definitions = objectOf(whole['definitions'])
const definition = (name: string): JsonObject => objectOf(definitions[name])
const gvkKey = 'x-kubernetes-group-version-kind'

const everything = function* (value: JsonValue): Generator<JsonObject> {
  if (Array.isArray(value)) for (const item of value as readonly JsonValue[]) yield* everything(item)
  else if (typeof value === 'object' && value !== null) {
    yield value as JsonObject
    for (const item of Object.values(value)) yield* everything(item)
  }
}

test('every kind is found by its group, version and kind', () => {
  const known = new Set(
    Object.values(definitions).flatMap((one) => {
      const kinds = objectOf(one)[gvkKey]
      return Array.isArray(kinds) ? kinds.map((kind) => JSON.stringify(kind)) : []
    }),
  )
  for (const { group, version, kind } of resources)
    assert.ok(known.has(JSON.stringify({ group, version, kind })), `${group}/${version} ${kind}`)
})

test('references lead somewhere, and nothing is said that version 2 has no word for', () => {
  const words = new Set<string>()
  for (const object of everything(whole)) {
    const ref = object['$ref']
    if (typeof ref === 'string') assert.ok(definitions[ref.replace('#/definitions/', '')], ref)
    if (object['in'] === undefined)
      for (const word of ['oneOf', 'anyOf', 'nullable', 'content', 'requestBody'])
        if (Object.hasOwn(object, word) && !Object.hasOwn(object, 'type')) words.add(word)
  }
  assert.deepEqual([...words], [])
})

/** How Terraform's provider makes a type of a definition: it expands every reference and knows no recursion but this one. */
const isOpaque = (name: string): boolean => name.endsWith('.JSONSchemaProps')

const depthOf = (schema: JsonObject, path: string): number => {
  assert.ok(path.split('.').length < 50, `${path} goes on for ever`)
  const ref = typeof schema['$ref'] === 'string' ? schema['$ref'].replace('#/definitions/', '') : undefined
  if (ref !== undefined) return isOpaque(ref) ? 1 : depthOf(definition(ref), path)
  const type = schema['type'] ?? ''
  assert.ok(typeof type === 'string' && /^(string|boolean|number|integer|array|object|)$/.test(type), path)
  if (type === 'array') return 1 + depthOf(objectOf(schema['items']), `${path}.[]`)
  const { properties, additionalProperties } = schema
  assert.ok(properties === undefined || additionalProperties === undefined, `${path} is both object and map`)
  const inside = additionalProperties === undefined ? objectOf(properties) : { '*': additionalProperties }
  return (
    1 + Math.max(0, ...Object.entries(inside).map(([name, one]) => depthOf(objectOf(one), `${path}.${name}`)))
  )
}

test('Terraform can make a type of every kind', () => {
  for (const [name, schema] of Object.entries(definitions))
    if (!isOpaque(name) && objectOf(schema)[gvkKey] !== undefined)
      assert.ok(depthOf(objectOf(schema), name) > 1, name)
})

test('what may be one of several types is a string, with the format upstream gives it', () => {
  assert.deepEqual(definition('io.k8s.apimachinery.pkg.api.resource.Quantity'), { type: 'string' })
  assert.deepEqual(definition('io.k8s.apimachinery.pkg.util.intstr.IntOrString'), {
    type: 'string',
    format: 'int-or-string',
  })
})

test('an operation has its body among its parameters', () => {
  const item = objectOf(objectOf(whole['paths'])['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'])
  const patch = objectOf(item['patch'])
  assert.deepEqual(patch['consumes'], [
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
  ])
  const [body, dryRun] = patch['parameters'] as readonly JsonObject[]
  assert.deepEqual(body, { name: 'body', in: 'body', required: true, schema: { type: 'object' } })
  assert.deepEqual(dryRun, { name: 'dryRun', in: 'query', type: 'string', uniqueItems: true })
  assert.deepEqual(objectOf(patch['responses'])['200'], {
    description: 'OK',
    schema: { $ref: '#/definitions/io.k8s.api.apps.v1.Deployment' },
  })
})

const custom = (schema: JsonObject): JsonObject =>
  objectOf(
    objectOf(
      documentOf([{ paths: {}, components: { schemas: { 'com.example.v1.X': schema } } }])['definitions'],
    )['com.example.v1.X'],
  )

for (const [what, schema, expected] of [
  [
    'a reference is plain',
    { allOf: [{ $ref: '#/components/schemas/a.B' }], description: 'd' },
    { $ref: '#/definitions/a.B', description: 'd' },
  ],
  [
    'rules of several schemas are dropped',
    { type: 'object', anyOf: [{ required: ['a'] }], not: {}, allOf: [{ required: ['a'] }] },
    { type: 'object' },
  ],
  [
    'what may be null may be anything',
    { type: 'object', nullable: true, properties: { a: {} }, description: 'd' },
    { description: 'd' },
  ],
  [
    'where undeclared members stay, none is declared',
    {
      type: 'object',
      properties: { a: { type: 'string' } },
      required: ['a'],
      'x-kubernetes-preserve-unknown-fields': true,
    },
    { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  ],
  [
    'a map with any values',
    { type: 'object', additionalProperties: true },
    { type: 'object', additionalProperties: true },
  ],
  [
    'a member may be named as a keyword',
    { properties: { nullable: { type: 'boolean' } } },
    { properties: { nullable: { type: 'boolean' } } },
  ],
] as const)
  test(`custom resources: ${what}`, () => assert.deepEqual(custom(schema as JsonObject), expected))

test('protobuf: lengths, names of maps, extensions as YAML', () => {
  const schema = {
    type: 'object',
    minItems: 300,
    'x-a': ['b'],
    properties: { p: { $ref: 'r', maximum: 1.5 } },
  }
  const hex = bytesOf({ swagger: '2.0', definitions: { D: schema } }).toString('hex')
  const property = '0a0170' + '120c' + '0a0172' + '39000000000000f83f'
  const written = [
    'b201080a066f626a656374', // type: 22, its only value
    '78ac02', // minItems: 15, 300
    'fa010e' + '0a03782d61' + '1207' + '12055b2262225d', // x-a: 31, name and YAML
    'ca0113' + '0a11' + property, // properties: 25, one pair
  ].join('')
  const pair = '0a0144' + '12' + (written.length / 2).toString(16) + written
  const expected =
    `0a03322e30` + '4a' + (pair.length / 2 + 2).toString(16) + '0a' + (pair.length / 2).toString(16) + pair
  assert.equal(hex, expected)
})

test('protobuf: parameters by their place, responses in their wrapping', () => {
  const operation = {
    parameters: [
      { name: 'body', in: 'body', schema: {} },
      { name: 'n', in: 'path', required: true, type: 'string' },
      { name: 'q', in: 'query', type: 'string' },
    ],
    responses: { 200: { description: 'OK', schema: { $ref: 'r' } } },
  }
  const hex = bytesOf({ paths: { '/': { get: operation } } }).toString('hex')
  for (const part of [
    '4212' + '0a10' + '0a0e' + '1204626f6479' + '1a04626f6479' + '2a00', // parameter → body → its members
    '4219' + '0a17' + '1215' + '2213' + '22016e' + '120470617468' + '0801' + '2a06737472696e67', // … → path → …
    '4218' + '0a16' + '1214' + '1a12' + '220171' + '12057175657279' + '3206737472696e67', // … → query → …
    '0a02' + '4f4b' + '1205' + '0a03' + '0a0172', // response: description, schema item → schema
  ])
    assert.ok(hex.includes(part), `${part} in ${hex}`)
})
