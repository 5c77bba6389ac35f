import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { realClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/ids.ts'
import { describeRuntime } from '../conformance.ts'
import { type Handle, type Runtime, RuntimeError, type WorkloadSpec } from '../runtime.ts'
import { isAlive } from './proc.ts'
import { openProcessRuntime } from './process-runtime.ts'
import { readIdentity } from './records.ts'
import { openTestMachine, specsIn } from './testdata/machine.ts'

const graceful = { signal: 'SIGTERM', graceMs: 10_000 }
const immediately = { signal: 'SIGTERM', graceMs: 0 }
const starterFile = join(import.meta.dirname, './testdata/start-and-linger.ts')

describeRuntime('process', () => openTestMachine())

describe('the process runtime', () => {
  const runtime = openProcessRuntime({ clock: realClock })
  const never = new AbortController().signal
  const started: Handle[] = []
  let root = ''
  const specOf = specsIn(() => root)
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'sampan-process-'))
  })
  after(async () => {
    await Promise.all(started.map((handle) => runtime.stop(handle, immediately)))
    await rm(root, { recursive: true, force: true })
  })

  const start = async (spec: WorkloadSpec): Promise<Handle> => {
    const handle = await runtime.start(spec)
    started.push(handle)
    return handle
  }
  const until = async (check: () => boolean | Promise<boolean>) => {
    while (!(await check())) await realClock.sleep(5)
  }

  it('finds the program that outlived its parent, and stops it', async () => {
    const handle = await start(specOf('outlive', ['/bin/sleep', '300']))
    const before = await runtime.inspect(handle)
    assert.ok(before.phase === 'running' && before.pid !== handle.pid)
    process.kill(handle.pid, 'SIGKILL')
    await until(() => !isAlive(handle))
    assert.deepEqual(await runtime.inspect(handle), before)
    assert.deepEqual(await runtime.orphans(root), [handle])
    await runtime.stop(handle, graceful)
    assert.deepEqual(await runtime.inspect(handle), { phase: 'lost' })
  })

  it('does not take the shell that keeps a stdin open for the program', async () => {
    const handle = await start(specOf('holder', ['/bin/cat'], { stdin: true }))
    const state = await runtime.inspect(handle)
    assert.ok(state.phase === 'running')
    process.kill(handle.pid, 'SIGKILL')
    await until(() => !isAlive(handle))
    process.kill(state.pid, 'SIGKILL')
    await until(async () => (await runtime.inspect(handle)).phase === 'lost')
    const holder = readIdentity(handle.stateDir, 'holder')
    assert.ok(typeof holder === 'object' && isAlive(holder))
    await runtime.stop(handle, graceful)
    assert.ok(!isAlive(holder))
  })

  it('takes neither a reused pid nor another boot for its workload', async () => {
    const handle = await start(specOf('reused', ['/bin/sleep', '300']))
    const reused = { ...handle, startTicks: handle.startTicks - 1, stateDir: join(root, 'nowhere'), id: 'x' }
    assert.deepEqual(await runtime.inspect(reused), { phase: 'lost' })
    assert.deepEqual(await runtime.inspect({ ...handle, bootId: 'another' }), { phase: 'lost' })
    await runtime.stop(reused, immediately)
    assert.equal((await runtime.inspect(handle)).phase, 'running')
  })

  it('starts a program once, however many start it at the same time', async () => {
    const spec = specOf('race', ['/bin/sh', '-c', 'echo started; exec sleep 300'])
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => openProcessRuntime({ clock: realClock }).start(spec)),
    )
    const won = outcomes.flatMap((o) => (o.status === 'fulfilled' ? [o.value] : []))
    started.push(...won)
    assert.equal(won.length, 1)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        assert.notEqual(
          (outcome.reason as RuntimeError).code,
          'start-failed',
          'it runs: another one started it',
        )
    assert.deepEqual(await runtime.recover(spec.stateDir), won[0])
    await until(async () => (await readFile(spec.stdoutPath, 'utf8')) !== '')
    assert.equal(await readFile(spec.stdoutPath, 'utf8'), 'started\n')
  })

  it('starts a program once, whenever its starter is killed', async () => {
    const random = seededRandom(7)
    for (let round = 0; round < 15; round++) {
      const spec = specOf(`killed-${round}`, ['/bin/sh', '-c', 'echo started; exec sleep 300'])
      const starter = spawn(process.execPath, [starterFile, JSON.stringify(spec)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(starter.stdout, 'data')
      await realClock.sleep(random.float() * 15) // a start takes some eight milliseconds
      starter.kill('SIGKILL')
      await once(starter, 'exit')
      const agent = openProcessRuntime({ clock: realClock })
      const handle = (await agent.recover(spec.stateDir)) ?? (await startOrRecover(agent, spec))
      started.push(handle)
      await until(async () => (await readFile(spec.stdoutPath, 'utf8')) !== '')
      assert.equal((await agent.inspect(handle)).phase, 'running')
      assert.ok((await agent.orphans(root)).some((h) => h.id === spec.id && h.pid === handle.pid))
      await agent.stop(handle, graceful)
      assert.equal(await readFile(spec.stdoutPath, 'utf8'), 'started\n')
      assert.ok(!(await agent.orphans(root)).some((h) => h.id === spec.id))
    }
  })

  /** What an agent does with a start whose outcome it does not know. */
  const startOrRecover = async (agent: Runtime, spec: WorkloadSpec): Promise<Handle> => {
    try {
      return await agent.start(spec)
    } catch (e) {
      const handle = e instanceof RuntimeError && e.code === 'exists' && (await agent.recover(spec.stateDir))
      if (!handle) throw e
      return handle
    }
  }

  it('ends with its first process what that left behind', async () => {
    const handle = await start(specOf('leave', ['/bin/sh', '-c', 'sleep 300 & exit 0']))
    assert.equal((await runtime.wait(handle, never)).code, 0)
    // A new instance each time: an older one may answer from a scan of before.
    await until(async () => (await openProcessRuntime({ clock: realClock }).stats(handle)).pids === 0)
  })

  it('stops a daemon that left the process group', async () => {
    const handle = await start(specOf('daemon', ['/bin/sh', '-c', 'setsid sleep 300 & sleep 300']))
    await until(async () => (await runtime.stats(handle)).pids >= 3)
    await runtime.stop(handle, graceful)
    assert.equal((await openProcessRuntime({ clock: realClock }).stats(handle)).pids, 0)
  })

  it('stops a program that has left the process group itself, with its signal first', async () => {
    const goOn = 'echo up; while :; do sleep 0.02; done'
    const argv = (onTerm: string) => ['/usr/bin/setsid', '/bin/sh', '-c', `trap '${onTerm}' TERM; ${goOn}`]
    const handle = await start(specOf('leaver', argv('exit 9')))
    await until(async () => (await readFile(join(root, 'leaver.out'), 'utf8')) === 'up\n')
    await runtime.stop(handle, graceful)
    const state = await runtime.inspect(handle)
    assert.equal(state.phase === 'exited' && state.exit.code, 9)
    const deaf = await start(specOf('deaf', argv('')))
    await until(async () => (await readFile(join(root, 'deaf.out'), 'utf8')) === 'up\n')
    await runtime.stop(deaf, { signal: 'SIGTERM', graceMs: 50 })
    assert.equal((await runtime.inspect(deaf)).phase, 'exited')
  })

  it('keeps the environment off the disk', async () => {
    const secret = 'b7f1c9-not-on-disk'
    const handle = await start(
      specOf('secret', ['/bin/sleep', '300'], { env: { TOKEN: secret, PATH: '/bin' } }),
    )
    for (const name of ['spec.json', 'pid', 'child']) {
      assert.ok(!(await readFile(join(handle.stateDir, name), 'utf8')).includes(secret))
    }
  })

  it('keeps the environment out of the list of processes, whatever its variables are called', async () => {
    const secret = `${'s3cret '.repeat(3)}'"$HOME\n`
    const names = ['db.password', '-starts-like-an-option', 'PS1', 'LD_AUDIT_NOTE']
    const env = Object.fromEntries(names.map((name) => [name, secret]))
    const script = `console.log(JSON.stringify(process.env)); setInterval(() => {}, 1000)`
    const handle = await start(specOf('argv', [process.execPath, '--eval', script], { env }))
    const output = join(root, 'argv.out')
    await until(async () => (await readFile(output, 'utf8')).endsWith('}\n'))
    const { SAMPAN_WORKLOAD: _, SAMPAN_POD_ADDRESS: __, ...seen } = JSON.parse(await readFile(output, 'utf8'))
    assert.deepEqual(seen, env)
    const shown = await readFile(`/proc/${handle.pid}/cmdline`, 'utf8')
    assert.match(shown, /setInterval/)
    assert.doesNotMatch(shown, /s3cret/)
    const { output: said } = await runtime.exec(handle, {
      argv: [process.execPath, '--eval', `console.log(JSON.stringify(process.env))`],
      timeoutMs: 20_000,
    })
    assert.deepEqual(
      { ...JSON.parse(said), SAMPAN_WORKLOAD: _, SAMPAN_POD_ADDRESS: __ },
      { ...env, SAMPAN_WORKLOAD: _, SAMPAN_POD_ADDRESS: __ },
    )
  })

  it('leaves the default action of SIGINT and SIGQUIT to programs', async () => {
    const handle = await start(specOf('sigint', ['/bin/sleep', '300']))
    await runtime.stop(handle, { signal: 'SIGINT', graceMs: 10_000 })
    const state = await runtime.inspect(handle)
    assert.ok(state.phase === 'exited')
    assert.equal(state.exit.signal, 2)
  })

  it('writes nothing of its own to the output files', async () => {
    const spec = specOf('quiet', ['/bin/sh', '-c', 'kill -9 $$'])
    assert.equal((await runtime.wait(await start(spec), never)).code, 137)
    assert.equal(await readFile(spec.stdoutPath, 'utf8'), '')
    assert.equal(await readFile(spec.stderrPath, 'utf8'), '')
  })

  it('runs commands with the environment and in the folder of the workload', async () => {
    const env = { PATH: process.env['PATH'] ?? '', 'odd.name': 'odd', PLAIN: 'x' }
    const handle = await start(specOf('exec', ['/bin/sleep', '300'], { env }))
    const seen = await runtime.exec(handle, { argv: ['env'], timeoutMs: 10_000 })
    assert.match(seen.output, /^odd\.name=odd$/m)
    assert.match(seen.output, /^PLAIN=x$/m)
    assert.doesNotMatch(seen.output, /SAMPAN_STATE_DIR/)
    const result = await runtime.exec(handle, { argv: ['sh', '-c', 'pwd; exit 3'], timeoutMs: 10_000 })
    assert.equal(result.code, 3)
    assert.equal(result.output, `${root}\n`)
  })

  it('cuts long output, kills at the timeout, and names a missing command', async () => {
    const handle = await start(specOf('exec2', ['/bin/sleep', '300'], { env: { PATH: '/usr/bin:/bin' } }))
    const exec = (timeoutMs: number, ...argv: string[]) => runtime.exec(handle, { argv, timeoutMs })
    assert.equal((await exec(10_000, 'head', '-c', '100000', '/dev/zero')).output.length, 10 * 1024)
    const late = await exec(50, 'sleep', '300')
    assert.equal(late.code, 124)
    assert.match(late.output, /did not end within 50 ms/)
    const none = await exec(10_000, 'no-such-command')
    assert.equal(none.code, 127)
    assert.match(none.output, /no-such-command/)
  })

  const refused: [string, Partial<WorkloadSpec>, RegExp][] = [
    ['a relative program', { argv: ['sleep', '1'] }, /absolute path/],
    ['a folder as program', { argv: ['/tmp'] }, /not a file/],
    ['a file that is not executable', { argv: [import.meta.filename] }, /not executable/],
    ['a missing working directory', { cwd: '/no/such/folder' }, /\/no\/such\/folder does not exist/],
    ['a file as working directory', { cwd: '/etc/hosts' }, /not a folder/],
    ['an environment too large for the kernel', { env: { BIG: 'x'.repeat(300_000) } }, /E2BIG/],
  ]
  for (const [what, extra, message] of refused) {
    it(`refuses ${what}`, async () => {
      const spec = specOf(`refused-${what.replaceAll(' ', '-')}`, ['/bin/sleep', '1'], extra)
      await assert.rejects(runtime.start(spec), (e: Error & { code?: string }) => {
        assert.equal(e.code, 'start-failed')
        assert.match(e.message, message)
        return true
      })
      assert.equal(await runtime.recover(spec.stateDir), undefined)
    })
  }

  it('can be started again after a start that failed', async () => {
    const bad = specOf('again', ['/bin/sleep', '300'], { env: { BIG: 'x'.repeat(300_000) } })
    await assert.rejects(runtime.start(bad), { code: 'start-failed' })
    const handle = await start({ ...bad, env: {} })
    assert.equal((await runtime.inspect(handle)).phase, 'running')
  })

  it('calls a start that died in its first instructions lost, and never starts it again', async () => {
    const spec = specOf('cut', ['/bin/sleep', '300'])
    await mkdir(spec.stateDir, { recursive: true })
    await writeFile(join(spec.stateDir, 'spec.json'), JSON.stringify({ id: 'cut', bootId: 'x' }))
    await writeFile(join(spec.stateDir, 'pid'), '')
    const handle = await runtime.recover(spec.stateDir)
    assert.ok(handle)
    assert.deepEqual(await runtime.inspect(handle), { phase: 'lost' })
    await runtime.stop(handle, graceful)
    await assert.rejects(runtime.start(spec), { code: 'exists' })
  })
})
