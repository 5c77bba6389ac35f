import { appendFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { sep } from 'node:path'
import { PassThrough } from 'node:stream'
import { abortReason, type Clock } from '../../base/clock.ts'
import { deferred, type Deferred } from '../../base/deferred.ts'
import {
  type ExecSession,
  type ExecStreamSpec,
  type Exit,
  type Handle,
  type Runtime,
  RuntimeError,
  type WorkloadSpec,
  type WorkloadState,
} from '../runtime.ts'

/**
 * Workloads that exist only in memory and live by their spec's `options`, in the clock's time. All values are text:
 *
 *   exitAfterMs     ends by itself after so long; never when absent
 *   code            the exit code then, default 0
 *   startError      `start` fails with this message
 *   ignoreSignals   comma-separated names of signals that do not end it; SIGKILL always does
 *   stdout, stderr  text that is appended to the files at start
 *   report          'true': appends {"argv","cwd","env"} as a line of JSON to stdout at start
 *   execCode        what `exec` answers, default 0; its output is the command, joined by spaces, and then its stdin
 */
export type FakeOptions = Partial<
  Record<
    'exitAfterMs' | 'code' | 'startError' | 'ignoreSignals' | 'stdout' | 'stderr' | 'report' | 'execCode',
    string
  >
>

/** What runs, whichever instance of the runtime looks: the pretended machine. */
export interface FakeMachine {
  readonly workloads: Map<string, FakeWorkload>
  bootId: string
}

export interface FakeWorkload {
  readonly spec: WorkloadSpec
  readonly handle: Handle
  readonly ended: Deferred<void>
  state: WorkloadState
  cancelExit: () => void
}

export const createFakeMachine = (): FakeMachine => ({ workloads: new Map(), bootId: 'fake-boot' })

const firstPid = 1000

export function openFakeRuntime({
  clock,
  machine = createFakeMachine(),
}: {
  readonly clock: Clock
  readonly machine?: FakeMachine
}): Runtime {
  const find = (handle: Handle) => machine.workloads.get(handle.stateDir)
  const running = (handle: Handle): FakeWorkload => {
    const workload = find(handle)
    if (workload?.state.phase === 'running') return workload
    throw new RuntimeError('not-found', `workload ${handle.id} does not run`)
  }
  return {
    name: 'fake',
    capabilities: {
      isolation: 'none',
      exec: true,
      memoryLimit: false,
      cpuLimit: false,
      pidsLimit: false,
      ioLimit: false,
      sandbox: false,
      permission: false,
    },
    probe: async () => ({ usable: true, version: 'fake' }),
    start: (spec) => startFake(spec, machine, clock),
    recover: async (stateDir) => machine.workloads.get(stateDir)?.handle,
    inspect: async (handle) => find(handle)?.state ?? { phase: 'lost' },
    wait: (handle, signal) => waitFake(find(handle), signal, clock),
    stop: async (handle, how) => {
      const workload = find(handle)
      if (workload) await stopFake(workload, how, clock)
    },
    stats: async (handle) =>
      find(handle)?.state.phase === 'running'
        ? { cpuSeconds: 0, memoryBytes: 1024 * 1024, pids: 1 }
        : { cpuSeconds: 0, memoryBytes: 0, pids: 0 },
    exec: async (handle, { argv }) => {
      const { execCode = '0' } = optionsOf(running(handle).spec)
      return { code: Number(execCode), output: `${argv.join(' ')}\n` }
    },
    execStream: async (handle, spec) => fakeSession(spec, optionsOf(running(handle).spec)),
    orphans: async (root) =>
      [...machine.workloads.values()]
        .filter((w) => w.state.phase === 'running' && w.handle.stateDir.startsWith(root + sep))
        .map((w) => w.handle),
  }
}

async function startFake(spec: WorkloadSpec, machine: FakeMachine, clock: Clock): Promise<Handle> {
  const options = optionsOf(spec)
  if (options.startError !== undefined) {
    throw new RuntimeError('start-failed', `cannot start ${spec.argv[0]}: ${options.startError}`)
  }
  if (spec.lease) throw new RuntimeError('unsupported', 'a fake workload watches no lease')
  if (machine.workloads.has(spec.stateDir)) {
    throw new RuntimeError('exists', `workload ${spec.id} was already started; find it with recover`)
  }
  const pid = firstPid + machine.workloads.size
  const handle: Handle = {
    id: spec.id,
    runtime: 'fake',
    stateDir: spec.stateDir,
    bootId: machine.bootId,
    pid,
    startTicks: Math.floor(clock.monotonicMs() / 10),
    startedAt: clock.now().toISOString(),
  }
  const state: WorkloadState = { phase: 'running', pid }
  const workload: FakeWorkload = { spec, handle, state, ended: deferred(), cancelExit: () => {} }
  machine.workloads.set(spec.stateDir, workload)
  await appendFile(spec.stdoutPath, (options.stdout ?? '') + (options.report ? reportOf(spec) : ''))
  await appendFile(spec.stderrPath, options.stderr ?? '')
  if (options.exitAfterMs !== undefined) {
    workload.cancelExit = clock.after(Number(options.exitAfterMs), () =>
      end(workload, Number(options.code ?? 0), clock),
    )
  }
  return handle
}

async function waitFake(
  workload: FakeWorkload | undefined,
  signal: AbortSignal,
  clock: Clock,
): Promise<Exit> {
  signal.throwIfAborted()
  const aborted = deferred<never>()
  const onAbort = () => aborted.reject(abortReason(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([workload?.ended.promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  return workload?.state.phase === 'exited'
    ? workload.state.exit
    : { code: 137, signal: 0, reason: 'Lost', finishedAt: clock.now().toISOString() }
}

async function stopFake(
  workload: FakeWorkload,
  { signal, graceMs }: { readonly signal: string; readonly graceMs: number },
  clock: Clock,
): Promise<void> {
  const ignored = optionsOf(workload.spec).ignoreSignals?.split(',') ?? []
  if (graceMs > 0 && !ignored.includes(signal)) end(workload, 128 + signalNumber(signal), clock)
  const cancelKill = clock.after(graceMs, () => end(workload, 128 + constants.signals.SIGKILL, clock))
  await workload.ended.promise
  cancelKill()
}

function end(workload: FakeWorkload, code: number, clock: Clock): void {
  if (workload.state.phase !== 'running') return
  const exit: Exit = {
    code,
    signal: code > 128 && code <= 192 ? code - 128 : 0,
    reason: code === 0 ? 'Completed' : 'Error',
    finishedAt: clock.now().toISOString(),
  }
  workload.cancelExit()
  workload.state = { phase: 'exited', exit }
  workload.ended.resolve()
}

function fakeSession({ argv, stdin, tty }: ExecStreamSpec, { execCode = '0' }: FakeOptions): ExecSession {
  const ended = deferred<number>()
  const [input, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdout.write(`${argv.join(' ')}\n`)
  input.pipe(stdout)
  stderr.end()
  stdout.once('finish', () => ended.resolve(Number(execCode)))
  if (!stdin) input.end()
  return {
    stdin: stdin ? input : undefined,
    stdout,
    stderr: tty ? undefined : stderr,
    code: ended.promise,
    resize() {},
    kill() {
      ended.resolve(128 + constants.signals.SIGHUP)
      stdout.end()
    },
  }
}

/** Makes a workload vanish without an exit status, as a reboot does. */
export function loseFake(machine: FakeMachine, handle: Handle): void {
  const workload = machine.workloads.get(handle.stateDir)
  if (!workload) return
  workload.cancelExit()
  workload.state = { phase: 'lost' }
  workload.ended.resolve()
}

function signalNumber(signal: string): number {
  const number = (constants.signals as Readonly<Record<string, number>>)[signal]
  if (number === undefined) {
    throw new RuntimeError('unsupported', `unknown signal ${signal}; write a name such as SIGTERM`)
  }
  return number
}

const optionsOf = (spec: WorkloadSpec): FakeOptions => (spec.options ?? {}) as FakeOptions

const reportOf = ({ argv, cwd, env }: WorkloadSpec): string => `${JSON.stringify({ argv, cwd, env })}\n`
