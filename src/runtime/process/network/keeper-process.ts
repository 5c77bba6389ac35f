/** The agent's end of the keeper of the pods' network: starts it, speaks to it, and makes room for another when it doesn't answer. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Clock } from '../../../base/clock.ts'
import { neighbour } from '../../../base/neighbour.ts'
import type { AgentWord, KeeperWord } from './agents.ts'
import type { KeeperSettings } from './outside.ts'
import { endProcess, findProcess, keeperName, noteProcess } from './processes.ts'

export interface KeeperWanted {
  readonly settings: KeeperSettings
  readonly word: AgentWord
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** In its folder. */
export const keeperLog = 'keeper.log'
/** A busy machine takes seconds to start two programs. */
const connectMsMax = 60_000
const retryMs = 20
/** One that leaves so many questions without an answer is stopped, or hangs: it is ended, and another takes its place. */
const unansweredMax = 4
const askMs = 10_000
/** As Sampan's own processes are started (`main/frugal-node.ts`). */
const flags = ['--max-semi-space-size=1', '--no-warnings']

/** Resolves when it has answered; from then on it is asked again and again whether it is still there. */
export async function speakToKeeper({ clock, settings, signal, word }: KeeperWanted): Promise<Socket> {
  const { controlPath, folder } = settings
  let started: ChildProcess | undefined
  const deadlineMs = clock.monotonicMs() + connectMsMax
  for (;;) {
    // One that is found may be about to end; one that was started is found when it is up.
    if (!started && findProcess(folder, keeperName) === undefined) started = startKeeper(settings)
    try {
      return await speak(controlPath, { word, folder, clock, signal })
    } catch (cause) {
      signal.throwIfAborted()
      const hasFailed = started && (started.exitCode !== null || started.signalCode !== null)
      if (hasFailed || clock.monotonicMs() > deadlineMs) {
        started?.kill('SIGKILL')
        throw new Error(`there is no network for pods; ${join(folder, keeperLog)} may say why`, { cause })
      }
    }
    await clock.sleep(retryMs, signal)
  }
}

function startKeeper(settings: KeeperSettings): ChildProcess {
  const { folder } = settings
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const log = openSync(join(folder, keeperLog), 'w', 0o600)
  try {
    const entry = neighbour(import.meta.url, 'network-keeper')
    const child = spawn(process.execPath, [...flags, entry, 'outside', JSON.stringify(settings)], {
      cwd: '/',
      detached: true,
      env: { PATH: '/usr/bin:/bin', MALLOC_ARENA_MAX: '1' },
      stdio: ['ignore', log, log],
    })
    child.on('error', () => {}) // nobody will answer: the log is empty then
    child.unref()
    // So that an agent which comes after this one finds it from the beginning.
    if (child.pid !== undefined) noteProcess(folder, keeperName, child.pid)
    return child
  } finally {
    closeSync(log)
  }
}

type Speaking = Omit<KeeperWanted, 'settings'> & { readonly folder: string }

function speak(path: string, { clock, folder, signal, word }: Speaking): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(`${JSON.stringify(word)}\n`))
    const hangUp = () => void socket.destroy()
    let keeper: number | undefined
    let unanswered = 0
    createInterface({ input: socket })
      .on('error', reject)
      .on('line', (line) => {
        unanswered = 0
        keeper = (JSON.parse(line) as KeeperWord).pid
        resolve(socket)
      })
    // Counted, not timed: an agent that was stopped itself hears what was said meanwhile before it counts on.
    const stop = clock.every(askMs, () => {
      if (++unanswered <= unansweredMax) return void socket.write('\n')
      if (keeper === undefined || keeper === findProcess(folder, keeperName)) endProcess(folder, keeperName)
      hangUp()
    })
    signal.addEventListener('abort', hangUp)
    socket.once('close', () => {
      stop()
      signal.removeEventListener('abort', hangUp)
      reject(new Error('the keeper has hung up'))
    })
  })
}
