/** Laws of apply, on random configurations of one of everything. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { isEqual } from '../equal.ts'
import { deepFreeze } from '../freeze.ts'
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { typeNamed } from '../schema/schema.ts'
import { isConflict, StatusError } from '../status.ts'
import { applyConfiguration } from './apply.ts'
import { compare, isUnchanged } from './compare.ts'
import { fieldsOf } from './fields-of.ts'
import { difference, isEmptySet } from './field-set.ts'
import { managedFieldsOf } from './field-writer.ts'
import { bodyOf, ownersOf, widgetSchema } from './fixture.ts'
import { decodeOwners } from './managed-entries.ts'
import { recordUpdate } from './record-update.ts'
import { typeErrors } from './type-errors.ts'

const kinds = { apiVersion: 'example.com/v1', kind: 'Widget' }
const nobody: JsonObject = deepFreeze({ ...kinds, metadata: {} })
const schema = widgetSchema

const word = fc.constantFrom('a', 'b', 'c')
const number = fc.constantFrom(1, 2, 3)
const words = fc.dictionary(word, word, { maxKeys: 3 })
const some = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { requiredKeys: [] })
const free: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    word,
    number,
    fc.array(word, { maxLength: 2 }),
    fc.dictionary(word, tie('value'), { maxKeys: 3 }),
  ),
})).value

const item = fc.record(
  { key: word, a: word, b: number, sub: some({ x: word }), tags: fc.uniqueArray(word) },
  { requiredKeys: ['key'] },
)
const port = fc.record(
  { port: number, protocol: fc.constantFrom('TCP', 'UDP'), name: word },
  { requiredKeys: ['port'] },
)

/** A valid configuration, without its head. */
const configuration = some({
  name: word,
  count: number,
  isOn: fc.boolean(),
  tags: fc.uniqueArray(word),
  numbers: fc.uniqueArray(number),
  whole: fc.array(word, { maxLength: 3 }),
  labels: words,
  frozen: words,
  atom: some({ x: word, y: word }),
  inner: some({ x: word, deeper: some({ y: word, z: word }) }),
  items: fc.uniqueArray(item, { selector: ({ key }) => key, maxLength: 3 }),
  ports: fc.uniqueArray(port, { selector: ({ port: number_, protocol = 'TCP' }) => `${number_}${protocol}` }),
  // Always an object: upstream takes a known field for nobody's when it turns from an object into something else.
  free: fc.dictionary(word, free, { maxKeys: 3 }),
  loose: some({ known: word, other: free }),
  metadata: some({ labels: words, finalizers: fc.uniqueArray(word) }),
}) as unknown as fc.Arbitrary<JsonObject>

const writer = (manager: string) =>
  ({
    manager,
    apiVersion: kinds.apiVersion,
    subresource: '',
    schema,
    now: '2026-01-01T12:00:00Z',
    resetFields: {},
  }) as const

const apply = (live: JsonObject, config: JsonObject, manager = 'one', force = false): JsonObject =>
  deepFreeze(
    applyConfiguration(live, deepFreeze({ ...config, ...kinds }), {
      ...writer(manager),
      kind: kinds.kind,
      force,
    }),
  )

const update = (live: JsonObject, body: JsonObject, manager: string): JsonObject => {
  const metadata = isJsonObject(body['metadata']) ? body['metadata'] : {}
  const wished = deepFreeze({ ...body, ...kinds, metadata })
  const entries = recordUpdate(live === nobody ? undefined : live, wished, writer(manager))
  return deepFreeze({
    ...wished,
    metadata: { ...metadata, ...(entries && { managedFields: entries }) },
  } as JsonObject)
}

/** As `bodyOf`, and without lists, maps and structs of nothing: who drops the last of a thing drops the thing. */
const coreOf = (object: JsonObject): JsonValue | undefined => pruned(bodyOf(object))
const pruned = (value: JsonValue): JsonValue | undefined => {
  if (isJsonArray(value)) return value.length === 0 ? undefined : value.map((part) => pruned(part) ?? part)
  if (!isJsonObject(value)) return value
  const kept = Object.entries(value).flatMap(([name, field]) => {
    const inner = pruned(field)
    return inner === undefined ? [] : [[name, inner] as const]
  })
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

const runs = { numRuns: 200 }

test('the configurations of these tests are valid', () => {
  fc.assert(
    fc.property(configuration, (config) => assert.deepEqual(typeErrors(config, schema), [])),
    runs,
  )
})

test('to apply again changes nothing', () => {
  fc.assert(
    fc.property(configuration, configuration, (live, config) => {
      const once = apply(update(nobody, live, 'other'), config, 'one', true)
      assert.deepEqual(apply(once, config), once)
    }),
    runs,
  )
})

test('what is applied is there afterwards, and its applier owns it', () => {
  fc.assert(
    fc.property(configuration, configuration, (live, config) => {
      const object = apply(update(nobody, live, 'other'), config, 'one', true)
      const changes = compare(object, apply(object, config), schema)
      assert.ok(isUnchanged(changes))
      const own = decodeOwners(managedFieldsOf(object) ?? []).find(({ manager }) => manager === 'one')
      const given = fieldsOf(config, schema)
      assert.ok(isEmptySet(difference(own?.fields ?? {}, given)))
    }),
    runs,
  )
})

test('to apply A and then B leaves B alone', () => {
  fc.assert(
    fc.property(configuration, configuration, (a, b) => {
      // Who owns nothing is no owner, and the next apply would find an object without owners.
      const object = apply(apply(nobody, { ...a, count: 1 }), b)
      assert.ok(isEqual(coreOf(object), coreOf(apply(nobody, b))), JSON.stringify([object, b]))
      assert.deepEqual(ownersOf(object), ownersOf(apply(nobody, b)))
    }),
    runs,
  )
})

test('to apply nothing takes one’s own and leaves the rest', () => {
  fc.assert(
    fc.property(configuration, configuration, (a, b) => {
      const first = apply(nobody, a, 'other')
      const second = attempt(() => apply(first, b))
      if (second === undefined) return
      // The order of items may have become the other one's.
      const left = coreOf(apply(second, {})) as JsonObject | undefined
      const before = coreOf(first) as JsonObject | undefined
      assert.ok(isUnchanged(compare(left ?? {}, before ?? {}, schema)))
    }),
    runs,
  )
})

const attempt = <T>(act: () => T): T | undefined => {
  try {
    return act()
  } catch (error) {
    if (isConflict(error)) return undefined
    throw error
  }
}

/** A few fields of a configuration: two whole ones nearly always conflict somewhere. */
const few = fc.tuple(configuration, fc.nat(), fc.nat()).map(([config, ...picks]): JsonObject => {
  const fields = Object.entries(config)
  return Object.fromEntries(picks.flatMap((pick) => fields.slice(pick % (fields.length + 1)).slice(0, 1)))
})

test('A conflicts with B exactly when B conflicts with A', () => {
  let conflicts = 0
  fc.assert(
    fc.property(few, few, (a, b) => {
      const there = attempt(() => apply(apply(nobody, a, 'one'), b, 'two')) === undefined
      const back = attempt(() => apply(apply(nobody, b, 'two'), a, 'one')) === undefined
      assert.equal(there, back)
      conflicts += Number(there)
    }),
    runs,
  )
  assert.ok(conflicts > 0 && conflicts < runs.numRuns, `${conflicts} conflicts: both cases must be tried`)
})

test('after an update nobody but the updater owns what changed', () => {
  const step = fc.record({
    manager: fc.constantFrom('m1', 'm2', 'm3'),
    config: configuration,
    isApply: fc.boolean(),
  })
  fc.assert(
    fc.property(configuration, fc.array(step, { maxLength: 5 }), (start, steps) => {
      let live = update(nobody, { ...start, count: 1 }, 'creator')
      for (const { manager, config, isApply } of steps) {
        const before = live
        live = isApply ? apply(live, config, manager, true) : update(live, config, manager)
        const { added, modified } = compare({ ...before, metadata: {} }, { ...live, metadata: {} }, schema)
        for (const owner of decodeOwners(managedFieldsOf(live) ?? [])) {
          const isSelf = owner.manager === manager && owner.operation === (isApply ? 'Apply' : 'Update')
          if (isSelf) continue
          for (const changed of [added, modified])
            assert.deepEqual(
              difference(owner.fields, changed),
              owner.fields,
              `${owner.manager} kept what was changed`,
            )
        }
      }
    }),
    runs,
  )
})

const junk = fc.jsonValue({ maxDepth: 5 }) as fc.Arbitrary<JsonValue>
const fieldsJunk = fc.dictionary(
  fc.oneof(fc.constantFrom('.', 'f:spec', 'f:metadata', 'k:{"name":"x"}', 'v:1', 'f:labels'), fc.string()),
  junk,
)
const entryJunk = fc.record(
  {
    manager: fc.string(),
    operation: fc.constantFrom('Apply', 'Update', 'x'),
    apiVersion: fc.constantFrom('v1', ''),
    fieldsType: fc.constantFrom('FieldsV1', 'x'),
    fieldsV1: fc.oneof(fieldsJunk, junk),
  },
  { requiredKeys: [] },
)
const podJunk = fc.record(
  {
    metadata: fc.oneof(
      junk,
      fc.record(
        { labels: junk, finalizers: junk, ownerReferences: junk, managedFields: fc.array(entryJunk) },
        { requiredKeys: [] },
      ),
    ),
    spec: fc.oneof(
      junk,
      fc.record(
        {
          containers: fc.oneof(
            junk,
            fc.array(
              fc.record({ name: junk, ports: junk, env: junk, resources: junk }, { requiredKeys: [] }),
            ),
          ),
          volumes: junk,
        },
        { requiredKeys: [] },
      ),
    ),
    status: junk,
  },
  { requiredKeys: [] },
) as unknown as fc.Arbitrary<JsonObject>

test('whatever comes in, a refusal is all that comes out, and no argument changes', () => {
  const kind = { apiVersion: 'v1', kind: 'Pod' }
  const pod = { ...writer('one'), apiVersion: 'v1', schema: typeNamed('core.v1.Pod') }
  fc.assert(
    fc.property(podJunk, podJunk, fc.boolean(), (live, config, force) => {
      const [before, given] = [deepFreeze({ ...live, ...kind }), deepFreeze({ ...config, ...kind })]
      recordUpdate(before, given, pod)
      recordUpdate(undefined, given, pod)
      try {
        applyConfiguration(before, given, { ...pod, kind: 'Pod', force })
      } catch (error) {
        assert.ok(error instanceof StatusError, String(error))
      }
    }),
    { numRuns: 1_500 },
  )
})
