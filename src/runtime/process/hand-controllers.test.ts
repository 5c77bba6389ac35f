import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { sendSignal } from '../../base/send-signal.ts'
import { findMadeGroups } from './find-cgroups.ts'
import { handControllers } from './hand-controllers.ts'

const above = mkdtempSync(join(tmpdir(), 'sampan-hand-'))
after(() => rmSync(above, { recursive: true }))
const neighbour = spawn('/bin/sleep', ['300'], { stdio: 'ignore' })
after(() => neighbour.kill())

/** Ordinary files that stand for the kernel's, of a group that is refused what it asks for: a folder can't be written to. */
function busyGroup(name: string, pids: readonly number[]): string {
  const folder = join(above, name)
  mkdirSync(join(folder, 'cgroup.subtree_control'), { recursive: true })
  mkdirSync(join(folder, 'sampan-self'))
  writeFileSync(join(folder, 'sampan-self', 'cgroup.procs'), '')
  writeFileSync(join(folder, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''))
  return folder
}

const moved = (folder: string) => readFileSync(join(folder, 'sampan-self', 'cgroup.procs'), 'utf8')
const { pid, ppid } = process
const rows = [
  { name: 'this process and what has started it', pids: [ppid], movable: 'own', last: ppid },
  { name: 'what it has started', pids: [neighbour.pid ?? 0], movable: 'own', last: neighbour.pid },
  { name: 'one that is not to be seen', pids: [pid, 0], movable: 'own', last: undefined },
  { name: 'what is there, for root', pids: [1], movable: 'all', last: 1 },
] as const
for (const { last, movable, name, pids } of rows)
  test(`${name}: ${last === undefined ? 'nobody makes' : 'makes'} room in the group`, async () => {
    const folder = busyGroup(name, pids)
    assert.equal(await handControllers(folder, ['memory'], movable), false)
    assert.equal(moved(folder), last === undefined ? '' : String(last))
  })

test('a group with programs of others is left as it is', async (t) => {
  // Nobody's child, once the shell that has started it is gone.
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', 'sleep 300 >/dev/null 2>&1 & echo $!'])
  const stranger = Number(stdout)
  t.after(() => sendSignal(stranger, 'SIGKILL'))
  const folder = busyGroup('shared', [pid, stranger])
  assert.equal(await handControllers(folder, ['memory'], 'own'), false)
  assert.equal(moved(folder), '')
})

test('looking for what was made makes and moves nothing', async () => {
  const parent = busyGroup('looked-at', [pid])
  const facts = { own: '0::/me\n', mounts: `32 25 0:28 /me ${parent} rw - cgroup2 cgroup2 rw`, isRoot: false }
  assert.deepEqual(await findMadeGroups({ name: 'agent', facts }), [])
  mkdirSync(join(parent, 'agent'))
  assert.deepEqual(await findMadeGroups({ name: 'agent', facts }), [join(parent, 'agent')])
  assert.equal(moved(parent), '')
})
