/**
 * Clients at two API servers over a replicated store, while processes are killed and stopped, networks part, disks fill up and
 * slow down, PostgreSQL fails over to its standby: whatever they did and saw must add up (`tests/support/history/check.ts`).
 *
 *   SEED=7 npm test -- tests/nemesis/nemesis.test.ts                the same faults again (what happens between them differs)
 *   SECONDS=3600 STORES=postgres npm test -- tests/nemesis/…       for an hour, one of the stores
 */
import { describe, test } from 'node:test'
import { skipReason } from '../../src/store/postgres/test-server.ts'
import { isPresent } from '../../tools/parts.ts'
import { openEtcdWorld } from './etcd-world.ts'
import { openPostgresWorld } from './postgres-world.ts'
import { runRound, type RoundReport } from './round.ts'
import type { World } from './world.ts'
import { testSeed } from '../../src/base/test-seed.ts'

const seconds = Number(process.env['SECONDS'] ?? 30)
/** A history is judged as a whole: longer ones are cut into pieces. */
const roundSecondsMax = 60
const stores = (process.env['STORES'] ?? 'etcd,postgres').split(',')
/** Beside the faults: start, repair and judgement. */
const besidesMs = 150_000

const needs = ['ip', 'iptables', 'mkfs.ext4', 'etcd'].find((program) => !isPresent(program))
const why =
  needs !== undefined
    ? `${needs} is not installed`
    : process.getuid?.() !== 0
      ? 'networks and disks of our own need root'
      : skipReason()
if (why !== false && process.env['CI'] === 'true') throw new Error(why)

const worlds: readonly (readonly [string, () => Promise<World>])[] = [
  ['etcd', openEtcdWorld],
  ['postgres', openPostgresWorld],
]

describe('a nemesis', { skip: why }, () => {
  for (const [name, open] of worlds.filter(([store]) => stores.includes(store))) {
    const rounds = Math.ceil(seconds / roundSecondsMax)
    test(
      `two servers on ${name}: everything adds up`,
      { timeout: (seconds * 3 + 60) * 1_000 + besidesMs },
      async (t) => {
        await using world = await open()
        for (let round = 0; round < rounds; round++) {
          const seed = testSeed + round
          await t.test(`SEED=${seed}`, async (part) => {
            part.diagnostic(told(await runRound(world, { seed, seconds: seconds / rounds })))
          })
        }
      },
    )
  }
})

function told({ counts, faults, recoveredMs }: RoundReport): string {
  const of = (pairs: Iterable<readonly [string, number]>) =>
    [...pairs].map(([what, count]) => `${count} ${what}`).join(', ')
  return `${of(Object.entries(counts))}; served again after ${Math.round(recoveredMs)} ms; faults: ${of(faults)}`
}
