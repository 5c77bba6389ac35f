import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resources } from './table.ts'

test('kind, plural, singular and short names lead to one resource', () => {
  const owners = new Map<string, string>()
  for (const { group, version, plural, singular, shortNames } of resources) {
    for (const name of new Set([plural, singular, ...shortNames])) {
      if (name === '') continue // no singular: metrics have none
      const key = `${group}/${version}/${name}`
      assert.equal(owners.get(key), undefined, `${key} is claimed twice`)
      owners.set(key, plural)
    }
  }
})

test('short names lead to one resource across groups, whatever its versions', () => {
  const names = resources.filter(({ storage }) => !storage).flatMap(({ shortNames }) => shortNames)
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

test('what a version is stored as is in the table, and is stored as it is', () => {
  for (const { plural, namespaced, storage } of resources) {
    if (!storage) continue
    const stored = resources.find(
      (def) => def.group === storage.group && def.version === storage.version && def.plural === plural,
    )
    assert.ok(stored, plural)
    assert.equal(stored.storage, undefined)
    assert.equal(stored.namespaced, namespaced)
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
  assert.deepEqual(
    [...new Set(shown)],
    [
      'pods',
      'replicationcontrollers',
      'services',
      'daemonsets',
      'deployments',
      'replicasets',
      'statefulsets',
      'horizontalpodautoscalers',
      'cronjobs',
      'jobs',
    ],
  )
})
