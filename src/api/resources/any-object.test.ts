/**
 * Whatever the decoder lets through, no definition may throw: a request with fields missing in odd places must be
 * answered with an error, not with a crash. Objects are generated from the schemas.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import type { KubeObject } from '../meta.ts'
import type { ResourceDef, StrategyContext } from '../resource.ts'
import type { Schema, TypeDef } from '../schema/schema.ts'
import { resources } from '../table.ts'

const context: StrategyContext = { nowIso: '2026-01-02T03:04:05Z', uuid: () => 'uid' }
const depthMax = 8
const runs = 60 // some seconds for all kinds together; depth matters more than number

const words = ['', 'a', 'Always', 'None', 'ClientIP', 'npm:a@1', '1', '50%', '10.0.0.1', 'x/y', 'In', '..']

/** JSONSchemaProps, in nine of its fields: each level multiplies. */
const holdsItself = (type: TypeDef): boolean =>
  [...type.fields.values()].some(({ schema }) => schema === type)

const valueOf = (schema: Schema, depth: number): fc.Arbitrary<unknown> => {
  switch (schema.kind) {
    case 'object':
      return depth === 0 ? fc.constant({}) : objectOf(schema, holdsItself(schema) ? depth >> 2 : depth - 1)
    case 'list':
      return fc.array(valueOf(schema.items, depth), { maxLength: depth === 0 ? 0 : 2 })
    case 'map':
      return fc.dictionary(fc.constantFrom('a', 'cpu', 'x/y', ''), valueOf(schema.values, depth), {
        maxKeys: 2,
      })
    case 'bool':
      return fc.boolean()
    case 'int32':
    case 'int64':
    case 'double':
      return fc.constantFrom(-1, 0, 1, 80, 70_000)
    case 'intOrString':
      return fc.constantFrom<string | number>(-1, 0, 80, '', 'http', '25%', '200%')
    case 'time':
    case 'microTime':
      return fc.constant('2026-01-02T03:04:05Z')
    case 'raw':
    case 'fields':
      return fc.constant({})
    case 'quantity':
      return fc.constantFrom('1', '-1', '500m', '1Gi', 'what')
    case 'bytes':
      return fc.constantFrom('', 'aGVsbG8=')
    case 'string':
    case 'any':
      return fc.constantFrom(...words, ...((schema.enum ?? []) as string[]))
    default:
      return schema satisfies never
  }
}

const objectOf = (type: TypeDef, depth: number): fc.Arbitrary<object> => {
  const fields = [...type.fields].filter(([, field]) => field.schema !== undefined)
  const arbitraries = Object.fromEntries(
    fields.map(([name, field]) => [
      name,
      fc.memo((): fc.Arbitrary<unknown> => valueOf(field.schema, depth))(),
    ]),
  )
  return fc.record(arbitraries, { requiredKeys: [] })
}

const objectFor = (def: ResourceDef): fc.Arbitrary<KubeObject> =>
  objectOf(def.schema, depthMax).map((object) => ({
    ...object,
    apiVersion: def.group === '' ? def.version : `${def.group}/${def.version}`,
    kind: def.kind,
    metadata: 'metadata' in object ? (object.metadata as object) : {},
  }))

const create = (def: ResourceDef, object: KubeObject): KubeObject => {
  const created = structuredClone(object)
  def.applyDefaults?.(created)
  def.prepareForCreate?.(created, context)
  return created
}

for (const def of resources) {
  test(`any ${def.kind} of ${def.group}/${def.version} can be defaulted, validated, updated and printed`, () => {
    const object = objectFor(def)
    fc.assert(
      fc.property(object, object, (one, other) => {
        const stored = create(def, one)
        const once = structuredClone(stored)
        def.applyDefaults?.(once)
        assert.deepEqual(once, stored, 'defaulting twice gives the same')
        if (def.storage) {
          const seen = def.storage.fromStorage(def.storage.toStorage(stored))
          assert.deepEqual(seen, stored, 'a stay in the store changes nothing')
        }
        assert.ok(Array.isArray(def.validate?.(stored, undefined, context) ?? []))
        for (const subresource of [undefined, ...def.subresources.map(({ name }) => name)]) {
          const updated = structuredClone(other)
          const before = structuredClone(stored)
          const updateContext = subresource === undefined ? context : { ...context, subresource }
          def.applyDefaults?.(updated)
          def.prepareForUpdate?.(updated, stored, updateContext)
          def.validate?.(updated, stored, updateContext)
          assert.deepEqual(stored, before, 'an update leaves the stored object alone')
        }
        for (const column of def.columns) assert.notEqual(column.value(stored, 0), undefined)
        for (const field of Object.values(def.selectableFields ?? {}))
          assert.equal(typeof field(stored), 'string')
        assert.equal(typeof (def.gracePeriodSeconds?.(stored) ?? 0), 'number')
      }),
      { numRuns: runs },
    )
  })
}
