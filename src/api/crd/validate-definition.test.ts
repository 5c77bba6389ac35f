/** What is wrong with a definition. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldErrorText } from '../field-errors.ts'
import type { CustomResourceDefinition } from './definition.ts'
import type { JsonSchema } from './json-schema.ts'
import { namesTakenByOthers, statusWithNames } from './names.ts'
import { compareVersions } from './resource-defs.ts'
import { validateDefinition } from './validate-definition.ts'
import { validateStructural } from './validate-schema.ts'

const crd = (
  spec: object = {},
  status: object = {},
  name = 'widgets.example.com',
): CustomResourceDefinition => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    conversion: { strategy: 'None' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    ...spec,
  },
  status,
})

const established = { conditions: [{ type: 'Established', status: 'True' }] }

const definitions: readonly {
  readonly name: string
  readonly spec: object
  readonly old?: CustomResourceDefinition
  readonly errors: readonly RegExp[]
}[] = [
  { name: 'a good one', spec: {}, errors: [] },
  {
    name: 'another group than its name says',
    spec: { group: 'other.com' },
    errors: [
      /^metadata\.name: Invalid value: "widgets\.example\.com": must be spec\.names\.plural\+"\."\+spec\.group$/,
    ],
  },
  { name: 'no scope', spec: { scope: '' }, errors: [/^spec\.scope: Required value$/] },
  {
    name: 'a scope of its own',
    spec: { scope: 'Galaxy' },
    errors: [/^spec\.scope: Unsupported value: "Galaxy"/],
  },
  {
    name: 'no versions',
    spec: { versions: [] },
    errors: [/must have at least one version/, /exactly one version marked as storage/],
  },
  {
    name: 'a version without a schema',
    spec: { versions: [{ name: 'v1', served: true, storage: true }] },
    errors: [/^spec\.versions\[0\]\.schema\.openAPIV3Schema: Required value: schemas are required$/],
  },
  {
    name: 'webhooks',
    spec: { conversion: { strategy: 'Webhook' } },
    errors: [/^spec\.conversion\.strategy: Unsupported value: "Webhook": supported values: "None"$/],
  },
  {
    name: 'another scope later',
    spec: { scope: 'Cluster' },
    old: crd({}, established),
    errors: [/^spec\.scope: Invalid value: "Cluster": field is immutable$/],
  },
]

for (const { errors, name, old, spec } of definitions)
  test(`definition: ${name}`, () => {
    const found = validateDefinition(crd(spec), old).map(fieldErrorText)
    assert.equal(found.length, errors.length, found.join('\n'))
    for (const [index, pattern] of errors.entries()) assert.match(found[index] ?? '', pattern)
  })

const field = (schema: JsonSchema): JsonSchema => ({ type: 'object', properties: { f: schema } })
const schemas: readonly { readonly schema: JsonSchema; readonly error: string }[] = [
  { schema: {}, error: 's.type: Required value: must not be empty at the root' },
  { schema: { type: 'string' }, error: 's.type: Invalid value: "string": must be object at the root' },
  {
    schema: field({}),
    error: 's.properties[f].type: Required value: must not be empty for specified object fields',
  },
  { schema: field({ type: 'array' }), error: 's.properties[f].items: Required value: must be specified' },
  {
    schema: field({ type: 'array', items: {} }),
    error: 's.properties[f].items.type: Required value: must not be empty for specified array items',
  },
  {
    schema: field({
      type: 'object',
      properties: { a: { type: 'string' } },
      additionalProperties: { type: 'string' },
    }),
    error:
      's.properties[f].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive',
  },
  {
    schema: field({ type: 'array', items: { type: 'string' }, uniqueItems: true }),
    error:
      's.properties[f].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
  },
  {
    schema: field({ type: 'object', anyOf: [{ type: 'object' }, { nullable: true }] }),
    error: 's.properties[f].anyOf[1].nullable: Forbidden: must be empty to be structural',
  },
  {
    schema: field({ type: 'integer', default: 'a' }),
    error:
      's.properties[f].default: Invalid value: "string": s.properties[f].default in body must be of type integer: "string"',
  },
]

for (const { error, schema } of schemas)
  test(`schema: ${error}`, () => {
    assert.ok(validateStructural(schema, 's').map(fieldErrorText).includes(error))
  })

test('a name that another definition has been given is refused until it is free', () => {
  const first = crd({}, { acceptedNames: { plural: 'widgets', singular: 'widget', kind: 'Widget' } })
  const names = { plural: 'gadgets', singular: 'gadget', kind: 'Widget', listKind: 'GadgetList' }
  const second = crd({ names }, {}, 'gadgets.example.com')
  const clash = statusWithNames(second, namesTakenByOthers(second, [first, second]), '2026-01-01T00:00:00Z')
  assert.deepEqual(
    clash.conditions?.map(({ reason, status, type }) => `${type}=${status} ${reason}`),
    ['NamesAccepted=False KindConflict', 'Established=False NotAccepted'],
  )
  const free = statusWithNames(second, namesTakenByOthers(second, [second]), '2026-01-01T00:00:00Z')
  assert.deepEqual(
    free.conditions?.map(({ status, type }) => `${type}=${status}`),
    ['NamesAccepted=True', 'Established=True'],
  )
  const settled = { ...second, status: free }
  assert.equal(statusWithNames(settled, namesTakenByOthers(settled, []), 'later'), free)
})

test('versions stand in the order of their age and ripeness', () => {
  const sorted = ['foo', 'v1beta1', 'v2', 'v1alpha2', 'v10', 'v1', 'v1beta2'].toSorted(compareVersions)
  assert.deepEqual(sorted, ['v10', 'v2', 'v1', 'v1beta2', 'v1beta1', 'v1alpha2', 'foo'])
})
