import assert from 'node:assert/strict'
import { test } from 'node:test'
import { field, objectOf as objectType, text } from '../crd/type-builder.ts'
import { objectOf, type JsonObject } from '../json.ts'
import { openApiDocument } from '../schema/openapi.ts'
import { resources } from '../table.ts'
import { loadDescriptions, loadText, readEntries, shortName } from './descriptions.ts'

const descriptions = await loadDescriptions()
const groupVersions = [
  ...new Map(resources.map(({ group, version }) => [`${group}/${version}`, { group, version }])).values(),
]
/** Every type that an answer or a request may hold, by its name in OpenAPI. */
const schemas: Readonly<Record<string, JsonObject>> = Object.assign(
  {},
  ...groupVersions.map((gv) => {
    const { components } = openApiDocument(gv, resources, { version: '1', descriptions })
    return objectOf(objectOf(components)['schemas'])
  }),
)
const entries = readEntries(await loadText())

const described = Object.entries(schemas).flatMap(([name, schema]) => [
  { name, description: schema['description'] },
  ...Object.entries(objectOf(schema['properties'])).map(([field, property]) => ({
    name: `${name} ${field}`,
    description: objectOf(property)['description'],
  })),
])

test('every kind, every type and every field of each says what it is for', (t) => {
  assert.deepEqual(
    described.filter(({ description }) => description === undefined).map(({ name }) => name),
    [],
  )
  t.diagnostic(`${described.length} descriptions`)
})

test('a field does not repeat what its type says: kubectl shows both', () => {
  const repeated = Object.entries(schemas).flatMap(([name, schema]) =>
    Object.entries(objectOf(schema['properties'])).flatMap(([field, property]) => {
      const [, type = ''] = /"#\/components\/schemas\/([^"]+)"/.exec(JSON.stringify(property)) ?? []
      const own = objectOf(property)['description']
      return schemas[type]?.['description'] === own ? [`${name} ${field}`] : []
    }),
  )
  assert.deepEqual(repeated, [])
})

test('every sentence is used: nothing is said of a type or a field that is not there', () => {
  const fields = new Map(
    Object.entries(schemas).map(([name, schema]) => [
      shortName(name.replace(/^io\.k8s\.api\./, '')),
      Object.keys(objectOf(schema['properties'])),
    ]),
  )
  const unused: string[] = []
  for (const [name, entry] of entries) {
    if (name === 'kind' || name === 'list') continue
    if (!fields.has(name)) unused.push(name)
    const alike = [...entries].filter(([, { like }]) => like === name).map(([other]) => other)
    const known = new Set([name, ...alike].flatMap((one) => fields.get(one) ?? []))
    for (const field of entry.fields.keys()) if (!known.has(field)) unused.push(`${name} ${field}`)
  }
  assert.deepEqual(unused, [])
})

test('every sentence is one line of plain text and ends as a sentence', () => {
  for (const [name, { sentence, like, fields }] of entries) {
    if (like !== undefined) assert.ok(entries.has(like), `${name} is like ${like}, which is not there`)
    for (const [field, text] of [['', sentence], ...fields])
      assert.match(text ?? '', /^[^a-z][\x20-\x7e]{2,200}\.$/, `${name} ${field}`)
  }
})

test('a definition made at run time has words for what all kinds have, and its own for the rest', () => {
  const type = objectType(
    () => [field('kind', text), field('color', { ...text, description: 'Of its sails.' })],
    { name: 'com.example.v1.Boat', isKind: true },
  )
  assert.equal(descriptions.ofType(type.name), undefined)
  assert.equal(descriptions.ofField(type, 'color'), undefined)
  assert.match(descriptions.ofField(type, 'kind') ?? '', /^Name of the kind/)
})
