import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resources } from './table.ts'

test('kind, plural, singular and short names lead to one resource', () => {
  const owners = new Map<string, string>()
  for (const { group, plural, singular, shortNames } of resources) {
    for (const name of new Set([plural, singular, ...shortNames])) {
      const key = `${group}/${name}`
      assert.equal(owners.get(key), undefined, `${key} is claimed twice`)
      owners.set(key, plural)
    }
  }
})

test('short names lead to one resource across groups', () => {
  const names = resources.flatMap(({ shortNames }) => shortNames)
  assert.equal(new Set(names).size, names.length)
})

test('the core group comes first, and every group is in one piece', () => {
  const groups = resources.map(({ group }) => group)
  const pieces = groups.filter((group, index) => group !== groups[index - 1])
  assert.equal(pieces[0], '')
  assert.equal(new Set(pieces).size, pieces.length)
})

test('the schema of a resource is the type of its kind', () => {
  for (const { kind, schema } of resources) {
    assert.ok(schema.isKind)
    assert.equal(schema.name.split('.').at(-1), kind)
  }
})

test('a resource with a scale says where its numbers are', () => {
  for (const { plural, scale, subresources } of resources) {
    const hasScale = subresources.some(({ name }) => name === 'scale')
    assert.equal(scale !== undefined, hasScale, plural)
  }
})

test('kubectl get all shows what runs and how it is reached', () => {
  const shown = resources.filter(({ categories }) => categories.includes('all')).map(({ plural }) => plural)
  assert.deepEqual(shown, ['pods', 'services', 'deployments', 'replicasets'])
})
