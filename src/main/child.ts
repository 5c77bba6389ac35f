import { spawn, type ChildProcess } from 'node:child_process'
import { backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { deferred, type Deferred } from '../base/deferred.ts'
import { neighbour } from '../base/neighbour.ts'
import { childEnvironment } from './child-environment.ts'
import { CommandError } from './command-error.ts'
import { frugalFlags } from './frugal-node.ts'
import { beginFor, type Begin, type FromProcess, type Ready } from './messages.ts'

export interface Child {
  readonly name: string
  /** Starts the process over and over until `stop`. Resolves when it is ready for the first time; throws if it can't be. */
  begin(begin: () => Begin): Promise<void>
  /** SIGTERM, then SIGKILL after `stopKillMs`. Resolves when it has ended. */
  stop(): Promise<void>
  readonly pid: number | undefined
}

export interface ChildOptions {
  readonly name: string
  readonly clock: Clock
  /** Each time it becomes ready. */
  readonly onReady: (ready: Ready) => void
  /** It ended by itself and will be started again. */
  readonly onCrash: (message: string) => void
  readonly onSpawn: () => void
  /** It isn't ready for the first time after `silentMaxMs`. */
  readonly onSilence: () => void
}

const restartBackoff = { baseMs: 20, factor: 2, capMs: 5_000 }
/** A process that lived this long had started well: the next start comes quickly. */
const healthyMs = 2_000
/** Ends before the first `ready` that are taken for bad luck. */
const firstStartsMax = 3
const stopKillMs = 10_000
/** Who waits longer than this without a word takes it for a fault. */
const silentMaxMs = 4_000

const entry = neighbour(import.meta.url, 'run')

/** One process of Sampan under supervision. Its modules load while others start; it waits for `begin`. */
export function openChild({ name, clock, onReady, onCrash, onSilence, onSpawn }: ChildOptions): Child {
  let child = launch(name)
  let isStopping = false
  let failures = 0
  let endSilence = () => {}
  let isFirst = true
  const first: Deferred<void> = deferred()

  /** Only before it was ready for the first time: later, whatever stands in its way may go away again. */
  const giveUp = (message: string) => {
    isStopping = true
    first.reject(new CommandError(message))
  }
  const follow = (begin: () => Begin) => {
    const startMs = clock.monotonicMs()
    onSpawn()
    child.on('message', (message) => {
      const said = message as FromProcess
      if (said.type === 'fatal') return isFirst ? giveUp(said.message) : onCrash(`${name}: ${said.message}`)
      isFirst = false
      first.resolve()
      onReady(said)
    })
    let isOver = false
    const over = (how: string) => {
      if (isStopping || isOver) return
      isOver = true
      if (isFirst && failures >= firstStartsMax) {
        return giveUp(`the ${name} ended ${failures + 1} times before it was ready: its log says why`)
      }
      if (clock.monotonicMs() - startMs > healthyMs) failures = 0
      const delayMs = backoffMs(failures++, restartBackoff)
      onCrash(`${name} ended (${how}), starting it again`)
      // A sleep keeps the supervisor alive: when all its processes end at once, nothing else does.
      void clock.sleep(delayMs).then(() => {
        if (isStopping) return
        child = launch(name)
        follow(begin)
      })
    }
    child.on('exit', (code, signal) => over(signal ?? `exit code ${code}`))
    // It could not be started at all (no memory, no more processes): there is no exit to wait for.
    child.on('error', (error) => {
      if (child.pid === undefined) over(error.message)
    })
    // An error here is the channel of a process that has just ended: its 'exit' is on the way.
    child.send(beginFor(name, begin()), () => {})
  }
  return {
    name,
    begin(begin) {
      endSilence = clock.after(silentMaxMs, onSilence)
      follow(begin)
      return first.promise.finally(endSilence)
    },
    async stop() {
      isStopping = true
      endSilence()
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      child.kill('SIGTERM')
      const cancel = clock.after(stopKillMs, () => child.kill('SIGKILL'))
      await ended
      cancel()
    },
    get pid() {
      return child.pid
    },
  }
}

function launch(name: string): ChildProcess {
  return spawn(process.execPath, [...frugalFlags(name), entry, name], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: childEnvironment(name, process.env),
  })
}
