import assert from 'node:assert/strict'
import { test } from 'node:test'
import { selectorFrom } from '../api/selector.ts'
import { planClaim, type Claim } from './claim-pods.ts'
import { pod, replicaSet, type PodFacts } from './fixture.ts'

const selector = selectorFrom({ matchLabels: { app: 'web' } })
const labels = { app: 'web' }

const rows: readonly {
  readonly name: string
  readonly facts: PodFacts
  readonly is?: keyof Claim
  readonly ending?: keyof Claim
}[] = [
  { name: 'ours and matching', facts: { labels, owner: 's' }, is: 'owned', ending: 'owned' },
  {
    name: 'ours, matching and going',
    facts: { labels, owner: 's', terminating: true },
    is: 'owned',
    ending: 'owned',
  },
  { name: 'ours, labels changed', facts: { owner: 's' }, is: 'release' },
  { name: 'ours, labels changed, going', facts: { owner: 's', terminating: true } },
  { name: 'another’s', facts: { labels, owner: 't' } },
  { name: 'nobody’s and matching', facts: { labels }, is: 'adopt' },
  { name: 'nobody’s and other labels', facts: { labels: { app: 'db' } } },
  { name: 'nobody’s, matching, going', facts: { labels, terminating: true } },
  { name: 'nobody’s, matching, finished', facts: { labels, phase: 'Succeeded' } },
]

const sortOf = (claim: Claim): string | undefined =>
  Object.entries(claim).find(([, list]) => list.length > 0)?.[0]

for (const { name, facts, is, ending } of rows) {
  test(name, () => {
    assert.equal(sortOf(planClaim(replicaSet('s', { replicas: 1 }), selector, [pod('p', facts)])), is)
  })
  test(`${name}, for an owner that is being deleted`, () => {
    const owner = replicaSet('s', { replicas: 1, terminating: true })
    assert.equal(sortOf(planClaim(owner, selector, [pod('p', facts)])), ending)
  })
}
