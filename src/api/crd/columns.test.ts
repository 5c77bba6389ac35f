/** Printer columns and the paths in them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columnsOf } from './columns.ts'
import { parseJsonPath } from './json-path.ts'

const object = {
  apiVersion: 'example.com/v1',
  kind: 'W',
  metadata: { name: 'w', creationTimestamp: '2026-01-01T00:00:00Z', labels: { 'a.b/c': 'l' } },
  spec: { n: 3, f: 1.5, b: true, o: { a: 1 }, list: [{ x: 'one' }, { x: 'two' }] },
  status: {
    conditions: [
      { type: 'Other', status: 'False' },
      { type: 'Ready', status: 'True' },
    ],
  },
}

const rows: readonly (readonly [type: string, jsonPath: string, cell: unknown])[] = [
  ['integer', '.spec.n', 3],
  ['integer', '.spec.missing', null],
  ['integer', '.spec.b', null],
  ['number', '.spec.f', 1.5],
  ['boolean', '.spec.b', true],
  ['string', '.spec.n', '3'],
  ['string', '.spec.o', '{"a":1}'],
  ['string', '.spec.list[1].x', 'two'],
  ['string', '.spec.list[*].x', 'one'],
  ['string', '.status.conditions[?(@.type=="Ready")].status', 'True'],
  ['string', ".status.conditions[?(@.type=='Ready')].status", 'True'],
  ['string', '.metadata.labels.a\\.b/c', 'l'],
  ['string', ".metadata.labels['a.b/c']", 'l'],
  ['date', '.metadata.creationTimestamp', '60s'],
  ['date', '.spec.list[0].x', '<invalid>'],
]

for (const [type, jsonPath, cell] of rows)
  test(`${type} ${jsonPath}`, () => {
    const column = columnsOf([{ name: 'C', type, jsonPath }])[1]
    assert.equal(column?.value(object, Date.parse('2026-01-01T00:01:00Z')), cell)
  })

test('without columns the age is shown', () => {
  assert.deepEqual(
    columnsOf(undefined).map(({ name }) => name),
    ['Name', 'Age'],
  )
})

test('what goes beyond the subset is no path', () => {
  for (const path of ['', 'spec', '.a..b', '.a[?(@.b)]', '.a[1:2]', '.a['])
    assert.equal(parseJsonPath(path), undefined, path)
})
