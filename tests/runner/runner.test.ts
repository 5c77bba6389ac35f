/** The runner of the tests itself: what it counts, and that no file keeps it from its end. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { root } from '../support/cluster.ts'
import { runFile, type Bounds } from '../../tools/test-file.ts'
import { planned } from '../../tools/test-plan.ts'

const patient: Bounds = { testMs: 60_000, idleMs: 60_000, silentMs: 60_000 }
const files = join('tests', 'testdata', 'runner')

async function run(t: TestContext, file: string, bounds: Partial<Bounds> = {}) {
  const parent = mkdtempSync(join(tmpdir(), 'r-'))
  t.after(() => rmSync(parent, { recursive: true }))
  const result = await runFile({
    file: join(files, file),
    root,
    folder: join(parent, '000'),
    bounds: { ...patient, ...bounds },
    signal: t.signal,
  })
  assert.deepEqual(readdirSync(parent), [], 'nothing of it is left')
  return result
}

test('a file ends with what became of its tests', async (t) => {
  const { cpuMs, failures, lines, passed, skipped } = await run(t, 'outcomes.ts')
  assert.deepEqual({ passed, skipped }, { passed: 2, skipped: 1 })
  const names = failures.map(({ name }) => name)
  assert.deepEqual(names, ['fails', 'a suite'], 'a suite that fails by itself, too')
  assert.match(failures[0]?.why ?? '', /AssertionError/)
  assert.match(failures[1]?.why ?? '', /the hook fails/)
  assert.deepEqual(
    lines.map((line) => line.replace(/\d+ ms/, 'N ms')),
    [
      '✔ passes (N ms)',
      'ℹ and says so',
      '✖ fails (N ms)',
      '﹣ is skipped (N ms) # for a reason',
      '▶ a suite',
      '  ✔ passes, too (N ms)',
      '✖ a suite (N ms)',
    ],
  )
  assert.ok((cpuMs ?? 0) > 0)
})

test('a file that cannot be loaded is one failure', async (t) => {
  const { failures, passed } = await run(t, 'throws.ts')
  assert.deepEqual([passed, failures.length], [0, 1])
  assert.match(failures[0]?.why ?? '', /throws\.ts ended with 1:[^]*no tests here/)
})

test('a file whose process does not end is ended, with what it has started, and says what was alive', async (t) => {
  const { failures, passed } = await run(t, 'hangs.ts', { idleMs: 10_000 })
  assert.deepEqual([passed, failures.length], [1, 1])
  const why = failures[0]?.why ?? ''
  assert.match(why, /hangs\.ts did not end: for 10 s no test of it was under way\n/)
  assert.match(why, /still alive:\n/)
  const [, pid] = /^ {2}(\d+) \S+ --eval .*left behind$/m.exec(why) ?? []
  assert.ok(pid, why)
  assert.ok(!isRunning(pid), 'it was ended, though it has left the group')
  assert.match(why, /its process is kept by: .*TCPServerWrap/)
})

test('a file that computes without end is ended', async (t) => {
  const { failures, passed } = await run(t, 'loops.ts', { idleMs: 5_000, silentMs: 5_000 })
  assert.deepEqual([passed, failures.length], [1, 1])
  const why = failures[0]?.why ?? ''
  assert.match(why, /loops\.ts did not end: none of its tests began or ended for 5 s\n/)
  assert.match(why, /under way:\n {2}computes/)
})

test('the plan is of files that are there', () => {
  assert.deepEqual(
    planned.filter((file) => !existsSync(join(root, file))),
    [],
  )
})

/** One that has ended may wait for somebody to look. */
function isRunning(pid: string): boolean {
  const stat = `/proc/${pid}/stat`
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, 'utf8'))
}
