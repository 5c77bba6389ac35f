import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import { keyOf, type KubeObject } from '../api/meta.ts'
import { indexedCache } from './indexed-cache.ts'
import { object } from './fixture.ts'

const byLabel = { label: ({ metadata }: KubeObject) => Object.values(metadata.labels ?? {}) }

test('whatever is set and removed, an index finds exactly what a scan would', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  const label = fc.constantFrom('x', 'y', 'z')
  const labels = fc.dictionary(fc.constantFrom('one', 'two'), label)
  const step = fc.oneof(fc.record({ name, labels }), fc.record({ name, labels: fc.constant(undefined) }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const cache = indexedCache(byLabel)
      const model = new Map<string, KubeObject>()
      for (const [i, { name: which, labels: carries }] of steps.entries()) {
        const one = object(which, i, carries ? { labels: carries } : {})
        const key = keyOf(one)
        if (carries) {
          assert.equal(cache.set(key, one), model.get(key))
          model.set(key, one)
        } else {
          assert.equal(cache.remove(key), model.get(key))
          model.delete(key)
        }
        assert.equal(cache.size, model.size)
        assert.deepEqual(new Set(cache.list()), new Set(model.values()))
        for (const value of ['x', 'y', 'z']) {
          const wanted = [...model.values()].filter(({ metadata }) =>
            Object.values(metadata.labels ?? {}).includes(value),
          )
          assert.deepEqual(new Set(cache.byIndex('label', value)), new Set(wanted))
        }
      }
    }),
  )
})

test('an object is found by its namespace and name, one of the cluster by its name', () => {
  const cache = indexedCache<KubeObject>({})
  const node: KubeObject = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } }
  cache.set(keyOf(node), node)
  assert.equal(cache.get(undefined, 'n'), node)
  assert.equal(cache.get('', 'n'), node)
  assert.equal(cache.get('default', 'n'), undefined)
})

test('an index that does not exist is a programming error', () => {
  assert.throws(() => indexedCache({}).byIndex('colour', 'red'), /no index named colour/)
})
