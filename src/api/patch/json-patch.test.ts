import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { isEqual } from '../equal.ts'
import { deepFreeze } from '../freeze.ts'
import { fieldOf, isJsonArray, isJsonObject, type JsonValue } from '../json.ts'
import { isInvalid, isStatusError, reasonOf, StatusError } from '../status.ts'
import { applyJsonPatch } from './json-patch.ts'
import { formatPointer, parsePointer } from './json-pointer.ts'

const document = deepFreeze({ a: { b: [1, 2, 3], c: null }, 'x/y': { '~': 1 }, text: 'x' })

const rows: readonly { fact: string; patch: JsonValue; result: JsonValue }[] = [
  { fact: 'add a field', patch: [{ op: 'add', path: '/n', value: 1 }], result: { ...document, n: 1 } },
  {
    fact: 'add replaces a field',
    patch: [{ op: 'add', path: '/text', value: { z: 1 } }],
    result: { ...document, text: { z: 1 } },
  },
  {
    fact: 'add inserts into a list and appends at "-"',
    patch: [
      { op: 'add', path: '/a/b/0', value: 0 },
      { op: 'add', path: '/a/b/-', value: 9 },
      { op: 'add', path: '/a/b/5', value: 10 },
    ],
    result: { ...document, a: { b: [0, 1, 2, 3, 9, 10], c: null } },
  },
  { fact: 'add the whole', patch: [{ op: 'add', path: '', value: { z: 1 } }], result: { z: 1 } },
  {
    fact: 'remove fields and items',
    patch: [
      { op: 'remove', path: '/a/b/1' },
      { op: 'remove', path: '/text' },
    ],
    result: { a: { b: [1, 3], c: null }, 'x/y': { '~': 1 } },
  },
  {
    fact: 'replace through escapes',
    patch: [{ op: 'replace', path: '/x~1y/~0', value: 2 }],
    result: { ...document, 'x/y': { '~': 2 } },
  },
  {
    fact: 'move a field into a list',
    patch: [{ op: 'move', from: '/text', path: '/a/b/0' }],
    result: { a: { b: ['x', 1, 2, 3], c: null }, 'x/y': { '~': 1 } },
  },
  {
    fact: 'a copy is independent of its source',
    patch: [
      { op: 'add', path: '/a/b/0', value: 0 },
      { op: 'copy', from: '/a', path: '/d' },
      { op: 'add', path: '/a/b/0', value: 7 },
      { op: 'add', path: '/d/b/0', value: 8 },
    ],
    result: { ...document, a: { b: [7, 0, 1, 2, 3], c: null }, d: { b: [8, 0, 1, 2, 3], c: null } },
  },
  {
    fact: 'test passes on deep equality whatever the order of fields',
    patch: [
      { op: 'test', path: '/a', value: { c: null, b: [1, 2, 3] } },
      { op: 'add', path: '/ok', value: true },
    ],
    result: { ...document, ok: true },
  },
  {
    fact: 'test for null passes for null and for nothing',
    patch: [
      { op: 'test', path: '/a/c', value: null },
      { op: 'test', path: '/nope/nope', value: null },
      { op: 'add', path: '/ok', value: true },
    ],
    result: { ...document, ok: true },
  },
]

describe('a JSON patch', () => {
  for (const { fact, patch, result } of rows) {
    test(fact, () => assert.deepEqual(applyJsonPatch(document, deepFreeze(patch)), result))
  }

  test('names like those of Object.prototype are plain fields', () => {
    const patched = applyJsonPatch({}, [
      { op: 'add', path: '/__proto__', value: { polluted: true } },
      { op: 'add', path: '/__proto__/more', value: 1 },
      { op: 'add', path: '/constructor', value: { prototype: {} } },
      { op: 'add', path: '/constructor/prototype/polluted', value: true },
    ])
    assert.equal('polluted' in {}, false)
    assert.equal(Object.getPrototypeOf(patched), Object.prototype)
    assert.equal(
      JSON.stringify(patched),
      '{"__proto__":{"polluted":true,"more":1},"constructor":{"prototype":{"polluted":true}}}',
    )
    assert.throws(() => applyJsonPatch({}, [{ op: 'replace', path: '/toString', value: 1 }]), isInvalid)
    assert.throws(() => applyJsonPatch({}, [{ op: 'add', path: '/__proto__/x', value: 1 }]), isInvalid)
  })

  test('one that changes nothing returns the document itself', () => {
    for (const patch of [
      [],
      [{ op: 'test', path: '/text', value: 'x' }],
      [{ op: 'replace', path: '/a/b', value: [1, 2, 3] }],
      [
        { op: 'add', path: '/n', value: 1 },
        { op: 'remove', path: '/n' },
      ],
      [{ op: 'move', from: '/a', path: '/a' }],
    ]) {
      assert.equal(applyJsonPatch(document, patch), document)
    }
  })

  test('what it does not touch is shared, not copied', () => {
    const patched = applyJsonPatch(document, [{ op: 'add', path: '/n', value: 1 }])
    assert.ok(isJsonObject(patched))
    assert.equal(patched['a'], document.a)
  })
})

describe('a JSON patch is refused', () => {
  const nested = (levels: number): JsonValue => (levels === 0 ? {} : { a: nested(levels - 1) })
  const refusals: readonly (readonly [string, JsonValue, RegExp])[] = [
    ['BadRequest', {}, /list of operations/],
    ['BadRequest', [1], /list of operations/],
    ['BadRequest', [{ op: 'add', path: '/n', value: nested(300) }], /nests deeper/],
    ['Invalid', [{ op: 'frob', path: '/a' }], /unknown operation "frob"/],
    ['Invalid', [{ path: '/a' }], /unknown operation "op"/],
    ['Invalid', [{ op: 'add', path: 'a', value: 1 }], /"add" needs a JSON pointer as its "path"/],
    ['Invalid', [{ op: 'add', path: '/~2', value: 1 }], /needs a JSON pointer/],
    ['Invalid', [{ op: 'add', path: '/n' }], /"add" needs a "value"/],
    ['Invalid', [{ op: 'copy', path: '/n' }], /as its "from"/],
    ['Invalid', [{ op: 'remove', path: '/nope' }], /doc is missing path: "\/nope"/],
    ['Invalid', [{ op: 'replace', path: '/nope', value: 1 }], /doc is missing path/],
    ['Invalid', [{ op: 'add', path: '/nope/x', value: 1 }], /doc is missing path/],
    ['Invalid', [{ op: 'add', path: '/text/x', value: 1 }], /doc is missing path/],
    ['Invalid', [{ op: 'add', path: '/a/b/4', value: 1 }], /doc is missing path/],
    ['Invalid', [{ op: 'add', path: '/a/b/01', value: 1 }], /doc is missing path/],
    ['Invalid', [{ op: 'add', path: '/a/b/-1', value: 1 }], /doc is missing path/],
    ['Invalid', [{ op: 'remove', path: '/a/b/-' }], /doc is missing path/],
    ['Invalid', [{ op: 'remove', path: '' }], /delete it/],
    ['Invalid', [{ op: 'move', from: '/a', path: '/a/b/0' }], /can't be moved into itself/],
    ['Invalid', [{ op: 'test', path: '/text', value: 'y' }], /testing value \/text failed: test failed/],
    ['Invalid', [{ op: 'test', path: '/nope', value: 'y' }], /doc is missing path/],
    [
      'RequestEntityTooLarge',
      Array<JsonValue>(10_001).fill({ op: 'remove', path: '/a' }),
      /The allowed maximum operations in a JSON patch is 10000, got 10001/,
    ],
  ]
  for (const [reason, patch, message] of refusals) {
    test(`${reason} ${JSON.stringify(patch).slice(0, 80)}`, () => {
      assert.throws(
        () => applyJsonPatch(document, patch),
        (error: Error) => reasonOf(error) === reason && message.test(error.message),
      )
    })
  }

  test('a failed test says 422, as upstream does', () => {
    assert.throws(
      () => applyJsonPatch(document, [{ op: 'test', path: '/text', value: 'y' }]),
      (error: unknown) => error instanceof StatusError && error.status.code === 422,
    )
  })

  test('copies that double the document again and again stop at the limit', () => {
    const doubling = Array.from({ length: 60 }, (_, i) => ({ op: 'copy', from: '', path: `/copy${i}` }))
    assert.throws(() => applyJsonPatch(document, doubling), /copy operations add up to more than/)
  })

  test('moves that nest the document ever deeper stop at the limit', () => {
    const patch: JsonValue[] = []
    for (let i = 0; i < 1000; i++) {
      patch.push(
        { op: 'add', path: '/z', value: {} },
        { op: 'move', from: '/a', path: '/z/a' },
        { op: 'move', from: '/z', path: '/a' },
      )
    }
    assert.throws(() => applyJsonPatch(document, patch), /nests deeper/)
  })
})

const names = fc.constantFrom('a', 'b', 'c/d', '~', '__proto__', '0')
const { tree: trees } = fc.letrec<{ tree: JsonValue }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<JsonValue>('a', 1, null, true),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(names, tie('tree'), { maxKeys: 4 }),
  ),
}))
const pointers = fc.array(fc.oneof(names, fc.constantFrom('1', '-')), { maxLength: 4 }).map(formatPointer)
const operations = fc.array(
  fc.record(
    {
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'nope'),
      path: pointers,
      from: pointers,
      value: trees,
    },
    { requiredKeys: ['op', 'path', 'from', 'value'] },
  ),
  { maxLength: 5 },
)

test('a patch that moves a long list again and again is refused before it has cost much', () => {
  const long = { list: Array.from({ length: 1_000_000 }, () => '') }
  const ops = [
    { op: 'add', path: '/list/0', value: 'x' },
    { op: 'remove', path: '/list/0' },
    { op: 'move', from: '/list/0', path: '/list/-' },
  ]
  for (const op of ops) {
    const patch = Array.from({ length: 10_000 }, () => op)
    assert.throws(() => applyJsonPatch(long, patch), /replace the list instead/)
  }
  const ends = Array.from({ length: 10_000 }, () => ({ op: 'add', path: '/list/-', value: 'x' }))
  assert.equal((applyJsonPatch(long, ends) as typeof long).list.length, 1_010_000)
})

test('any patch of any document is applied or refused, and inputs stay as they are', () => {
  fc.assert(
    fc.property(trees, fc.oneof(operations, trees), (tree, patch) => {
      const before = JSON.stringify([tree, patch])
      try {
        const result = applyJsonPatch(tree, patch)
        if (isEqual(result, tree)) assert.equal(result, tree)
      } catch (error) {
        assert.ok(isStatusError(error), String(error))
      }
      assert.equal(JSON.stringify([tree, patch]), before)
    }),
    { numRuns: 1500 },
  )
})

/** The difference of two documents as operations, field by field and item by item. */
const diff = (from: JsonValue, to: JsonValue, path: readonly string[] = []): JsonValue[] => {
  if (isEqual(from, to)) return []
  if (isJsonArray(from) && isJsonArray(to)) {
    const shared = Math.min(from.length, to.length)
    return [
      ...from.slice(shared).map(() => ({ op: 'remove', path: formatPointer([...path, String(shared)]) })),
      ...to.slice(0, shared).flatMap((item, i) => diff(from[i] ?? null, item, [...path, String(i)])),
      ...to.slice(shared).map((value) => ({ op: 'add', path: formatPointer([...path, '-']), value })),
    ]
  }
  if (isJsonObject(from) && isJsonObject(to)) {
    const removed = Object.keys(from).filter((name) => !Object.hasOwn(to, name))
    return [
      ...removed.map((name) => ({ op: 'remove', path: formatPointer([...path, name]) })),
      ...Object.entries(to).flatMap(([name, value]) => {
        const old = fieldOf(from, name)
        const here = [...path, name]
        return old === undefined ? [{ op: 'add', path: formatPointer(here), value }] : diff(old, value, here)
      }),
    ]
  }
  return [{ op: 'replace', path: formatPointer(path), value: to }]
}

test('the difference of two documents, applied to the first, gives the second', () => {
  fc.assert(
    fc.property(trees, trees, (from, to) => isEqual(applyJsonPatch(from, diff(from, to)), to)),
    { numRuns: 1500 },
  )
})

test('pointers survive being written and read', () => {
  fc.assert(fc.property(fc.array(fc.string()), (steps) => isEqual(parsePointer(formatPointer(steps)), steps)))
})
