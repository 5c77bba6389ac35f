import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { abortReason, type Clock } from '../../base/clock.ts'
import { neighbour } from '../../base/neighbour.ts'
import { PackageError } from './errors.ts'
import { packageErrorOf, redact, type FailureContext } from './failures.ts'
import type { Job, Message } from './install-worker.ts'

export type Installed = Extract<Message, { readonly type: 'installed' }>

export interface WorkerRun {
  readonly job: Job
  /** For the wording of failures. */
  readonly context: FailureContext
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly onResolved: (version: string) => void
}

const workerFile = neighbour(import.meta.url, 'install-worker')
// Of the agent's environment only what reaching a registry, or a compiler of an install script, needs.
const passedOn =
  /^(PATH|HOME|TMPDIR|LANG|(https?|no|all)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|OPENSSL_CONF)$/i
const stderrBytesMax = 4096

/** Runs one install in its own process. Throws `PackageError`, or the signal's reason. Leaves nothing half done behind. */
export async function runWorker(run: WorkerRun): Promise<Installed> {
  const { job, context, clock, timeoutMs, signal } = run
  signal.throwIfAborted()
  const child = spawn(process.execPath, [workerFile], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => passedOn.test(name))),
    detached: true, // install scripts end with it
  })
  const ended = Promise.withResolvers<string>()
  child.on('error', (e) => ended.resolve(e.message))
  child.on('close', (code, killedBy) => ended.resolve(killedBy ?? `exit code ${code}`))
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-stderrBytesMax)))
  child.stdin.on('error', () => {}) // it has ended early; how it ended says why
  child.stdin.write(`${JSON.stringify(job)}\n`)

  let stopped: Error | undefined
  const stop = (why: Error) => {
    stopped ??= why
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid, 'SIGKILL')
    }
  }
  const onAbort = () => stop(abortReason(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  const cancelTimer = clock.after(timeoutMs, () => stop(timedOut(context, timeoutMs)))

  const heard: Partial<Record<Message['type'], Message>> = {}
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.startsWith('{')) continue // something npm's library printed
      const message = JSON.parse(line) as Message
      heard[message.type] = message
      if (message.type === 'resolved') run.onResolved(message.version)
    }
    const how = await ended.promise
    if (heard.installed?.type === 'installed') return heard.installed
    if (stopped) throw stopped
    if (heard.failed?.type === 'failed') throw packageErrorOf(heard.failed.failure, context)
    throw diedError(context, how, stderr)
  } finally {
    cancelTimer()
    signal.removeEventListener('abort', onAbort)
    stop(new Error('the install was given up'))
    await ended.promise
    if (heard.temporary?.type === 'temporary') {
      await rm(heard.temporary.folder, { recursive: true, force: true })
    }
  }
}

const timedOut = ({ name, version, registry }: FailureContext, timeoutMs: number): PackageError =>
  new PackageError(
    'timeout',
    `${name}@${version} was not installed within ${Math.round(timeoutMs / 1000)} s and was given up; the registry ${registry} or this machine's disk may be slow; it is tried again later`,
  )

function diedError({ name, version }: FailureContext, how: string, stderr: string): PackageError {
  const why = how === 'SIGKILL' ? `${how}; the machine may be out of memory` : how
  const lines = stderr.trim().split('\n')
  const said = redact(lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? '')
  return new PackageError(
    'install-failed',
    `${name}@${version} could not be installed: the install process ended with ${why}${said ? `: ${said}` : ''}`,
  )
}
