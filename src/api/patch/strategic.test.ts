import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { deepFreeze } from '../freeze.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { typeNamed } from '../schema/schema.ts'
import { isBadRequest } from '../status.ts'
import { mergeInfoOf, type MergeInfo } from './merge-info.ts'
import { applyStrategicMergePatch } from './strategic.ts'

/** items and nested.items merge by name, ports by number, tags and finalizers as sets; everything else is plain. */
const testInfo: MergeInfo = {
  field(name) {
    switch (name) {
      case 'items':
        return { child: testInfo, strategy: ['merge', 'retainKeys'], mergeKey: 'name' }
      case 'ports':
        return { child: testInfo, strategy: ['merge'], mergeKey: 'number' }
      case 'tags':
        return { strategy: ['merge'] }
      case 'keyless':
        return { child: testInfo, strategy: ['merge'] }
      case 'atomicObject':
        return { child: testInfo, strategy: ['replace'] }
      default:
        return { child: testInfo }
    }
  },
}

interface Row {
  readonly fact: string
  readonly original: JsonObject
  readonly patch: JsonObject
  readonly result: JsonObject
}

const rows: readonly Row[] = [
  {
    fact: 'fields merge, null deletes, absent null is no change',
    original: { a: 1, b: { c: 1, d: 2 }, e: 1 },
    patch: { a: 2, b: { c: null, x: null }, e: null, f: null },
    result: { a: 2, b: { d: 2 } },
  },
  {
    fact: 'nulls inside a new object are dropped',
    original: {},
    patch: { a: { b: null, c: { d: null } }, list: [{ x: null, y: 1 }] },
    result: { a: { c: {} }, list: [{ y: 1 }] },
  },
  { fact: 'types may change', original: { a: { b: 1 } }, patch: { a: 'x' }, result: { a: 'x' } },
  {
    fact: 'a list without a strategy is replaced',
    original: { plain: [1, 2, 3] },
    patch: { plain: [4] },
    result: { plain: [4] },
  },
  {
    fact: 'an item merges into the one with its key and keeps its place',
    original: { items: [{ name: 'a', v: 1 }, { name: 'b', v: 2, w: 1 }, { name: 'c' }] },
    patch: { items: [{ name: 'b', v: 3 }] },
    result: { items: [{ name: 'a', v: 1 }, { name: 'b', v: 3, w: 1 }, { name: 'c' }] },
  },
  {
    fact: 'a new item goes before the items the patch does not name',
    original: { items: [{ name: 'a' }, { name: 'b' }] },
    patch: { items: [{ name: 'x', v: null }] },
    result: { items: [{ name: 'x' }, { name: 'a' }, { name: 'b' }] },
  },
  {
    fact: 'several items take the order of the patch',
    original: { items: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] },
    patch: {
      items: [
        { name: 'c', v: 1 },
        { name: 'a', v: 1 },
      ],
    },
    result: { items: [{ name: 'b' }, { name: 'c', v: 1 }, { name: 'a', v: 1 }] },
  },
  {
    fact: '$patch: delete removes every item with the key, and is harmless without one',
    original: { items: [{ name: 'a', v: 1 }, { name: 'b' }, { name: 'a', v: 2 }] },
    patch: {
      items: [
        { $patch: 'delete', name: 'a' },
        { $patch: 'delete', name: 'z' },
      ],
    },
    result: { items: [{ name: 'b' }] },
  },
  {
    fact: '$patch: replace in a list keeps only the other items of the patch',
    original: { items: [{ name: 'a' }, { name: 'b' }] },
    patch: { items: [{ name: 'c', x: null }, { $patch: 'replace' }, { name: 'd' }] },
    result: { items: [{ name: 'c' }, { name: 'd' }] },
  },
  {
    fact: '$patch: replace alone empties the list',
    original: { items: [{ name: 'a' }] },
    patch: { items: [{ $patch: 'replace' }] },
    result: { items: [] },
  },
  {
    fact: '$patch: replace in an object takes the rest of it as it is',
    original: { a: { b: 1, c: 2 } },
    patch: { a: { $patch: 'replace', c: 3 } },
    result: { a: { c: 3 } },
  },
  {
    fact: '$patch: delete in an object empties it',
    original: { a: { b: 1 }, z: 1 },
    patch: { a: { $patch: 'delete' } },
    result: { a: {}, z: 1 },
  },
  {
    fact: 'an order about something absent leaves no trace',
    original: { z: 1 },
    patch: {
      a: { $patch: 'delete' },
      b: { c: { $patch: 'replace', d: 1 } },
      items: [{ $patch: 'delete', name: 'x' }],
    },
    result: { z: 1, b: {}, items: [] },
  },
  {
    fact: 'an order may replace a value of another type',
    original: { a: 5 },
    patch: { a: { $patch: 'delete' } },
    result: {},
  },
  { fact: '$patch: delete at the root', original: { a: 1 }, patch: { $patch: 'delete' }, result: {} },
  {
    fact: '$patch: replace at the root',
    original: { a: 1 },
    patch: { $patch: 'replace', b: { c: null } },
    result: { b: {} },
  },
  {
    fact: 'an object of strategy replace is replaced',
    original: { atomicObject: { a: 1 } },
    patch: { atomicObject: { b: 1 } },
    result: { atomicObject: { b: 1 } },
  },
  {
    fact: 'scalars merge as a set: what is new first, the rest where it stood',
    original: { tags: ['a', 'b', 'c'] },
    patch: { tags: ['d', 'b'] },
    result: { tags: ['d', 'a', 'b', 'c'] },
  },
  {
    fact: '$deleteFromPrimitiveList takes values out, in any list',
    original: { tags: ['a', 'b', 'c'], plain: [1, 2, 1] },
    patch: { '$deleteFromPrimitiveList/tags': ['b', 'x'], '$deleteFromPrimitiveList/plain': [1] },
    result: { tags: ['a', 'c'], plain: [2] },
  },
  {
    fact: '$deleteFromPrimitiveList together with additions and an order',
    original: { tags: ['a', 'b', 'c'] },
    patch: { '$setElementOrder/tags': ['c', 'd', 'a'], '$deleteFromPrimitiveList/tags': ['b'], tags: ['d'] },
    result: { tags: ['c', 'd', 'a'] },
  },
  {
    fact: '$deleteFromPrimitiveList of an absent list',
    original: {},
    patch: { '$deleteFromPrimitiveList/tags': ['b'] },
    result: {},
  },
  {
    fact: '$setElementOrder alone reorders; the server’s own items stay near their neighbours',
    original: { items: [{ name: 'a' }, { name: 'server' }, { name: 'b' }] },
    patch: { '$setElementOrder/items': [{ name: 'b' }, { name: 'a' }] },
    result: { items: [{ name: 'server' }, { name: 'b' }, { name: 'a' }] },
  },
  {
    fact: '$setElementOrder with changes, a new item and a deletion',
    original: { items: [{ name: 'a', v: 1 }, { name: 'b', v: 1 }, { name: 'server' }] },
    patch: {
      '$setElementOrder/items': [{ name: 'new' }, { name: 'a' }],
      items: [
        { name: 'new', v: 0 },
        { name: 'a', v: 2 },
        { $patch: 'delete', name: 'b' },
      ],
    },
    result: { items: [{ name: 'new', v: 0 }, { name: 'a', v: 2 }, { name: 'server' }] },
  },
  {
    fact: '$setElementOrder of a list that is new',
    original: {},
    patch: {
      '$setElementOrder/items': [{ name: 'b' }, { name: 'a' }],
      items: [{ name: 'b' }, { name: 'a' }],
    },
    result: { items: [{ name: 'b' }, { name: 'a' }] },
  },
  { fact: '$setElementOrder of nothing', original: {}, patch: { '$setElementOrder/items': [] }, result: {} },
  {
    fact: '$setElementOrder of a list that is deleted',
    original: { items: [{ name: 'a' }] },
    patch: { '$setElementOrder/items': [], items: null },
    result: {},
  },
  {
    fact: '$retainKeys drops what it does not name',
    original: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } },
    patch: { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    result: { strategy: { type: 'Recreate' } },
  },
  {
    fact: '$retainKeys in an item of a list, with a null for what goes anyway',
    original: { items: [{ name: 'v', emptyDir: {} }] },
    patch: {
      items: [{ $retainKeys: ['name', 'hostPath'], name: 'v', hostPath: { path: '/' }, emptyDir: null }],
    },
    result: { items: [{ name: 'v', hostPath: { path: '/' } }] },
  },
  {
    fact: 'numbers and text are different keys',
    original: { ports: [{ number: 80, v: 1 }] },
    patch: { ports: [{ number: '80', v: 2 }] },
    result: {
      ports: [
        { number: '80', v: 2 },
        { number: 80, v: 1 },
      ],
    },
  },
  {
    fact: 'items that share a key stay in place when another changes',
    original: { ports: [{ number: 53, p: 'TCP' }, { number: 80 }, { number: 53, p: 'UDP' }] },
    patch: { ports: [{ number: 80, v: 1 }] },
    result: {
      ports: [
        { number: 53, p: 'TCP' },
        { number: 80, v: 1 },
        { number: 53, p: 'UDP' },
      ],
    },
  },
  {
    fact: 'a key twice in the patch: the second merges into the first',
    original: { items: [] },
    patch: {
      items: [
        { name: 'a', v: 1 },
        { name: 'a', w: 1 },
      ],
    },
    result: { items: [{ name: 'a', v: 1, w: 1 }] },
  },
  {
    fact: 'lists in items of lists merge too',
    original: { items: [{ name: 'a', items: [{ name: 'x', v: 1 }] }] },
    patch: { items: [{ name: 'a', items: [{ name: 'x', v: 2 }, { name: 'y' }] }] },
    result: { items: [{ name: 'a', items: [{ name: 'x', v: 2 }, { name: 'y' }] }] },
  },
]

describe('a strategic merge patch', () => {
  for (const { fact, original, patch, result } of rows) {
    test(fact, () => {
      const merged = applyStrategicMergePatch(deepFreeze(original), deepFreeze(patch), testInfo)
      assert.deepEqual(merged, result)
    })
  }
})

describe('a strategic merge patch that changes nothing returns the original itself', () => {
  const original = deepFreeze({
    a: { b: [1, 2] },
    items: [{ name: 'a', v: { w: 1 } }, { name: 'b' }],
    tags: ['x', 'y'],
  })
  const patches: readonly JsonObject[] = [
    {},
    { a: {} },
    { a: { b: [1, 2], z: null } },
    { items: [] },
    { items: [{ name: 'a', v: { w: 1 } }] },
    { items: [{ $patch: 'delete', name: 'z' }] },
    { items: [{ $patch: 'replace' }, { name: 'a', v: { w: 1 } }, { name: 'b' }] },
    { tags: ['y'] },
    { '$setElementOrder/items': [{ name: 'a' }, { name: 'b' }], '$setElementOrder/tags': ['x', 'y'] },
    { '$deleteFromPrimitiveList/tags': ['q'] },
    { a: { $retainKeys: ['b'] } },
    { a: { $patch: 'replace', b: [1, 2] } },
  ]
  for (const patch of patches) {
    test(JSON.stringify(patch), () => {
      assert.equal(applyStrategicMergePatch(original, patch, testInfo), original)
    })
  }
})

describe('a strategic merge patch is refused', () => {
  const original = { items: [{ name: 'a' }], keyless: [{ x: 1 }], tags: ['a'], text: 'x', mixed: [[1]] }
  const refusals: readonly (readonly [JsonValue, RegExp])[] = [
    [[], /invalid JSON document/],
    [
      { items: [{ image: 'x', v: null }] },
      /^map: map\[image:x v:<nil>\] does not contain declared merge key: name/,
    ],
    [{ items: [{ $patch: 'delete' }] }, /does not contain declared merge key: name \(in items\)/],
    [{ items: [{ name: { x: 1 } }] }, /does not contain declared merge key/],
    [{ keyless: [{ x: 1 }] }, /cannot merge lists without merge key for keyless/],
    [{ $patch: 'merge' }, /unknown patch type: merge in map: map\[\$patch:merge\]/],
    [{ items: [{ $patch: 'merge', name: 'a' }] }, /merging lists cannot yet be specified/],
    [{ items: [{ $patch: 'what', name: 'a' }] }, /unknown patch type: what/],
    [{ items: ['a'] }, /list element types are not identical/],
    [{ items: [null] }, /list element types are not identical/],
    [{ tags: [['a']] }, /lists of lists are not supported/],
    [{ $retainKeys: 'x' }, /invalid patch format of retainKeys/],
    [{ $retainKeys: ['a'], b: 1 }, /invalid patch format of retainKeys/],
    [{ '$deleteFromPrimitiveList/tags': 'a' }, /invalid patch format of primitive list/],
    [{ '$deleteFromPrimitiveList/items': [{ name: 'a' }] }, /invalid patch format of primitive list/],
    [{ '$setElementOrder/items': 'a' }, /invalid patch format of setElementOrder list/],
    [{ '$setElementOrder/text': ['a'] }, /\$setElementOrder\/text needs a list in text/],
    [
      { '$setElementOrder/items': [{ name: 'b' }], items: [{ name: 'a' }] },
      /doesn't match \$setElementOrder list/,
    ],
    [
      { '$setElementOrder/tags': ['a', 'b'], tags: ['b', 'a'] },
      /The order in patch list:\n\[b a\]\n doesn't match \$setElementOrder list:\n\[a b\]/,
    ],
  ]
  for (const [patch, message] of refusals) {
    test(JSON.stringify(patch), () => {
      assert.throws(
        () => applyStrategicMergePatch(original, patch, testInfo),
        (error: Error) => isBadRequest(error) && message.test(error.message),
      )
    })
  }
  test('deeper than any object', () => {
    let patch: JsonObject = {}
    for (let i = 0; i < 100_000; i++) patch = { a: patch }
    assert.throws(() => applyStrategicMergePatch({}, patch, testInfo), /nests deeper than/)
  })
})

test('the schema table says how a Deployment merges', () => {
  const deployment: JsonObject = {
    metadata: { labels: { app: 'web' }, finalizers: ['a/b'] },
    spec: {
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
      template: {
        spec: {
          containers: [
            { name: 'web', image: 'web:1', env: [{ name: 'A', value: '1' }], args: ['x'] },
            { name: 'sidecar', image: 'log:1' },
          ],
        },
      },
    },
  }
  const patch: JsonObject = {
    metadata: { labels: { tier: 'front' }, finalizers: ['c/d'] },
    spec: {
      strategy: { $retainKeys: ['type'], type: 'Recreate' },
      template: {
        spec: {
          containers: [{ name: 'web', image: 'web:2', env: [{ name: 'B', value: '2' }], args: ['y'] }],
          volumes: [{ name: 'v', emptyDir: {} }],
        },
      },
    },
  }
  assert.deepEqual(
    applyStrategicMergePatch(deployment, patch, mergeInfoOf(typeNamed('apps.v1.Deployment'))),
    {
      metadata: { labels: { app: 'web', tier: 'front' }, finalizers: ['c/d', 'a/b'] },
      spec: {
        strategy: { type: 'Recreate' },
        template: {
          spec: {
            containers: [
              {
                name: 'web',
                image: 'web:2',
                env: [
                  { name: 'B', value: '2' },
                  { name: 'A', value: '1' },
                ],
                args: ['y'],
              },
              { name: 'sidecar', image: 'log:1' },
            ],
            volumes: [{ name: 'v', emptyDir: {} }],
          },
        },
      },
    },
  )
})

const patchKeys = fc.constantFrom(
  'a',
  'items',
  'ports',
  'tags',
  'keyless',
  'atomicObject',
  'name',
  'number',
  '__proto__',
  '$patch',
  '$retainKeys',
  '$setElementOrder/items',
  '$setElementOrder/tags',
  '$deleteFromPrimitiveList/tags',
)
const { tree: patchTrees } = fc.letrec<{ tree: JsonValue }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<JsonValue>('a', 'b', 'delete', 'replace', 1, null, true),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.array(fc.record({ name: fc.constantFrom('a', 'b'), x: tie('tree') }), { maxLength: 3 }),
    fc.dictionary(patchKeys, tie('tree'), { maxKeys: 4 }),
  ),
}))
const originals = fc.dictionary(
  patchKeys.filter((key) => !key.startsWith('$')),
  patchTrees,
  { maxKeys: 4 },
)

test('any patch of anything is applied or refused; inputs stay as they are; no directive is left in the result', () => {
  fc.assert(
    fc.property(originals, patchTrees, (original, patch) => {
      const before = JSON.stringify([original, patch])
      try {
        const merged = applyStrategicMergePatch(original, patch, testInfo)
        assert.equal(
          Object.getPrototypeOf(merged) === Object.prototype || Object.getPrototypeOf(merged) === null,
          true,
        )
        if (!before.includes('"$', 1)) assert.doesNotMatch(JSON.stringify(merged), /"\$/)
      } catch (error) {
        assert.ok(isBadRequest(error), String(error))
      }
      assert.equal(JSON.stringify([original, patch]), before)
    }),
    { numRuns: 1500 },
  )
})

const { tree: soundTrees } = fc.letrec<{ tree: JsonObject }>((tie) => ({
  tree: fc.record(
    {
      a: fc.oneof(tie('tree'), fc.constantFrom<JsonValue>(1, 'x', null)),
      b: fc.oneof(tie('tree'), fc.constantFrom<JsonValue>(1, [1], null)),
      items: fc.uniqueArray(
        fc.record(
          { name: fc.constantFrom('a', 'b', 'c', 'd'), v: tie('tree'), $patch: fc.constant('delete') },
          { requiredKeys: ['name'] },
        ),
        { selector: ({ name }) => name, maxLength: 4 },
      ),
      tags: fc.uniqueArray(fc.constantFrom('p', 'q', 'r'), { maxLength: 3 }),
      '$deleteFromPrimitiveList/tags': fc.uniqueArray(fc.constantFrom('s', 't'), { maxLength: 2 }),
    },
    { requiredKeys: [] },
  ),
}))

test('applying a sound patch again changes nothing', () => {
  fc.assert(
    fc.property(soundTrees, soundTrees, (seed, patch) => {
      const original = applyStrategicMergePatch({}, seed, testInfo)
      const once = applyStrategicMergePatch(original, patch, testInfo)
      assert.equal(applyStrategicMergePatch(once, patch, testInfo), once)
    }),
    { numRuns: 200 },
  )
})
