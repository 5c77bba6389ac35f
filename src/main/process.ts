import { describeError, createLogger, type Logger } from '../base/logger.ts'
import { realClock } from '../base/clock.ts'
import { releaseStartMemory } from '../base/start-memory.ts'
import { join } from 'node:path'
import { CommandError, configExitCode } from './command-error.ts'
import { openLogFile } from './log-file.ts'
import type { Begin, FromProcess, Ready } from './messages.ts'

/** What a process of Sampan is: told to begin, it starts, says it is ready, and runs until it is disposed of. */
export interface ProcessRoot {
  readonly name: string
  start(begin: Begin, logger: Logger): Promise<AsyncDisposable & { readonly ready: Omit<Ready, 'type'> }>
}

/** In-flight work gets this long at the end; the supervisor kills what takes longer. */
export const stopGraceMs = 8_000

/**
 * Runs a root as the child of a supervisor. It ends on SIGTERM, or when the supervisor is gone: a part of Sampan never
 * outlives the whole. Apps do; they belong to nobody.
 */
export async function runProcess(root: ProcessRoot): Promise<void> {
  const begin = await received()
  const logger = createLogger(
    {
      clock: realClock,
      level: levelOf(process.env['SAMPAN_LOG_LEVEL']),
      write: openLogFile(join(begin.dataDir, 'logs', `${root.name}.log`)),
    },
    { process: root.name, pid: process.pid },
  )
  crashLoudly(logger)
  const ended = endRequested()
  let running: Awaited<ReturnType<ProcessRoot['start']>> | undefined
  try {
    // A start may wait for a server that never comes: who is told to end, or left alone, does not wait with it.
    running = await Promise.race([root.start(begin, logger), ended])
  } catch (error) {
    logger.error('could not start', { error: describeError(error) })
    if (error instanceof CommandError) {
      await say({ type: 'fatal', message: error.message })
      process.exit(configExitCode)
    }
    process.stderr.write(`sampan: ${root.name} could not start: ${describeError(error)}\n`)
    process.exit(1)
  }
  if (!running) {
    logger.info('ended before it was ready')
    process.exit(0)
  }
  await say({ type: 'ready', ...running.ready })
  logger.info('ready', { line: running.ready.line })
  releaseStartMemory(realClock)
  await ended
  realClock.after(stopGraceMs, () => process.exit(1))
  await running[Symbol.asyncDispose]()
  logger.info('ended')
  process.exit(0)
}

const levelOf = (text: string | undefined) =>
  text === 'debug' || text === 'warn' || text === 'error' ? text : 'info'

const received = () =>
  new Promise<Begin>((resolve, reject) => {
    process.once('message', (message) => resolve(message as Begin))
    process.once('disconnect', () => reject(new Error('the supervisor went away before it said what to do')))
  })

const endRequested = () =>
  new Promise<undefined>((resolve) => {
    const end = () => resolve(undefined)
    process.on('SIGTERM', end)
    process.on('SIGINT', () => {}) // Ctrl-C reaches the whole group: the supervisor ends its processes in order
    process.on('SIGHUP', () => {})
    process.on('disconnect', end)
    if (!process.connected) end()
  })

function say(message: FromProcess): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || !process.send) return resolve()
    process.send(message, undefined, undefined, () => resolve())
  })
}

/** A broken invariant ends the process with its reason in the log; the supervisor starts it again. */
function crashLoudly(logger: Logger): void {
  const crash = (error: unknown) => {
    const stack = error instanceof Error ? error.stack : undefined
    logger.error('crashed', { error: describeError(error), stack })
    process.stderr.write(`sampan: ${describeError(error)}\n${stack ?? ''}\n`)
    process.exit(1)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
}
