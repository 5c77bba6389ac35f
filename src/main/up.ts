import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkDns1123Subdomain } from '../api/names.ts'
import { sendSignal } from '../base/send-signal.ts'
import { realClock } from '../base/clock.ts'
import type { BackupSchedule } from './backup-schedule.ts'
import { openChild, type Child } from './child.ts'
import { CommandError } from './command-error.ts'
import { createDataDir, writeWhole, type DataDir } from './data-dir.ts'
import type { ListenAddress } from './listen-address.ts'
import type { Begin, Ready } from './messages.ts'
import { isAlive, processIdentity, type ProcessIdentity } from './process-identity.ts'

export type PartName = 'server' | 'agent' | 'gateway'

export interface UpOptions {
  readonly dir: DataDir
  /** What runs here. With a server the others wait for it. */
  readonly parts: readonly PartName[]
  /** Of the agent here. */
  readonly nodeName?: string
  readonly listen?: ListenAddress
  readonly tlsListen?: ListenAddress
  readonly gatewayListen?: ListenAddress
  /** Of the agent here; unset: no data port. */
  readonly dataListen?: ListenAddress
  /** Of the server here. */
  readonly store?: string
  readonly advertise?: string
  readonly serverToken?: string
  readonly backups?: BackupSchedule
  readonly print: (line: string) => void
  /** Called once everything is ready. `signal` aborts when Sampan ends. */
  readonly onReady?: (where: Addresses, signal: AbortSignal) => Promise<void>
}

export interface Addresses {
  readonly listen: ListenAddress
  readonly tlsListen: ListenAddress
  readonly gatewayListen: ListenAddress
}

/** Of a part that doesn't run here. */
const anyPort: ListenAddress = { host: '127.0.0.1', port: 0 }

interface Running {
  readonly supervisor: ProcessIdentity
  readonly processes: readonly (ProcessIdentity & { readonly name: string })[]
}

/** A predecessor that was killed leaves processes that end by themselves within this time. */
const inheritWaitMs = 15_000

/**
 * `sampan up`, `sampan server` and `sampan join`: starts server, agent and gateway, or some of them, as processes of their own and keeps them running until
 * a signal. What they run, the apps, is not theirs to end.
 */
export async function up(options: UpOptions): Promise<void> {
  const { dir, print } = options
  const { nodeName = '' } = options
  if (options.parts.includes('agent')) checkNodeName(nodeName)
  try {
    createDataDir(dir)
  } catch (cause) {
    throw new CommandError(
      `can't use ${dir.root} as the data directory: ${(cause as Error).message}. Choose another with --data-dir`,
      { cause },
    )
  }
  await takeOver(dir)
  let where: Addresses = {
    listen: options.listen ?? anyPort,
    tlsListen: options.tlsListen ?? anyPort,
    gatewayListen: options.gatewayListen ?? anyPort,
  }
  const begin = (): Begin => ({
    type: 'begin',
    dataDir: dir.root,
    nodeName,
    store: options.store ?? '',
    ...(options.dataListen && { dataListen: options.dataListen }),
    ...(options.advertise !== undefined && { advertise: options.advertise }),
    ...(options.serverToken !== undefined && { serverToken: options.serverToken }),
    ...(options.backups && { backups: options.backups }),
    ...where,
  })
  let isUp = false
  const children: Child[] = []
  const onSpawn = () => writeRunning(dir, children)
  const supervise = (name: PartName) => {
    const onReady = (ready: Ready) => {
      where = {
        listen: ready.listen ?? where.listen,
        tlsListen: ready.tlsListen ?? where.tlsListen,
        gatewayListen: ready.gatewayListen ?? where.gatewayListen,
      }
      print(isUp ? `${ready.line} (again)` : ready.line)
    }
    const child = openChild({ name, clock: realClock, onReady, onCrash: print, onSpawn })
    children.push(child)
    return child
  }
  const ending = new AbortController()
  const ended = signalled().then(() => ending.abort())
  const parts = new Map(options.parts.map((name) => [name, supervise(name)]))
  const server = parts.get('server')
  const others = [...parts.values()].filter((part) => part !== server)
  try {
    const started = (async () => {
      await server?.begin(begin)
      await Promise.all(others.map((part) => part.begin(begin)))
      isUp = true
      print('ready')
      await options.onReady?.(where, ending.signal)
    })()
    await Promise.race([started, ended])
    await ended
  } finally {
    // The reverse of the start: nothing loses what it depends on while it still works.
    await Promise.all(others.map((part) => part.stop()))
    await server?.stop()
    rmSync(runningFile(dir), { force: true })
  }
}

/** Also the value of a label of the node, hence not longer than one. */
const nodeNameLengthMax = 63

/** Throws `CommandError`. */
export function checkNodeName(name: string): void {
  if (name.length <= nodeNameLengthMax && checkDns1123Subdomain(name).length === 0) return
  throw new CommandError(
    `--name ${JSON.stringify(name)} is no name for a node: use up to ${nodeNameLengthMax} lower case letters, digits, dashes and dots, for example --name node-1`,
  )
}

const runningFile = (dir: DataDir) => join(dir.run, 'up.json')

/** Makes sure that nobody else runs this data directory; waits for the processes of a killed predecessor to end. */
async function takeOver(dir: DataDir): Promise<void> {
  const running = readRunning(dir)
  if (!running) return
  if (isAlive(running.supervisor)) {
    throw new CommandError(
      `Sampan already runs here, as process ${running.supervisor.pid}. Stop it with \`sampan down\`, or start another one with a different --data-dir`,
    )
  }
  const deadlineMs = realClock.monotonicMs() + inheritWaitMs
  for (const identity of running.processes) {
    while (isAlive(identity)) {
      if (realClock.monotonicMs() > deadlineMs) sendSignal(identity.pid, 'SIGKILL')
      await realClock.sleep(20)
    }
  }
}

export function readRunning(dir: DataDir): Running | undefined {
  const file = runningFile(dir)
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Running
  } catch {
    return undefined // cut short by a crash while it was written: whoever wrote it is gone
  }
}

function writeRunning(dir: DataDir, children: readonly Child[]): void {
  const identities = children.flatMap(({ name, pid }) => {
    const identity = pid === undefined ? undefined : processIdentity(pid)
    return identity ? [{ name, ...identity }] : []
  })
  const supervisor = processIdentity(process.pid)
  if (!supervisor) throw new CommandError('/proc does not show this process: Sampan runs apps on Linux only')
  const running: Running = { supervisor, processes: identities }
  writeWhole(runningFile(dir), JSON.stringify(running))
}

const signalled = () =>
  new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })
