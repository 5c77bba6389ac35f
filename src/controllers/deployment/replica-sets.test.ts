import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployment, replicaSet } from '../fixture.ts'
import { findNewSet, newSetOf } from './replica-sets.ts'
import { templateHash, withoutHash } from './template-hash.ts'

const template = deployment().spec.template

test('a hash is short, in the alphabet of generated names, and the same on every machine', () => {
  const hash = templateHash(template)
  assert.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/)
  assert.equal(hash, templateHash(structuredClone(template)))
})

test('the order of fields says nothing, every value says something', () => {
  const { spec, metadata } = template
  assert.equal(
    templateHash({ spec, ...(metadata && { metadata }) }),
    templateHash({ ...(metadata && { metadata }), spec }),
  )
  assert.notEqual(templateHash(deployment({ image: 'v2' }).spec.template), templateHash(template))
})

test('a collision count gives another hash, none and 0 the same', () => {
  assert.equal(templateHash(template, 0), templateHash(template))
  assert.equal(new Set([0, 1, 2, 3].map((count) => templateHash(template, count))).size, 4)
})

test('the label of the hash is no part of what is hashed or compared', () => {
  const labeled = {
    ...template,
    metadata: { labels: { ...template.metadata?.labels, 'pod-template-hash': 'x' } },
  }
  assert.equal(templateHash(labeled), templateHash(template))
  assert.deepEqual(withoutHash(labeled), withoutHash(template))
})

test('the set of a template is found among others, whatever else it carries; the oldest wins', () => {
  const sets = [
    replicaSet('a', { replicas: 1, image: 'v0' }),
    replicaSet('b', { replicas: 0 }),
    replicaSet('c', { replicas: 1 }),
  ]
  assert.equal(findNewSet(deployment(), sets)?.metadata.name, 'b')
  assert.equal(findNewSet(deployment({ image: 'v9' }), sets), undefined)
})

test('a set that is made is found again, and selects only its own pods', () => {
  const made = newSetOf(deployment(), 2, [replicaSet('a', { replicas: 1, revision: 4 })])
  assert.equal(findNewSet(deployment(), [made]), made)
  const hash = made.metadata.labels?.['pod-template-hash']
  assert.equal(made.metadata.name, `web-${hash}`)
  assert.deepEqual(made.spec.selector.matchLabels, { app: 'web', 'pod-template-hash': hash })
  assert.deepEqual(made.spec.template?.metadata?.labels, { app: 'web', 'pod-template-hash': hash })
  assert.equal(made.metadata.annotations?.['deployment.kubernetes.io/revision'], '5')
  assert.equal(made.spec.replicas, 2)
})
