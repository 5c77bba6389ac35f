/** Pruning and defaulting by a structural schema. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '../json.ts'
import { decode } from '../schema/decode.ts'
import { applySchemaDefaults } from './apply-defaults.ts'
import type { JsonSchema } from './json-schema.ts'
import { structuralKind } from './structural-type.ts'

interface Row {
  readonly name: string
  readonly spec: JsonSchema
  readonly given: JsonValue
  readonly kept: JsonValue
  readonly unknown?: readonly string[]
}

const text: JsonSchema = { type: 'string' }

const rows: readonly Row[] = [
  {
    name: 'unknown fields go, at any depth',
    spec: {
      type: 'object',
      properties: { a: text, l: { type: 'array', items: { type: 'object', properties: { b: text } } } },
    },
    given: { a: '1', x: 1, l: [{ b: '2', y: 2 }] },
    kept: { a: '1', l: [{ b: '2' }] },
    unknown: ['unknown field "spec.x"', 'unknown field "spec.l[0].y"'],
  },
  {
    name: 'an object without fields keeps none',
    spec: { type: 'object' },
    given: { a: 1 },
    kept: {},
    unknown: ['unknown field "spec.a"'],
  },
  {
    name: 'preserve-unknown-fields keeps them, and prunes below a known one',
    spec: {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: { a: { type: 'object', properties: { b: text } } },
    },
    given: { x: { y: 1 }, a: { b: '1', c: 2 } },
    kept: { x: { y: 1 }, a: { b: '1' } },
    unknown: ['unknown field "spec.a.c"'],
  },
  {
    name: 'any keys of a map',
    spec: { type: 'object', additionalProperties: { type: 'object', properties: { a: text } } },
    given: { k: { a: '1', b: 1 } },
    kept: { k: { a: '1' } },
    unknown: ['unknown field "spec.k.b"'],
  },
  {
    name: 'a value without a type',
    spec: { 'x-kubernetes-preserve-unknown-fields': true },
    given: [1, { a: 2 }],
    kept: [1, { a: 2 }],
  },
  { name: 'a wrong type is left for validation', spec: text, given: 5, kept: 5 },
  {
    name: 'so is null',
    spec: { type: 'object', properties: { a: text } },
    given: { a: null },
    kept: { a: null },
  },
  {
    name: 'null gives way to a default',
    spec: { type: 'object', properties: { a: { type: 'string', default: 'd' } } },
    given: { a: null },
    kept: { a: 'd' },
  },
  {
    name: 'null that is allowed stays before a default',
    spec: { type: 'object', properties: { a: { type: 'string', default: 'd', nullable: true } } },
    given: { a: null },
    kept: { a: null },
  },
  {
    name: 'defaults bring defaults with them',
    spec: {
      type: 'object',
      properties: { a: { type: 'object', default: {}, properties: { b: { type: 'integer', default: 3 } } } },
    },
    given: {},
    kept: { a: { b: 3 } },
  },
  {
    name: 'the metadata of an embedded object is typed',
    spec: {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      'x-kubernetes-preserve-unknown-fields': true,
    },
    given: { kind: 'A', metadata: { name: 'n', nonsense: 1 }, rest: 1 },
    kept: { kind: 'A', metadata: { name: 'n' }, rest: 1 },
    unknown: ['unknown field "spec.metadata.nonsense"'],
  },
]

for (const { given, kept, name, spec, unknown = [] } of rows)
  test(name, () => {
    const schema: JsonSchema = { type: 'object', properties: { spec } }
    const object = { apiVersion: 'example.com/v1', kind: 'W', metadata: { name: 'w' }, spec: given }
    const decoded = decode(object, structuralKind(schema, 'com.example.v1.W'), { unknown: 'collect' })
    assert.deepEqual(decoded.errors, [])
    assert.deepEqual(decoded.unknown, unknown)
    const result = structuredClone(decoded.object)
    applySchemaDefaults(result, schema)
    assert.deepEqual(result, { ...object, spec: kept })
  })
