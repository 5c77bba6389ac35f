/** The small pure files of this room: durations, paths, conditions, owners, equality. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import { findCondition, isConditionTrue, removeCondition, setCondition } from './conditions.ts'
import { ageOf, humanDuration, parseGoDuration, shortHumanDuration } from './duration.ts'
import { isEqual } from './equal.ts'
import { deepFreeze } from './freeze.ts'
import { percentOf, scaledValue } from './int-or-string.ts'
import * as meta from './meta.ts'
import { controllerOf, isControlledBy, isOwnedBy, newControllerRef, newOwnerRef } from './owner-references.ts'
import { at, child, keyed } from './paths.ts'
import { isBadRequest } from './status.ts'

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000]

describe('durations for people', () => {
  const rows: readonly (readonly [number, string, string])[] = [
    [-2 * second, '<invalid>', '<invalid>'],
    [-1 * second, '0s', '0s'],
    [-1, '0s', '0s'],
    [0, '0s', '0s'],
    [999, '0s', '0s'],
    [59 * second, '59s', '59s'],
    [90 * second, '90s', '1m'],
    [2 * minute, '2m', '2m'],
    [2 * minute + 3 * second, '2m3s', '2m'],
    [10 * minute + 59 * second, '10m', '10m'],
    [179 * minute, '179m', '2h'],
    [3 * hour, '3h', '3h'],
    [7 * hour + 59 * minute, '7h59m', '7h'],
    [8 * hour + 59 * minute, '8h', '8h'],
    [47 * hour, '47h', '1d'],
    [2 * day, '2d', '2d'],
    [7 * day + 23 * hour, '7d23h', '7d'],
    [8 * day + 23 * hour, '8d', '8d'],
    [729 * day, '729d', '1y'],
    [730 * day, '2y', '2y'],
    [830 * day, '2y100d', '2y'],
    [8 * 365 * day, '8y', '8y'],
  ]
  for (const [ms, human, short] of rows) {
    test(`${ms} ms is ${human} or ${short}`, () =>
      assert.deepEqual([humanDuration(ms), shortHumanDuration(ms)], [human, short]))
  }
  test('ages', () => {
    assert.equal(ageOf('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:02:03Z')), '2m3s')
    assert.deepEqual(
      [ageOf(undefined, 0), ageOf(null, 0), ageOf('x', 0)],
      ['<unknown>', '<unknown>', '<unknown>'],
    )
  })
})

describe('durations of Go', () => {
  const rows: readonly (readonly [string, number | RegExp])[] = [
    ['0', 0],
    ['500ms', 500],
    ['1h2m3s', 3_723_000],
    ['-1.5h', -5_400_000],
    ['.5s', 500],
    ['1us', 0.001],
    ['1µs', 0.001],
    ['+5s', 5000],
    ['', /^time: invalid duration ""$/],
    ['5', /^time: missing unit in duration "5"$/],
    ['5x', /^time: unknown unit "x" in duration "5x"$/],
    ['1d', /unknown unit "d"/],
    ['s', /invalid duration "s"/],
    ['.s', /invalid duration/],
    ['1s-', /unknown unit "s-"/],
    ['9999999h', /invalid duration/],
  ]
  for (const [text, expected] of rows) {
    test(JSON.stringify(text), () => {
      if (typeof expected === 'number') assert.equal(parseGoDuration(text), expected)
      else
        assert.throws(
          () => parseGoDuration(text),
          (error: Error) => isBadRequest(error) && expected.test(error.message),
        )
    })
  }
})

test('counts and percentages', () => {
  assert.equal(scaledValue(3, { total: 10, round: 'up' }), 3)
  assert.equal(scaledValue('25%', { total: 3, round: 'up' }), 1)
  assert.equal(scaledValue('25%', { total: 3, round: 'down' }), 0)
  assert.equal(percentOf('http'), undefined)
  assert.throws(
    () => scaledValue('25', { total: 3, round: 'up' }),
    /invalid type: string is not a percentage/,
  )
  assert.throws(() => scaledValue('x%', { total: 3, round: 'up' }), /invalid value "x%"/)
})

test('keys, group versions and names', () => {
  assert.equal(meta.keyOf({ metadata: { namespace: 'n', name: 'x' } }), 'n/x')
  assert.equal(meta.keyOf({ metadata: { name: 'x' } }), 'x')
  assert.deepEqual(meta.splitKey('n/x'), { namespace: 'n', name: 'x' })
  assert.deepEqual(meta.splitKey('x'), { namespace: '', name: 'x' })
  assert.deepEqual(meta.groupVersionOf('apps/v1'), { group: 'apps', version: 'v1' })
  assert.deepEqual(meta.groupVersionOf('v1'), { group: '', version: 'v1' })
  assert.deepEqual([meta.apiVersionOf('', 'v1'), meta.apiVersionOf('apps', 'v1')], ['v1', 'apps/v1'])
})

test('field paths', () => {
  assert.equal(
    child(at(child(at('spec.containers', 0), 'ports'), 1), 'name'),
    'spec.containers[0].ports[1].name',
  )
  assert.equal(keyed(child('', 'metadata', 'labels'), 'foo'), 'metadata.labels[foo]')
})

describe('conditions', () => {
  const ready = { type: 'Ready', status: 'True', reason: 'Up', lastTransitionTime: 't0' }
  const conditions = deepFreeze([{ type: 'Other', status: 'False' }, ready])
  test('a new one starts now', () => {
    assert.deepEqual(setCondition(undefined, { type: 'A', status: 'True' }, 't1'), [
      { type: 'A', status: 'True', lastTransitionTime: 't1' },
    ])
  })
  test('its time moves with its status only', () => {
    const same = setCondition(conditions, { type: 'Ready', status: 'True', reason: 'Fine' }, 't1')
    assert.deepEqual(findCondition(same, 'Ready'), { ...ready, reason: 'Fine' })
    const changed = setCondition(conditions, { type: 'Ready', status: 'False', reason: 'Down' }, 't1')
    assert.deepEqual(changed[1], { type: 'Ready', status: 'False', reason: 'Down', lastTransitionTime: 't1' })
  })
  test('no change, same list', () => {
    assert.equal(setCondition(conditions, { type: 'Ready', status: 'True', reason: 'Up' }, 't1'), conditions)
    assert.equal(removeCondition(conditions, 'None'), conditions)
  })
  test('lookups', () => {
    assert.deepEqual(
      [
        isConditionTrue(conditions, 'Ready'),
        isConditionTrue(conditions, 'Other'),
        isConditionTrue(undefined, 'X'),
      ],
      [true, false, false],
    )
    assert.deepEqual(removeCondition(conditions, 'Ready'), [{ type: 'Other', status: 'False' }])
  })
})

test('owners', () => {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'rs', uid: 'u1' } }
  const other = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'u2' } }
  const pod = { metadata: { ownerReferences: [newOwnerRef(other), newControllerRef(owner)] } }
  assert.deepEqual(controllerOf(pod), {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'rs',
    uid: 'u1',
    controller: true,
    blockOwnerDeletion: true,
  })
  assert.deepEqual(
    [isControlledBy(pod, owner), isControlledBy(pod, other), isOwnedBy(pod, other)],
    [true, false, true],
  )
  assert.equal(isControlledBy({ metadata: {} }, { metadata: {} }), false)
  assert.equal(isOwnedBy({ metadata: {} }, owner), false)
})

test('equality is that of meaning', () => {
  assert.ok(isEqual({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 }))
  assert.ok(isEqual({ a: undefined }, {}) && isEqual({}, { a: undefined }))
  for (const [a, b] of [
    [[1], [1, 2]],
    [{ a: 1 }, { b: 1 }],
    [{ a: null }, {}],
    [[], {}],
    [null, {}],
    ['1', 1],
    [{ toString: 1 }, {}],
  ]) {
    assert.ok(!isEqual(a, b) && !isEqual(b, a))
  }
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.jsonValue(),
      (a, b) => isEqual(a, structuredClone(a)) && isEqual(a, b) === isEqual(b, a),
    ),
  )
})

test('deepFreeze freezes all the way down', () => {
  const frozen = deepFreeze({ a: [{ b: 1 }] })
  assert.ok(Object.isFrozen(frozen.a) && Object.isFrozen(frozen.a[0]))
})
