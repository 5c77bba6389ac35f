import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { typeNamed, type Schema, type TypeDef } from '../schema/schema.ts'
import { changedFields, compare } from './compare.ts'
import { createdFields } from './created-fields.ts'
import { anything, keyed, map, set, struct, text, whole, widgetSchema } from './fixture.ts'
import { sortSet } from './field-set.ts'
import { withoutServersFields } from './field-writer.ts'

const depthMax = 5

const odd = fc.constantFrom<JsonValue[]>(null, [], {}, 'x', 1, [null], [{}], { a: null }, { b: {}, a: [] })
const names = fc.constantFrom('a', 'B', 'b.c/d', '__proto__x', '\u{1f600}', '\ufffd', '')

/** Mostly what the schema describes, sometimes anything; its fields in any order. */
function valueOf(schema: Schema, depth = 0): fc.Arbitrary<JsonValue> {
  const regular = regularOf(schema, depth)
  return fc.oneof({ weight: 12, arbitrary: regular }, { weight: 1, arbitrary: odd })
}

function regularOf(schema: Schema, depth: number): fc.Arbitrary<JsonValue> {
  if (depth > depthMax) return odd
  if (schema.kind === 'object') {
    const fields = [...schema.fields.values()]
    return fc
      .shuffledSubarray(fields, { maxLength: Math.min(4, fields.length) })
      .chain((some) =>
        fc
          .tuple(...some.map((field) => valueOf(field.schema, depth + 1)))
          .map((values) => Object.fromEntries(some.map(({ name }, i) => [name, values[i] ?? null]))),
      )
  }
  if (schema.kind === 'map') return fc.dictionary(names, valueOf(schema.values, depth + 1), { maxKeys: 3 })
  if (schema.kind === 'list') return fc.array(valueOf(schema.items, depth + 1), { maxLength: 3 })
  return schema.kind === 'any' ? odd : fc.constantFrom<JsonValue[]>('x', 'y', 1, 2, true)
}

/** As a custom resource may have it: nulls that are kept, and a number on no wire. */
const nullable: TypeDef = struct({
  metadata: struct({ labels: map(text) }),
  list: { ...keyed(struct({ key: text, n: whole }), 'key'), nullable: true },
  inner: { ...struct({ x: { ...text, nullable: true } }), nullable: true },
  words: set({ ...text, nullable: true }),
  free: { ...anything, nullable: true },
})

const schemas: Readonly<Record<string, TypeDef>> = {
  widget: widgetSchema,
  nullable,
  ...Object.fromEntries(
    [
      'core.v1.Pod',
      'core.v1.ConfigMap',
      'core.v1.Service',
      'core.v1.Node',
      'apps.v1.Deployment',
      'rbac.v1.ClusterRole',
      'networking.v1.Ingress',
    ].map((name) => [name, typeNamed(name)]),
  ),
}

for (const [name, schema] of Object.entries(schemas)) {
  test(`the fields of a new ${name} are those that a comparison with nothing finds, in order`, () => {
    fc.assert(
      fc.property(regularOf(schema, 0), (value) => {
        const object = withoutServersFields(value as JsonObject)
        const compared = sortSet(changedFields(compare({ metadata: {} }, object, schema)))
        assert.equal(JSON.stringify(createdFields(object, schema)), JSON.stringify(compared))
      }),
      { numRuns: 400 },
    )
  })
}
