import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Behaviour, Machine } from './conformance-machine.ts'
import type { Exit, Handle, Runtime, WorkloadSpec } from './runtime.ts'

export interface Skip {
  readonly test: string
  readonly reason: string
}

const untilRoundsMax = 2000 // times a `pass` of some ten milliseconds: a test fails after twenty seconds

interface Fixture {
  readonly machine: Machine
  readonly runtime: Runtime
  readonly root: string
  /** A spec with a stateDir of its own. */
  readonly spec: (
    id: string,
    behaviour: Behaviour,
    env?: Readonly<Record<string, string>>,
  ) => Promise<WorkloadSpec>
  readonly until: (check: () => boolean | Promise<boolean>) => Promise<void>
  /** The result of a promise, while time passes. */
  readonly settle: <T>(promise: Promise<T>) => Promise<T>
  readonly exitOf: (handle: Handle, runtime?: Runtime) => Promise<Exit>
}

/** One property of `runtime.ts` per test. */
export function describeRuntime(
  name: string,
  openMachine: () => Promise<Machine>,
  { skip = [] }: { readonly skip?: readonly Skip[] } = {},
): void {
  describe(`runtime ${name}`, () => {
    let root = ''
    let machine: Machine | undefined
    beforeEach(async () => {
      root = await realpath(await mkdtemp(join(tmpdir(), 'sampan-runtime-')))
      machine = await openMachine()
    })
    afterEach(async () => {
      await machine?.[Symbol.asyncDispose]()
      await rm(root, { recursive: true, force: true })
    })
    for (const [test, body] of Object.entries({ ...starting, ...ending, ...finding, ...looking })) {
      const reason = skip.find((s) => s.test === test)?.reason
      it(test, { skip: reason ?? false }, async () => {
        assert(machine)
        await body(fixtureOf(machine, root))
      })
    }
  })
}

type Property = (fixture: Fixture) => Promise<void>

const starting: Record<string, Property> = {
  async 'runs the program with its arguments, in its folder'({ machine, runtime, root, spec, exitOf }) {
    const wanted = await spec('a', { report: true, exitAfterMs: 0 })
    const cwd = join(root, 'work here')
    await mkdir(cwd)
    await exitOf(await runtime.start({ ...wanted, cwd }))
    const report = await reportOf(wanted)
    assert.equal(report.cwd, cwd)
    assert.deepEqual(report.argv, machine.program({ report: true, exitAfterMs: 0 }).argv)
  },
  async 'gives it the environment of its spec and nothing else'({ runtime, spec, exitOf }) {
    const env = {
      PATH: process.env['PATH'] ?? '',
      PLAIN: 'value',
      EMPTY: '',
      SPACED: ' two  words ',
      LINES: 'one\ntwo',
      QUOTES: `'"$HOME\`\\`,
      UNICODE: 'žluťoučký 船',
      'dotted.name': 'x',
      'dashed-name': 'y',
      PWD: '/somewhere/else',
    }
    const wanted = await spec('a', { report: true, exitAfterMs: 0 }, env)
    await exitOf(await runtime.start(wanted))
    const report = await reportOf(wanted)
    const seen = Object.entries(report.env).filter(([key]) => !key.startsWith('SAMPAN_'))
    assert.deepEqual(Object.fromEntries(seen), env)
  },
  async 'appends stdout and stderr to their files'({ runtime, spec, exitOf }) {
    const first = await spec('a', { stdout: 'out 1', stderr: 'err 1', exitAfterMs: 0 })
    await exitOf(await runtime.start(first))
    const second = await spec('b', { stdout: 'out 2', stderr: 'err 2', exitAfterMs: 0 })
    const { stdoutPath, stderrPath } = first
    await exitOf(await runtime.start({ ...second, stdoutPath, stderrPath }))
    assert.equal(await readFile(stdoutPath, 'utf8'), 'out 1\nout 2\n')
    assert.equal(await readFile(stderrPath, 'utf8'), 'err 1\nerr 2\n')
  },
  async 'refuses a second start of an id that runs'({ runtime, spec }) {
    const wanted = await spec('a', {})
    const handle = await runtime.start(wanted)
    await assert.rejects(runtime.start(wanted), { name: 'RuntimeError', code: 'exists' })
    assert.equal((await runtime.inspect(handle)).phase, 'running')
  },
  async 'refuses a second start of an id that has ended'({ machine, runtime, spec, exitOf }) {
    const wanted = await spec('a', { exitAfterMs: 0 })
    await exitOf(await runtime.start(wanted))
    await assert.rejects(machine.open().start(wanted), { name: 'RuntimeError', code: 'exists' })
  },
  async 'names the program that cannot be started'({ machine, runtime, spec }) {
    const { names, ...program } = machine.missing()
    const wanted = { ...(await spec('a', {})), ...program }
    await assert.rejects(runtime.start(wanted), (e: Error & { code?: string }) => {
      assert.equal(e.code, 'start-failed')
      assert.ok(e.message.includes(names), e.message)
      return true
    })
    assert.equal(await runtime.recover(wanted.stateDir), undefined)
  },
  async 'returns a handle of plain JSON'({ runtime, spec, settle }) {
    const handle = await runtime.start(await spec('a', {}))
    const copy = JSON.parse(JSON.stringify(handle)) as Handle
    assert.deepEqual(copy, handle)
    assert.equal((await runtime.inspect(copy)).phase, 'running')
    await settle(runtime.stop(copy, { signal: 'SIGTERM', graceMs: 10_000 }))
  },
}

const ending: Record<string, Property> = {
  async 'reports exit code 0 as Completed'({ runtime, spec, exitOf }) {
    const exit = await exitOf(await runtime.start(await spec('a', { exitAfterMs: 10 })))
    assert.deepEqual({ ...exit, finishedAt: '' }, { code: 0, signal: 0, reason: 'Completed', finishedAt: '' })
    assert.ok(!Number.isNaN(Date.parse(exit.finishedAt)))
  },
  async 'reports another exit code as Error'({ runtime, spec, exitOf }) {
    const exit = await exitOf(await runtime.start(await spec('a', { exitAfterMs: 10, code: 42 })))
    assert.deepEqual([exit.code, exit.signal, exit.reason], [42, 0, 'Error'])
  },
  async 'reports the signal that ended it'({ runtime, spec, settle }) {
    const handle = await runtime.start(await spec('a', {}))
    await settle(runtime.stop(handle, { signal: 'SIGTERM', graceMs: 10_000 }))
    const state = await runtime.inspect(handle)
    assert.ok(state.phase === 'exited')
    assert.deepEqual([state.exit.code, state.exit.signal, state.exit.reason], [143, 15, 'Error'])
  },
  async 'kills after the grace period what ignores the signal'({ runtime, spec, settle, until }) {
    const wanted = await spec('a', { ignoreSigterm: true, stdout: 'ignores it now' })
    const handle = await runtime.start(wanted)
    await until(async () => (await readFile(wanted.stdoutPath, 'utf8')) !== '')
    await settle(runtime.stop(handle, { signal: 'SIGTERM', graceMs: 100 }))
    const state = await runtime.inspect(handle)
    assert.ok(state.phase === 'exited')
    assert.deepEqual([state.exit.code, state.exit.signal], [137, 9])
  },
  async 'kills at once without a grace period'({ runtime, spec, settle }) {
    const handle = await runtime.start(await spec('a', {}))
    await settle(runtime.stop(handle, { signal: 'SIGTERM', graceMs: 0 }))
    const state = await runtime.inspect(handle)
    assert.ok(state.phase === 'exited')
    assert.equal(state.exit.code, 137)
  },
  async 'stops grandchildren too'({ runtime, spec, settle, until }) {
    const handle = await runtime.start(await spec('a', { grandchild: true }))
    await until(async () => (await runtime.stats(handle)).pids >= 2)
    await settle(runtime.stop(handle, { signal: 'SIGTERM', graceMs: 100 }))
    assert.equal((await runtime.stats(handle)).pids, 0)
  },
  async 'stops twice, and at the same time, without harm'({ machine, runtime, spec, settle }) {
    const handle = await runtime.start(await spec('a', {}))
    const how = { signal: 'SIGTERM', graceMs: 10_000 }
    await settle(Promise.all([runtime.stop(handle, how), machine.open().stop(handle, how)]))
    await settle(runtime.stop(handle, how))
    const state = await runtime.inspect(handle)
    assert.ok(state.phase === 'exited')
    assert.equal(state.exit.code, 143)
  },
  async 'ends what has a lease when that is over'({ runtime, root, spec, exitOf }) {
    const file = join(root, 'lease')
    await writeFile(file, '99999999999\n') // some thousand years of uptime
    const handle = await runtime.start({ ...(await spec('a', {})), lease: { file, warnSeconds: 1 } })
    assert.equal((await runtime.inspect(handle)).phase, 'running')
    await writeFile(file, '1\n')
    const exit = await exitOf(handle)
    assert.deepEqual([exit.code, exit.signal, exit.reason], [137, 9, 'LeaseExpired'])
  },
  async 'refuses a signal that does not exist'({ runtime, spec }) {
    const handle = await runtime.start(await spec('a', {}))
    await assert.rejects(runtime.stop(handle, { signal: 'SIGNOPE', graceMs: 1000 }), { code: 'unsupported' })
  },
}

const finding: Record<string, Property> = {
  async 'waits for a workload that has already ended'({ runtime, spec, exitOf, until }) {
    const handle = await runtime.start(await spec('a', { exitAfterMs: 0, code: 3 }))
    await until(async () => (await runtime.inspect(handle)).phase === 'exited')
    assert.equal((await exitOf(handle)).code, 3)
  },
  async 'waits in an instance that did not start it'({ machine, runtime, spec, exitOf }) {
    const handle = await runtime.start(await spec('a', { exitAfterMs: 150, code: 4 }))
    assert.equal((await exitOf(handle, machine.open())).code, 4)
  },
  async 'stops waiting on abort, with its reason'({ runtime, spec }) {
    const handle = await runtime.start(await spec('a', {}))
    const aborter = new AbortController()
    const waiting = runtime.wait(handle, aborter.signal)
    aborter.abort(new Error('agent ends'))
    await assert.rejects(waiting, /agent ends/)
    await assert.rejects(runtime.wait(handle, aborter.signal), /agent ends/)
    assert.equal((await runtime.inspect(handle)).phase, 'running')
  },
  async 'finds what runs without a persisted handle'({ machine, runtime, root, spec, exitOf }) {
    const running = await runtime.start(await spec('a', {}))
    await exitOf(await runtime.start(await spec('b', { exitAfterMs: 0 })))
    assert.deepEqual(await machine.open().orphans(root), [running])
    assert.deepEqual(await machine.open().orphans(join(root, 'elsewhere')), [])
  },
  async 'recovers handles of what runs and of what has ended'({ machine, runtime, spec, exitOf }) {
    const running = await spec('a', {})
    const ended = await spec('b', { exitAfterMs: 0, code: 5 })
    const never = await spec('c', {})
    const handle = await runtime.start(running)
    await exitOf(await runtime.start(ended))
    const later = machine.open()
    assert.deepEqual(await later.recover(running.stateDir), handle)
    const recovered = await later.recover(ended.stateDir)
    assert.ok(recovered)
    assert.equal((await exitOf(recovered, later)).code, 5)
    assert.equal(await later.recover(never.stateDir), undefined)
  },
  async 'keeps it running when its starter is killed'({ machine, runtime, root, spec, settle, until }) {
    const wanted = await spec('a', { stdout: 'once' })
    await machine.startAndDie(wanted)
    const [handle] = await runtime.orphans(root)
    assert.ok(handle)
    assert.equal((await runtime.inspect(handle)).phase, 'running')
    await assert.rejects(runtime.start(wanted), { code: 'exists' })
    await until(async () => (await readFile(wanted.stdoutPath, 'utf8')) !== '')
    await settle(runtime.stop(handle, { signal: 'SIGTERM', graceMs: 10_000 }))
    const state = await runtime.inspect(handle)
    assert.ok(state.phase === 'exited')
    assert.equal(state.exit.code, 143)
    assert.equal(await readFile(wanted.stdoutPath, 'utf8'), 'once\n')
  },
  async 'says lost when nothing is left, not even an exit status'({
    machine,
    runtime,
    root,
    spec,
    exitOf,
    settle,
  }) {
    const handle = await runtime.start(await spec('a', {}))
    await machine.lose(handle)
    assert.deepEqual(await runtime.inspect(handle), { phase: 'lost' })
    assert.equal((await exitOf(handle)).reason, 'Lost')
    await settle(runtime.stop(handle, { signal: 'SIGTERM', graceMs: 1000 }))
    assert.deepEqual(await runtime.orphans(root), [])
  },
}

const looking: Record<string, Property> = {
  async 'is usable here'({ runtime }) {
    const probe = await runtime.probe()
    assert.ok(probe.usable, probe.usable ? '' : probe.reason)
  },
  async 'tells memory and processes of what runs, and zeros of what does not'({
    runtime,
    spec,
    settle,
    until,
  }) {
    const handle = await runtime.start(await spec('a', {}))
    await until(async () => (await runtime.stats(handle)).memoryBytes > 0)
    const stats = await runtime.stats(handle)
    assert.ok(stats.pids >= 1)
    assert.ok(stats.cpuSeconds >= 0)
    await settle(runtime.stop(handle, { signal: 'SIGTERM', graceMs: 10_000 }))
    assert.deepEqual(await runtime.stats(handle), { cpuSeconds: 0, memoryBytes: 0, pids: 0 })
  },
  async 'runs a command beside the workload'({ runtime, spec }) {
    const handle = await runtime.start(await spec('a', {}))
    const result = await runtime.exec(handle, { argv: ['echo', 'hello', 'there'], timeoutMs: 10_000 })
    assert.equal(result.code, 0)
    assert.match(result.output, /hello there\n$/)
  },
  async 'gives a workload a stdin that outlives its writers, until it is ended'({
    machine,
    runtime,
    spec,
    exitOf,
  }) {
    if (!runtime.openStdin) return
    const wanted = { ...(await spec('a', {})), argv: ['/bin/cat'], node: false, stdin: true }
    const handle = await runtime.start(wanted)
    const write = async (by: Runtime, words: string) => {
      const stdin = await by.openStdin?.(handle)
      assert.ok(stdin)
      await finished(stdin.end(words))
    }
    await write(runtime, 'one ')
    assert.equal((await runtime.stats(handle)).pids, 1)
    const later = machine.open()
    await write(later, 'two')
    assert.equal((await later.inspect(handle)).phase, 'running')
    await later.endStdin?.(handle)
    await later.endStdin?.(handle)
    assert.equal((await exitOf(handle)).code, 0)
    assert.equal(await readFile(wanted.stdoutPath, 'utf8'), 'one two')
    await assert.rejects(runtime.openStdin(handle), { code: 'unsupported' })
  },
  async 'gives a command its stdin until that ends, and tells how it ended'({ runtime, spec }) {
    const handle = await runtime.start(await spec('a', {}))
    const session = await runtime.execStream?.(handle, { argv: ['cat'], stdin: true, tty: false })
    assert.ok(session?.stdin)
    session.stderr?.resume()
    session.stdin.write('one ')
    session.stdin.end('two')
    assert.match(await text(session.stdout), /one two$/)
    assert.equal(await session.code, 0)
  },
  async 'ends a command on hanging up'({ runtime, spec }) {
    const handle = await runtime.start(await spec('a', {}))
    const session = await runtime.execStream?.(handle, { argv: ['cat'], stdin: true, tty: false })
    assert.ok(session)
    session.stdout.resume()
    session.stderr?.resume()
    session.kill()
    session.kill()
    // SIGHUP; or SIGKILL, where a busy machine did not get to ending it in the time that it has.
    const code = await session.code
    assert.ok(code === 129 || code === 137, String(code))
    assert.equal((await runtime.inspect(handle)).phase, 'running')
  },
  async 'refuses a command for a workload that does not run'({ runtime, spec, exitOf }) {
    const handle = await runtime.start(await spec('a', { exitAfterMs: 0 }))
    await exitOf(handle)
    const streams = runtime.execStream?.(handle, { argv: ['true'], stdin: false, tty: false })
    if (streams) await assert.rejects(streams, { code: 'not-found' })
    await assert.rejects(runtime.exec(handle, { argv: ['true'], timeoutMs: 1000 }), { code: 'not-found' })
  },
}

function fixtureOf(machine: Machine, root: string): Fixture {
  const runtime = machine.open()
  const until = async (check: () => boolean | Promise<boolean>) => {
    for (let round = 0; !(await check()); round++) {
      assert.ok(round < untilRoundsMax, 'the condition did not come true')
      await machine.pass()
    }
  }
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let settled = false
    const mark = () => void (settled = true)
    promise.then(mark, mark)
    await until(() => settled)
    return await promise
  }
  const never = new AbortController().signal
  return {
    machine,
    runtime,
    root,
    until,
    settle,
    exitOf: (handle, by = runtime) => settle(by.wait(handle, never)),
    async spec(id, behaviour, env = { PATH: process.env['PATH'] ?? '' }) {
      const stateDir = join(root, 'state', id)
      await mkdir(stateDir, { recursive: true })
      return {
        id,
        cwd: root,
        env,
        address: '127.3.2.1',
        stdoutPath: join(root, `${id}.out`),
        stderrPath: join(root, `${id}.err`),
        stateDir,
        ...machine.program(behaviour),
      }
    },
  }
}

async function reportOf(spec: WorkloadSpec) {
  return JSON.parse(await readFile(spec.stdoutPath, 'utf8')) as {
    readonly argv: readonly string[]
    readonly cwd: string
    readonly env: Readonly<Record<string, string>>
  }
}
