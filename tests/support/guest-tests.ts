/** Tests that run in a user-mode Linux, as tests of this process. Their script prints `run WHO`, what lines-reporter.mjs says, `end CODE`. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { runInUserModeLinux, type UserModeLinux } from './user-mode-linux.ts'

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

/** By its word. `min`: how many tests at least; a suite that finds nothing to test has failed. */
export type ExpectedRuns = Readonly<Record<string, { readonly what: string; readonly min: number }>>

/** A skipped test has failed, too: there is nothing that a Linux made for it should lack. */
export async function runTestsInGuest(
  t: TestContext,
  guest: Omit<UserModeLinux, 'signal'>,
  runs: ExpectedRuns,
): Promise<void> {
  const begin = performance.now()
  const found = await collect({ ...guest, signal: t.signal })
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
}

async function collect(guest: UserModeLinux): Promise<ReadonlyMap<string, Run>> {
  const found = new Map<string, Run>()
  let run: Run = { outcomes: [] }
  for await (const line of runInUserModeLinux(guest)) {
    const [, word, value = ''] = /^(run|end) (\w+)$/.exec(line.trim()) ?? []
    if (word === 'run') found.set(value, (run = { outcomes: [] }))
    else if (word === 'end') run.code = Number(value)
    else if (line.startsWith('{"path":')) run.outcomes.push(JSON.parse(line) as Outcome)
  }
  return found
}
