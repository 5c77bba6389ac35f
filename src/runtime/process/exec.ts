import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Clock } from '../../base/clock.ts'
import { sendSignal } from '../../base/send-signal.ts'
import type { ExecResult, ExecSpec } from '../runtime.ts'
import { insideCommand, programOf, type Surroundings } from './join-group.ts'
import { programNotFound } from './program-search.ts'

const outputBytesMax = 10 * 1024 // as the kubelet keeps of a probe's output
/** What a shell, and timeout(1), say. */
const codeNotFound = 127
const codeNotExecutable = 126
const codeTimedOut = 124

/** Runs a command and waits until its output is closed. Its whole process group is killed at the timeout. */
export function execIn(within: Surroundings, spec: ExecSpec, clock: Clock): Promise<ExecResult> {
  const cwd = spec.cwd ?? within.cwd
  const program = programOf(spec)
  const command = insideCommand(within, { ...spec, tty: false, cwd })
  if (!command) return Promise.resolve({ code: codeNotFound, output: programNotFound(program) })
  const { argv, env } = command
  const { promise, resolve } = Promise.withResolvers<ExecResult>()
  const chunks: Buffer[] = []
  let sizeBytes = 0
  const output = () => Buffer.concat(chunks).subarray(0, outputBytesMax).toString()
  const child = spawn(argv[0] ?? '', argv.slice(1), {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const collect = (chunk: Buffer) => {
    if (sizeBytes < outputBytesMax) chunks.push(chunk)
    sizeBytes += chunk.length
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const cancelTimer = clock.after(spec.timeoutMs, () => {
    if (child.pid !== undefined) sendSignal(-child.pid, 'SIGKILL')
    child.stdout.destroy()
    child.stderr.destroy()
    resolve({ code: codeTimedOut, output: `${output()}\n${program} did not end within ${spec.timeoutMs} ms` })
  })
  child.on('error', (e: NodeJS.ErrnoException) => {
    cancelTimer()
    const code = e.code === 'ENOENT' ? codeNotFound : codeNotExecutable
    resolve({ code, output: `cannot run ${program} in ${cwd}: ${e.message}` })
  })
  child.on('close', (code, signal) => {
    cancelTimer()
    const killedBy = signal === null ? 0 : constants.signals[signal]
    resolve({ code: code ?? 128 + killedBy, output: output() })
  })
  return promise
}
