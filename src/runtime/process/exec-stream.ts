import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { sendSignal } from '../../base/send-signal.ts'
import { type ExecSession, type ExecStreamSpec, RuntimeError } from '../runtime.ts'
import { insideCommand, programOf, type Surroundings } from './join-group.ts'
import { programNotFound } from './program-search.ts'
import { openTerminal } from './terminal.ts'

const hangUpMs = 2_000 // what ignores SIGHUP for so long gets SIGKILL

/** See `Runtime.execStream`. */
export async function execStreamIn(
  within: Surroundings,
  spec: ExecStreamSpec,
  clock: Clock,
): Promise<ExecSession> {
  const { tty } = spec
  const folder = spec.cwd ?? within.cwd
  const name = programOf(spec)
  const wrapped = insideCommand(within, { ...spec, cwd: folder })
  if (!wrapped) throw new RuntimeError('start-failed', programNotFound(name))
  const [program = '', ...args] = wrapped.argv
  const child = spawn(program, args, {
    cwd: folder,
    env: wrapped.env,
    detached: true, // a group of its own, so that all of it can be ended
    stdio: [spec.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  })
  const code = codeOf(child)
  await started(child, { program: name, folder })
  const window = tty ? openTerminal(child.pid ?? 0, clock) : undefined
  // A command that has read enough closes its stdin; writing on is no failure.
  child.stdin?.on('error', () => {})
  // What script(1) itself has to say belongs to the one output of a terminal; it is nothing in general.
  if (tty) child.stderr?.resume()
  return {
    stdin: child.stdin ?? undefined,
    stdout: readable(child.stdout),
    stderr: tty ? undefined : readable(child.stderr),
    code,
    resize: (size) => window?.resize(size),
    kill: () => hangUp(child, code, clock),
  }
}

const readable = (stream: Readable | null): Readable => {
  if (!stream) throw new Error('a pipe that was asked for is missing')
  return stream
}

function codeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(126)) // told by `started`
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
}

interface Started {
  readonly program: string
  readonly folder: string
}

function started(child: ChildProcess, { program, folder }: Started): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT'
      const isFolderMissing = isMissing && !existsSync(folder)
      const why = isFolderMissing ? `its working directory ${folder} does not exist` : error.message
      const message =
        isMissing && !isFolderMissing ? programNotFound(program) : `exec: ${JSON.stringify(program)}: ${why}`
      reject(new RuntimeError('start-failed', message, { cause: error }))
    })
  })
}

function hangUp(child: ChildProcess, code: Promise<number>, clock: Clock): void {
  const { pid, stdin, stdout, stderr } = child
  const letGo = () => {
    for (const stream of [stdin as Writable | null, stdout, stderr]) stream?.destroy()
  }
  const hasEnded = child.exitCode !== null || child.signalCode !== null
  // Its pid may be another's by now; what it left in the background goes on, but without us.
  if (hasEnded || pid === undefined) return letGo()
  sendSignal(-pid, 'SIGHUP')
  const cancel = clock.after(hangUpMs, () => {
    if (child.exitCode === null && child.signalCode === null) sendSignal(-pid, 'SIGKILL')
    letGo()
  })
  void code.then(cancel)
}
