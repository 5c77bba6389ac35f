import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { seededRandom } from '../../base/ids.ts'
import type { ReplicaSet } from '../../api/schema/types.gen.ts'
import { deployment, replicaSet, type DeploymentFacts, type SetFacts } from '../fixture.ts'
import { fenceposts, replicasOf } from './fenceposts.ts'
import { planRollout } from './rollout.ts'
import type { RolloutStep } from './rollout-step.ts'

interface Row {
  readonly name: string
  readonly deployment: DeploymentFacts
  /** Absent: not made yet. */
  readonly fresh?: SetFacts
  /** Oldest first. */
  readonly old?: readonly SetFacts[]
  readonly oldPodCount?: number
  /** `new`, `old`, `old2`: what becomes of each set's replicas; `create` for a set that is made. */
  readonly steps: Readonly<Record<string, number>>
}

const set = (replicas: number, more: Omit<SetFacts, 'replicas'> = {}): SetFacts => ({ replicas, ...more })
const rolling = (
  replicas: number,
  surge: number | string,
  unavailable: number | string,
): DeploymentFacts => ({
  replicas,
  surge,
  unavailable,
})

const rows: readonly Row[] = [
  { name: 'the first set is made with all its replicas', deployment: rolling(3, 1, 0), steps: { create: 3 } },
  { name: 'no replicas: the set is made all the same', deployment: rolling(0, 1, 0), steps: { create: 0 } },
  { name: 'done: nothing to do', deployment: rolling(3, 1, 0), fresh: set(3), steps: {} },
  { name: 'scaled up without a rollout', deployment: rolling(5, 1, 0), fresh: set(3), steps: { new: 5 } },
  { name: 'scaled down without a rollout', deployment: rolling(1, 1, 0), fresh: set(3), steps: { new: 1 } },
  {
    name: 'a new template starts with the surge',
    deployment: rolling(3, 1, 0),
    old: [set(3)],
    steps: { create: 1 },
  },
  {
    name: 'a new template without surge starts empty',
    deployment: rolling(3, 0, 1),
    old: [set(3)],
    steps: { create: 0 },
  },
  {
    name: 'without surge an old pod goes first',
    deployment: rolling(3, 0, 1),
    fresh: set(0),
    old: [set(3)],
    steps: { old: 2 },
  },
  {
    name: 'then a new one comes',
    deployment: rolling(3, 0, 1),
    fresh: set(0),
    old: [set(2)],
    steps: { new: 1 },
  },
  {
    name: 'which has to be available',
    deployment: rolling(3, 0, 1),
    fresh: set(1, { available: 0 }),
    old: [set(2)],
    steps: {},
  },
  {
    name: 'before the next old one goes',
    deployment: rolling(3, 0, 1),
    fresh: set(1),
    old: [set(2)],
    steps: { old: 1 },
  },
  {
    name: 'with surge the new pod has to be available first',
    deployment: rolling(3, 1, 0),
    fresh: set(1, { available: 0 }),
    old: [set(3)],
    steps: {},
  },
  {
    name: 'an old pod for an available new one',
    deployment: rolling(3, 1, 0),
    fresh: set(1),
    old: [set(3)],
    steps: { old: 2 },
  },
  { name: 'the last old pod', deployment: rolling(3, 1, 0), fresh: set(3), old: [set(1)], steps: { old: 0 } },
  {
    name: 'surge 100 %: all new at once',
    deployment: rolling(4, '100%', 0),
    old: [set(4)],
    steps: { create: 4 },
  },
  {
    name: 'unavailable 100 %: all old ones at once',
    deployment: rolling(4, 0, '100%'),
    fresh: set(0),
    old: [set(4)],
    steps: { old: 0 },
  },
  {
    name: '25 % of 10 rounds surge up to 3',
    deployment: rolling(10, '25%', '25%'),
    old: [set(10)],
    steps: { create: 3 },
  },
  {
    name: '25 % of 10 rounds unavailable down to 2',
    deployment: rolling(10, '25%', '25%'),
    fresh: set(3, { available: 0 }),
    old: [set(10)],
    steps: { old: 8 },
  },
  {
    name: 'neither: one may be missing, else nothing could move',
    deployment: rolling(3, 0, 0),
    fresh: set(0),
    old: [set(3)],
    steps: { old: 2 },
  },
  {
    name: 'percentages that round to nothing count as neither',
    deployment: rolling(3, '0%', '10%'),
    fresh: set(0),
    old: [set(3)],
    steps: { old: 2 },
  },
  {
    name: 'old pods that are down go first, whatever the set',
    deployment: rolling(6, 2, 0),
    fresh: set(2),
    old: [set(3, { available: 3 }), set(3, { available: 1 })],
    steps: { old2: 1 },
  },
  {
    name: 'unhealthy old pods make room for a broken new one',
    deployment: rolling(3, 1, 1),
    fresh: set(1, { available: 0 }),
    old: [set(3, { available: 1 })],
    steps: { old: 2 },
  },
  {
    name: 'oldest sets are emptied first',
    deployment: rolling(4, 2, 0),
    fresh: set(2),
    old: [set(1), set(3)],
    steps: { old: 0, old2: 2 },
  },
  {
    name: 'a set that was shrunk a moment ago still counts what it will lose: that is not spare',
    deployment: rolling(4, 1, 0),
    fresh: set(2, { available: 2 }),
    old: [set(3, { actual: 4, available: 4 })],
    steps: { old: 2 },
  },
  {
    name: 'nor is it grown again while another set is shrunk',
    deployment: rolling(4, 1, 0),
    fresh: set(2),
    old: [set(2), set(1, { actual: 3, available: 3 })],
    steps: { old: 1 },
  },
  {
    name: 'nothing is spare while that is so',
    deployment: rolling(4, 1, 0),
    fresh: set(2, { available: 1 }),
    old: [set(3, { actual: 4, available: 4 })],
    steps: {},
  },
  {
    name: 'going back to an earlier set grows that one',
    deployment: rolling(3, 1, 0),
    fresh: set(0, { age: 900 }),
    old: [set(3)],
    steps: { new: 1 },
  },

  { name: 'recreate: the first set', deployment: { replicas: 3, recreate: true }, steps: { create: 3 } },
  {
    name: 'recreate: old sets are emptied',
    deployment: { replicas: 3, recreate: true },
    old: [set(1), set(3)],
    oldPodCount: 4,
    steps: { old: 0, old2: 0 },
  },
  {
    name: 'recreate: waits for the last old pod',
    deployment: { replicas: 3, recreate: true },
    old: [set(0)],
    oldPodCount: 1,
    steps: {},
  },
  {
    name: 'recreate: then makes the new set',
    deployment: { replicas: 3, recreate: true },
    old: [set(0)],
    oldPodCount: 0,
    steps: { create: 3 },
  },
  {
    name: 'recreate: or grows the one that is there',
    deployment: { replicas: 3, recreate: true },
    fresh: set(0),
    old: [set(0)],
    oldPodCount: 0,
    steps: { new: 3 },
  },
  {
    name: 'recreate: a change of the size alone',
    deployment: { replicas: 5, recreate: true },
    fresh: set(3, { sizedFor: [3, 3] }),
    steps: { new: 5 },
  },

  { name: 'paused before anything was made', deployment: { replicas: 3, paused: true }, steps: {} },
  {
    name: 'paused: one set takes the whole change',
    deployment: { ...rolling(5, 1, 0), paused: true },
    old: [set(3)],
    steps: { old: 5 },
  },
  {
    name: 'paused in the middle: sets stay',
    deployment: { ...rolling(4, 1, 0), paused: true },
    fresh: set(1, { sizedFor: [4, 5] }),
    old: [set(4, { sizedFor: [4, 5] })],
    steps: { old: 4, new: 1 },
  },

  {
    name: 'scaled up in the middle: shares stay',
    deployment: rolling(20, 2, 0),
    fresh: set(4, { sizedFor: [10, 12] }),
    old: [set(8, { sizedFor: [10, 12] })],
    steps: { old: 15, new: 7 },
  },
  {
    name: 'scaled down in the middle: shares stay',
    deployment: rolling(5, 1, 0),
    fresh: set(4, { sizedFor: [10, 11] }),
    old: [set(7, { sizedFor: [10, 11] })],
    steps: { old: 4, new: 2 },
  },
  {
    name: 'scaled to nothing in the middle',
    deployment: rolling(0, 1, 0),
    fresh: set(1, { sizedFor: [3, 4] }),
    old: [set(3, { sizedFor: [3, 4] })],
    steps: { old: 0, new: 0 },
  },
  {
    name: 'what rounding leaves over goes to the largest',
    deployment: rolling(10, 0, 1),
    fresh: set(2, { sizedFor: [7, 7] }),
    old: [set(2, { sizedFor: [7, 7] }), set(3, { sizedFor: [7, 7] })],
    steps: { old: 3, old2: 4, new: 3 },
  },
  {
    name: 'a saturated new set: the rest goes',
    deployment: { ...rolling(3, 1, 0), paused: true },
    fresh: set(3, { sizedFor: [3, 4] }),
    old: [set(1, { sizedFor: [2, 3] })],
    steps: { old: 0 },
  },
]

function build({ deployment: facts, fresh, old = [], oldPodCount = 0 }: Row) {
  return {
    deployment: deployment({ image: 'v2', ...facts }),
    newSet: fresh && replicaSet('new', { age: 10, ...fresh }),
    oldSets: old.map((one, i) => replicaSet(i === 0 ? 'old' : `old${i + 1}`, { age: 600 - i * 100, ...one })),
    oldPodCount,
  }
}

const brief = (steps: readonly RolloutStep[]) =>
  Object.fromEntries(
    steps.map((step) => [step.type === 'create' ? 'create' : step.set.metadata.name, step.replicas]),
  )

for (const row of rows) test(row.name, () => assert.deepEqual(brief(planRollout(build(row))), row.steps))

/** Applies a plan, and lets the pods of each set become what chance makes of them. */
function play(sets: Map<string, ReplicaSet>, steps: readonly RolloutStep[], chance: () => number): void {
  for (const step of steps) {
    const name = step.type === 'create' ? 'new' : (step.set.metadata.name ?? '')
    const before = sets.get(name)
    const available = Math.min(before?.status?.availableReplicas ?? 0, step.replicas)
    sets.set(name, replicaSet(name, { replicas: step.replicas, available }))
  }
  for (const [name, one] of sets) {
    const replicas = replicasOf(one)
    const available = Math.min(replicas, (one.status?.availableReplicas ?? 0) + Math.floor(chance() * 3))
    sets.set(name, replicaSet(name, { replicas, available }))
  }
}

test('whatever the bounds, a rollout ends, never exceeds its surge and never goes below what has to be available', () => {
  const bound = fc.oneof(
    fc.integer({ min: 0, max: 6 }),
    fc.integer({ min: 0, max: 100 }).map((n) => `${n}%`),
  )
  const seeds = fc.integer({ min: 0, max: 2 ** 31 })
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 15 }),
      bound,
      bound,
      seeds,
      (replicas, surge, unavailable, seed) => {
        const wanted = deployment({ replicas, surge, unavailable, image: 'v2' })
        const sets = new Map([['old', replicaSet('old', { replicas })]])
        const posts = fenceposts(wanted)
        const random = seededRandom(seed)
        for (let round = 0; round < 400; round++) {
          const newSet = sets.get('new')
          const steps = planRollout({
            deployment: wanted,
            newSet,
            oldSets: [...sets.values()].filter((one) => one !== newSet),
            oldPodCount: 0,
          })
          play(sets, steps, () => random.float())
          const total = [...sets.values()].reduce((n, one) => n + replicasOf(one), 0)
          const available = [...sets.values()].reduce((n, one) => n + (one.status?.availableReplicas ?? 0), 0)
          assert.ok(total <= replicas + posts.surge, `${total} pods`)
          assert.ok(available >= replicas - posts.unavailable, `${available} available`)
          const fresh = sets.get('new')
          const old = sets.get('old')
          if (fresh && replicasOf(fresh) === replicas && old && replicasOf(old) === 0) return
        }
        assert.fail('the rollout did not end')
      },
    ),
    { numRuns: 150 },
  )
})
