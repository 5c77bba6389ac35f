import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { realClock } from '../../base/clock.ts'
import type { Handle } from '../runtime.ts'
import { groupFolders, groupProcesses, removeGroups } from './cgroup.ts'
import { foldersOf } from './cgroup-plan.ts'
import { findCgroups } from './find-cgroups.ts'
import { isAlive } from './proc.ts'
import { openProcessRuntime } from './process-runtime.ts'
import { recordFile } from './record-files.ts'
import { readIdentity } from './records.ts'
import { specsIn } from './testdata/machine.ts'

const never = new AbortController().signal
const far = 5_000
/** Nearer than this to the end, a program of these tests is warned. */
const warnSeconds = 1_000
const near = 500
/** Says so when it is warned, and runs on. */
const stubborn = 'trap "echo warned" TERM; echo up; while :; do /bin/sleep 1; done'
const heeding = 'trap "exit 0" TERM; echo up; while :; do /bin/sleep 1; done'

const support = await findCgroups({ name: `sampan-fence-${process.pid}`, dataDir: tmpdir() })
const cgroups = support.usable ? support.tree : undefined

describe('the fence of a workload with a lease', { concurrency: true }, () => {
  const runtime = openProcessRuntime({ clock: realClock })
  const bounded = openProcessRuntime({ clock: realClock, ...(cgroups && { cgroups }) })
  const started: Handle[] = []
  let root = ''
  const specOf = specsIn(() => root)
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'sampan-fence-'))
  })
  after(async () => {
    await Promise.all(started.map((handle) => runtime.stop(handle, { signal: 'SIGKILL', graceMs: 0 })))
    await rm(root, { recursive: true, force: true })
    if (cgroups) await removeGroups(foldersOf(cgroups))
  })

  const start = async (id: string, script: string, { by = runtime, warn = warnSeconds } = {}) => {
    const file = join(root, `${id} lease`)
    const renew = async (seconds: number) => {
      await writeFile(`${file}.new`, `${Math.floor(await uptime()) + seconds}\n`)
      await rename(`${file}.new`, file)
    }
    await renew(far)
    const spec = specOf(id, ['/bin/sh', '-c', script], { lease: { file, warnSeconds: warn } })
    const handle = await by.start(spec)
    started.push(handle)
    const says = (text: string) => until(async () => (await readFile(spec.stdoutPath, 'utf8')) === text)
    await says('up\n')
    return { file, handle, renew, says }
  }

  it('ends all at the end of the lease, while nobody does anything', async () => {
    const { handle, renew } = await start('passes', stubborn, { warn: 3 })
    const endsAt = Math.floor(await uptime()) + 6
    await renew(6)
    const exit = await runtime.wait(handle, never)
    assert.deepEqual([exit.code, exit.signal, exit.reason], [137, 9, 'LeaseExpired'])
    assert.ok((await uptime()) >= endsAt)
    await until(() => isGone(handle))
  })

  it('takes an end after the warning for one by the lease, also a good one', async () => {
    const { handle, renew } = await start('heeds', heeding)
    await renew(near)
    const exit = await runtime.wait(handle, never)
    assert.deepEqual([exit.code, exit.signal, exit.reason], [143, 15, 'LeaseExpired'])
    await until(() => isGone(handle))
  })

  it('lets live what is renewed, warns it again, and ends it when the lease is over', async () => {
    const { handle, renew, says } = await start('renewed', stubborn)
    await renew(near)
    await says('up\nwarned\n')
    await renew(far)
    await until(async () => (await fenced(handle)) === 'renewed\n')
    assert.equal((await runtime.inspect(handle)).phase, 'running')
    await renew(near)
    await says('up\nwarned\nwarned\n')
    await renew(0)
    assert.equal((await runtime.wait(handle, never)).reason, 'LeaseExpired')
    await until(() => isGone(handle))
  })

  it('has no part in the end of what was renewed after a warning', async () => {
    const script = 'trap "echo warned" TERM; echo up; until [ -f go ]; do /bin/sleep 0.1; done; exit 3'
    const { handle, renew, says } = await start('own end', script)
    await renew(near)
    await says('up\nwarned\n')
    await renew(far)
    await until(async () => (await fenced(handle)) === 'renewed\n')
    await writeFile(join(root, 'go'), '')
    const exit = await runtime.wait(handle, never)
    assert.deepEqual([exit.code, exit.reason], [3, 'Error'])
    await until(() => isGone(handle))
  })

  it('keeps the end it knows when the file is gone, and stays when the group is told to end', async () => {
    const { file, handle, renew, says } = await start('no file', stubborn)
    await renew(near)
    await says('up\nwarned\n')
    await rm(file)
    const stopping = runtime.stop(handle, { signal: 'SIGTERM', graceMs: 600_000 })
    await says('up\nwarned\nwarned\n')
    const later = (await uptime()) + 2
    await until(async () => (await uptime()) > later)
    assert.equal((await runtime.inspect(handle)).phase, 'running')
    await renew(0)
    await stopping
    assert.equal((await runtime.wait(handle, never)).reason, 'LeaseExpired')
  })

  it('ends the program when the parent was killed, and is not counted as one', async () => {
    const { handle } = await start('orphan', 'echo up; exec /bin/sleep 300')
    await until(() => typeof readIdentity(handle.stateDir, 'fence') === 'object')
    await until(async () => (await runtime.stats(handle)).pids === 1)
    process.kill(handle.pid, 'SIGKILL')
    await until(() => isGone(handle))
    assert.equal((await runtime.inspect(handle)).phase, 'lost')
  })

  it('reaches a program that has left the process group', async () => {
    const inner = 'trap "echo warned" TERM; echo up; while :; do /bin/sleep 1; done'
    const { handle, renew, says } = await start('left', `exec setsid /bin/sh -c '${inner}'`)
    const state = await runtime.inspect(handle)
    assert.ok(state.phase === 'running')
    await renew(near)
    await says('up\nwarned\n')
    await renew(0)
    assert.equal((await runtime.wait(handle, never)).reason, 'LeaseExpired')
    await until(() => isGone(handle) && !existsSync(`/proc/${state.pid}/cwd`))
  })

  const skip = support.usable ? false : support.reason
  for (const [what, script, left] of [
    ['at the end', stubborn, 0],
    ['of a program that heeds the warning', heeding, near],
  ] as const)
    it(`clears the control group ${what} of what left the process group`, { skip }, async () => {
      const daemon = 'setsid /bin/sleep 300 & '
      const { handle, renew } = await start(`group ${left}`, daemon + script, { by: bounded })
      const members = () => groupProcesses(groupFolders(handle.stateDir))
      assert.ok((members() ?? []).length > 1)
      await renew(left)
      await until(() => isGone(handle))
      assert.deepEqual(members(), [])
    })
})

const uptime = async (): Promise<number> => Number.parseFloat(await readFile('/proc/uptime', 'utf8'))

const fenced = ({ stateDir }: Handle): Promise<string> =>
  readFile(recordFile(stateDir, 'fenced'), 'utf8').catch(() => '') // not yet warned

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = realClock.monotonicMs() + 30_000
  while (!(await check())) {
    if (realClock.monotonicMs() > endMs) throw new Error('waited for 30 s')
    await realClock.sleep(10)
  }
}

/** Neither the parent nor the fence nor anybody else of the group is left. */
function isGone(handle: Handle): boolean {
  const fence = readIdentity(handle.stateDir, 'fence')
  if (isAlive(handle) || (typeof fence === 'object' && isAlive(fence))) return false
  try {
    process.kill(-handle.pid, 0)
    return false
  } catch {
    return true // ESRCH: no such group
  }
}
