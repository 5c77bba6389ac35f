import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployment, replicaSet } from '../fixture.ts'
import { annotationsFor, nextRevision, revisionOf, sizeAnnotations, surplusSets } from './revisions.ts'

const key = (name: string) => `deployment.kubernetes.io/${name}`
const old = (revision: number, more: object = {}) =>
  replicaSet(`r${revision}`, { replicas: 0, revision, ...more })

test('the first set is revision 1, each later one the highest and one', () => {
  assert.equal(annotationsFor(deployment(), undefined, [])[key('revision')], '1')
  assert.equal(nextRevision([old(2), old(7), old(3)]), 8)
  assert.equal(annotationsFor(deployment(), undefined, [old(2), old(7)])[key('revision')], '8')
})

test('going back numbers the set anew and remembers what it was, each time', () => {
  const second = annotationsFor(deployment(), old(1), [old(2)])
  assert.deepEqual([second[key('revision')], second[key('revision-history')]], ['3', '1'])
  const third = annotationsFor(deployment(), old(3, { annotations: { [key('revision-history')]: '1' } }), [
    old(4),
  ])
  assert.deepEqual([third[key('revision')], third[key('revision-history')]], ['5', '1,3'])
})

test('a revision never falls, also when the sets above it are forgotten', () => {
  const annotations = annotationsFor(deployment(), old(5), [old(1)])
  assert.deepEqual([annotations[key('revision')], annotations[key('revision-history')]], ['5', undefined])
})

test('the list of earlier revisions is bounded and keeps the latest', () => {
  const history = Array.from({ length: 600 }, (_, i) => i + 1).join(',')
  const text = annotationsFor(
    deployment(),
    old(601, { annotations: { [key('revision-history')]: history } }),
    [old(602)],
  )[key('revision-history')]
  assert.ok((text?.length ?? 0) <= 2_000)
  assert.ok(text?.endsWith(',600,601'))
})

test('annotations of the Deployment are copied, except its own and those of tools about it alone', () => {
  const annotations = {
    'kubernetes.io/change-cause': 'v2',
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
    [key('revision')]: '9',
    [key('desired-replicas')]: '99',
  }
  const set = old(1, { annotations: { note: 'of the set', 'kubernetes.io/change-cause': 'v1' } })
  assert.deepEqual(annotationsFor(deployment({ annotations }), set, []), {
    note: 'of the set',
    'kubernetes.io/change-cause': 'v2',
    [key('revision')]: '1',
  })
})

test('what a set was sized for counts the surge', () => {
  const sized = sizeAnnotations(deployment({ replicas: 10, surge: '25%' }))
  assert.deepEqual(sized, { [key('desired-replicas')]: '10', [key('max-replicas')]: '13' })
})

test('a revision that is no number counts as none', () => {
  assert.equal(revisionOf(replicaSet('x', { replicas: 0, annotations: { [key('revision')]: 'one' } })), 0)
})

const limits = [
  { name: 'within the limit', limit: 3, sets: [old(1), old(2)], gone: [] },
  { name: 'the oldest revisions go', limit: 1, sets: [old(3), old(1), old(2)], gone: ['r1', 'r2'] },
  { name: 'limit 0 keeps none', limit: 0, sets: [old(1)], gone: ['r1'] },
  {
    name: 'a set with pods stays',
    limit: 0,
    sets: [old(1, { actual: 1 }), old(2, { replicas: 1 }), old(3)],
    gone: ['r3'],
  },
  {
    name: 'one that is going doesn’t count',
    limit: 1,
    sets: [old(1, { terminating: true }), old(2)],
    gone: [],
  },
]
for (const { name, limit, sets, gone } of limits) {
  test(`history: ${name}`, () => {
    const surplus = surplusSets(deployment({ historyLimit: limit }), sets)
    assert.deepEqual(
      surplus.map(({ metadata }) => metadata.name),
      gone,
    )
  })
}

test('history: a set whose last change its controller has not seen stays', () => {
  const set = old(1)
  assert.deepEqual(
    surplusSets(deployment({ historyLimit: 0 }), [{ ...set, metadata: { ...set.metadata, generation: 2 } }]),
    [],
  )
})
