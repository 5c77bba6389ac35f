import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planRemoval, type KeptSegment, type LogBudget } from './log-budget.ts'

const hour = 3_600_000
const nowMs = 100 * hour
const budget: LogBudget = { retentionMs: 24 * hour, podBytesMax: 1_000, nodeBytesMax: 10_000, attemptsMax: 2 }
const segment = (path: string, more: Partial<KeptSegment> = {}): KeptSegment => ({
  path,
  namespace: 'shop',
  pod: path.split('/')[0] ?? '',
  container: 'app',
  attempt: 1,
  segment: 0,
  bytes: 100,
  modifiedMs: nowMs,
  isCurrent: false,
  ...more,
})

const rows: readonly {
  readonly name: string
  readonly segments: readonly KeptSegment[]
  readonly budget?: Partial<LogBudget>
  readonly removed: readonly string[]
}[] = [
  {
    name: 'what is older than the retention goes, unless it is current',
    segments: [
      segment('a/old', { modifiedMs: nowMs - 25 * hour }),
      segment('a/young', { modifiedMs: nowMs - 23 * hour }),
      segment('b/old', { modifiedMs: nowMs - 25 * hour, isCurrent: true }),
    ],
    removed: ['a/old'],
  },
  {
    name: 'of many attempts the latest stay',
    segments: [1, 2, 3].map((attempt) => segment(`a/${attempt}`, { attempt })),
    removed: ['a/1'],
  },
  {
    name: 'a pod that has too much gives its oldest',
    segments: [1, 2, 3].map((n) => segment(`a/${n}`, { segment: n, bytes: 450, modifiedMs: nowMs - 10 + n })),
    removed: ['a/1'],
  },
  {
    name: 'what is current counts, and stays',
    segments: [segment('a/1', { bytes: 900, isCurrent: true }), segment('a/0', { bytes: 200 })],
    removed: ['a/0'],
  },
  {
    name: 'when the node has too much, who has the most gives, however young it is',
    segments: [
      segment('a/1', { namespace: 'quiet', modifiedMs: nowMs - hour }),
      ...[1, 2, 3].map((n) => segment(`bomb${n}/1`, { namespace: 'loud', modifiedMs: nowMs - 10 + n })),
    ],
    budget: { nodeBytesMax: 200 },
    removed: ['bomb1/1', 'bomb2/1'],
  },
  {
    name: 'nothing current is taken for the node',
    segments: [segment('a/1', { isCurrent: true }), segment('b/1')],
    budget: { nodeBytesMax: 0 },
    removed: ['b/1'],
  },
]

for (const row of rows)
  test(row.name, () => {
    const removed = planRemoval(row.segments, { ...budget, ...row.budget }, nowMs)
    assert.deepEqual(
      removed.map(({ path }) => path),
      row.removed,
    )
  })
