import assert from 'node:assert/strict'
import { test } from 'node:test'
import { node } from './fixture.ts'
import { matchesTerm } from './node-affinity.ts'

const found = node('n1', { labels: { zone: 'a', cores: '8', empty: '', word: 'eight' } })

const rows: readonly (readonly [operator: string, key: string, values: string[], is: boolean])[] = [
  ['In', 'zone', ['a', 'b'], true],
  ['In', 'zone', ['b'], false],
  ['In', 'absent', ['a'], false],
  ['NotIn', 'zone', ['b'], true],
  ['NotIn', 'zone', ['a'], false],
  ['NotIn', 'absent', ['a'], true],
  ['Exists', 'empty', [], true],
  ['Exists', 'absent', [], false],
  ['DoesNotExist', 'absent', [], true],
  ['DoesNotExist', 'zone', [], false],
  ['Gt', 'cores', ['7'], true],
  ['Gt', 'cores', ['8'], false],
  ['Gt', 'absent', ['0'], false],
  ['Gt', 'word', ['0'], false],
  ['Gt', 'empty', ['-1'], false],
  ['Lt', 'cores', ['10'], true],
  ['Lt', 'cores', ['8'], false],
  ['Lt', 'cores', ['many'], false],
  ['Near', 'zone', ['a'], false],
]
for (const [operator, key, values, is] of rows) {
  test(`${key} ${operator} ${values.join(',')}: ${is}`, () => {
    assert.equal(matchesTerm({ matchExpressions: [{ key, operator, values }] }, found), is)
  })
}

test('every expression and every field has to match', () => {
  const named = (name: string) => ({ key: 'metadata.name', operator: 'In', values: [name] })
  const zone = { key: 'zone', operator: 'Exists' }
  assert.equal(matchesTerm({ matchFields: [named('n1')] }, found), true)
  assert.equal(matchesTerm({ matchFields: [named('n2')] }, found), false)
  assert.equal(matchesTerm({ matchFields: [named('n1')], matchExpressions: [zone] }, found), true)
  assert.equal(
    matchesTerm(
      { matchFields: [named('n1')], matchExpressions: [zone, { key: 'x', operator: 'Exists' }] },
      found,
    ),
    false,
  )
  assert.equal(
    matchesTerm({ matchFields: [{ key: 'spec.unschedulable', operator: 'Exists' }] }, found),
    false,
  )
})

test('a term that says nothing matches nothing', () => {
  assert.equal(matchesTerm({}, found), false)
})
