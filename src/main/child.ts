import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { deferred, type Deferred } from '../base/deferred.ts'
import { CommandError } from './command-error.ts'
import type { Begin, FromProcess, Ready } from './messages.ts'

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
}

const restartBackoff = { baseMs: 20, factor: 2, capMs: 5_000 }
/** A process that lived this long had started well: the next start comes quickly. */
const healthyMs = 2_000
/** Ends before the first `ready` that are taken for bad luck. */
const firstStartsMax = 3
const stopKillMs = 10_000

// Under type stripping this file ends in .ts, compiled in .js, and so does its neighbour.
const run = import.meta.url.endsWith('.ts') ? './run.ts' : './run.js'
const entry = fileURLToPath(new URL(run, import.meta.url))

/** One process of Sampan under supervision. Its modules load while others start; it waits for `begin`. */
export function openChild({ name, clock, onReady, onCrash, onSpawn }: ChildOptions): Child {
  let child = launch()
  let isStopping = false
  let failures = 0
  let isFirst = true
  const first: Deferred<void> = deferred()

  function launch(): ChildProcess {
    const args = [`--max-semi-space-size=${nurseryMb(name)}`, '--no-warnings', entry, name]
    return spawn(process.execPath, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // The store's URL may hold a password: who needs it is told by message.
      env: { ...process.env, SAMPAN_STORE: undefined, ...nodeEnv },
    })
  }
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
        child = launch()
        follow(begin)
      })
    }
    child.on('exit', (code, signal) => over(signal ?? `exit code ${code}`))
    // It could not be started at all (no memory, no more processes): there is no exit to wait for.
    child.on('error', (error) => {
      if (child.pid === undefined) over(error.message)
    })
    // An error here is the channel of a process that has just ended: its 'exit' is on the way.
    child.send(begin(), () => {})
  }
  return {
    name,
    begin(begin) {
      follow(begin)
      return first.promise
    },
    async stop() {
      isStopping = true
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

/**
 * Idle, Sampan should take little. V8's nursery grows while modules load: with 1 MB instead of 16 the three processes take
 * 18 MB less. What is in work in a busy server doesn't fit into that and is moved twice: with 4 MB a create takes a fifth
 * less of the processor. Idle, it takes half a megabyte more: the collection after the start shrinks the nursery.
 */
const nurseryMb = (name: string): number => (name === 'server' ? 4 : 1)
/** glibc otherwise gives each of V8's and libuv's threads a heap of its own: 6 MB more in all. */
const nodeEnv = { MALLOC_ARENA_MAX: '1' }
