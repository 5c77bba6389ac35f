/**
 * The runtime's own tests where control groups are of version 2 alone, in a kernel of their own: this machine's may have bound
 * its controllers to version 1. `cgroup2-guest.sh` says who runs what.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/cluster.ts'
import { isMissing } from '../support/needs.ts'
import { runInUserModeLinux } from '../support/user-mode-linux.ts'

/** As `lines-reporter.mjs` writes it. */
interface Outcome {
  readonly path: readonly string[]
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly why?: string
}

interface Run {
  readonly outcomes: Outcome[]
  /** Of the interpreter; undefined when it never ended. */
  code?: number
}

/** How many tests at least: a suite that finds nothing to test has failed. */
const runs = {
  root: { what: 'as root', min: 40 },
  delegated: { what: 'as an ordinary user with a group that is its own', min: 40 },
  restarted: { what: 'as that user beside the groups that it made before', min: 1 },
  ordinary: { what: 'as an ordinary user without a group', min: 25 },
}
/** A quiet machine takes little more than a minute. */
const testMsMax = 500_000

test('the runtime with control groups version 2', { timeout: testMsMax }, async (t) => {
  if (isMissing(t, 'linux.uml', 'a kernel with control groups version 2')) return
  const begin = performance.now()
  const found = await collect(t.signal)
  t.diagnostic(`${Math.round((performance.now() - begin) / 1000)} s in user-mode Linux`)
  for (const [who, { what, min }] of Object.entries(runs))
    await t.test(what, async (group) => {
      const run = found.get(who)
      assert.ok(run, 'it never began')
      for (const { path, outcome, why } of run.outcomes)
        await group.test(path.join(': '), () => assert.equal(outcome, 'passed', why))
      assert.ok(run.outcomes.length >= min, `it ended after ${run.outcomes.length} tests`)
      assert.equal(run.code, 0)
    })
})

async function collect(signal: AbortSignal): Promise<ReadonlyMap<string, Run>> {
  const found = new Map<string, Run>()
  let run: Run = { outcomes: [] }
  const guest = {
    script: join(root, 'tests', 'node', 'cgroup2-guest.sh'),
    settings: ['cgroup_no_v1=all'],
    memoryMiB: 2048, // room for a program that takes half of that, at most
    signal,
  }
  for await (const line of runInUserModeLinux(guest)) {
    const [, word, value = ''] = /^(run|end) (\w+)$/.exec(line) ?? []
    if (word === 'run') found.set(value, (run = { outcomes: [] }))
    else if (word === 'end') run.code = Number(value)
    else if (line.startsWith('{"path":')) run.outcomes.push(JSON.parse(line) as Outcome)
  }
  return found
}
