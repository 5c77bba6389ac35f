import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { realClock } from '../../base/clock.ts'
import { openProcessRuntime } from './process-runtime.ts'

test('a full disk costs log lines, not the program, and not its exit status', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('mounting a small disk needs root')
  const folder = await mkdtemp(join(tmpdir(), 'sampan-full-'))
  const go = await mkdtemp(join(tmpdir(), 'sampan-go-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { encoding: 'utf8' })
  try {
    if (mounted.status !== 0) return t.skip(`no small disk can be mounted here: ${mounted.stderr}`)
    const stateDir = join(folder, 'state')
    await mkdir(stateDir)
    const program = `
      const { existsSync } = require('node:fs')
      setInterval(() => {
        console.log('a line of log'.repeat(100))
        console.error('a line of error'.repeat(100))
        if (existsSync(${JSON.stringify(join(go, 'end'))})) process.exit(7)
      }, 5)`
    const runtime = openProcessRuntime({ clock: realClock })
    const handle = await runtime.start({
      id: 'full',
      argv: [process.execPath, '-e', program],
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '' },
      address: '127.0.0.1',
      node: true,
      stdoutPath: join(folder, 'stdout'),
      stderrPath: join(folder, 'stderr'),
      stateDir,
    })
    try {
      const leftBytes = async () => {
        const { bavail, bsize } = await statfs(folder)
        return bavail * bsize
      }
      while ((await leftBytes()) > 0) await realClock.sleep(20)
      await assert.rejects(writeFile(join(folder, 'more'), 'x'.repeat(65_536)), { code: 'ENOSPC' })
      assert.equal((await runtime.inspect(handle)).phase, 'running')
      await writeFile(join(go, 'end'), '')
      const exit = await runtime.wait(handle, new AbortController().signal)
      assert.deepEqual(
        [exit.code, exit.reason],
        [7, 'Error'],
        await readFile(join(folder, 'stderr'), 'utf8').then((text) => text.slice(-300)),
      )
    } finally {
      await runtime.stop(handle, { signal: 'SIGKILL', graceMs: 0 })
    }
  } finally {
    spawnSync('umount', ['-l', folder])
    await rm(folder, { recursive: true, force: true })
    await rm(go, { recursive: true, force: true })
  }
})
