import { join } from 'node:path'
import { checkDns1123Subdomain } from '../api/names.ts'
import { sendSignal } from '../base/send-signal.ts'
import { realClock } from '../base/clock.ts'
import type { BackupSchedule } from './backup-schedule.ts'
import { openChild, type Child } from './child.ts'
import { CommandError } from './command-error.ts'
import { createDataDir, type DataDir } from './data-dir.ts'
import { holdDataDir, type DataDirHold } from './data-dir-hold.ts'
import { formatListen, type ListenAddress } from './listen-address.ts'
import type { Begin, Ready } from './messages.ts'
import { isAlive, processIdentity } from './process-identity.ts'

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
  using hold = await takeOver(dir)
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
  let api: string | undefined
  const note = () => noteRunning(hold, children, api)
  const supervise = (name: PartName) => {
    const onReady = (ready: Ready) => {
      where = {
        listen: ready.listen ?? where.listen,
        tlsListen: ready.tlsListen ?? where.tlsListen,
        gatewayListen: ready.gatewayListen ?? where.gatewayListen,
      }
      if (ready.listen && api === undefined) {
        api = `http://${formatListen(ready.listen)}` // a later start of the server keeps it
        note()
      }
      print(isUp ? `${ready.line} (again)` : ready.line)
    }
    const onSilence = () =>
      print(`waiting     for the ${name}: ${join(dir.logs, `${name}.log`)} says how far it is`)
    const child = openChild({ name, clock: realClock, onReady, onCrash: print, onSilence, onSpawn: note })
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
      if (server) print(`kubeconfig  ${dir.kubeconfig}`)
      print('ready')
      await options.onReady?.(where, ending.signal)
    })()
    await Promise.race([started, ended])
    await ended
  } finally {
    // The reverse of the start: nothing loses what it depends on while it still works.
    await Promise.all(others.map((part) => part.stop()))
    await server?.stop()
    // Not where it failed: then the error is the last word.
    if (ending.signal.aborted) print(lastWord(dir, parts.has('agent')))
  }
}

const lastWord = ({ root }: DataDir, hasApps: boolean): string =>
  hasApps ? `ended; apps go on: \`sampan down --data-dir ${root}\` ends them, too` : 'ended'

/** Also the value of a label of the node, hence not longer than one. */
const nodeNameLengthMax = 63

/** Throws `CommandError`. */
export function checkNodeName(name: string): void {
  if (name.length <= nodeNameLengthMax && checkDns1123Subdomain(name).length === 0) return
  throw new CommandError(
    `--name ${JSON.stringify(name)} is no name for a node: use up to ${nodeNameLengthMax} lower case letters, digits, dashes and dots, for example --name node-1`,
  )
}

/** Makes sure that nobody else runs this data directory; waits for the processes of a killed predecessor to end. */
async function takeOver(dir: DataDir): Promise<DataDirHold> {
  try {
    createDataDir(dir)
  } catch (cause) {
    throw new CommandError(
      `can't use ${dir.root} as the data directory: ${(cause as Error).message}. Choose another with --data-dir`,
      { cause },
    )
  }
  const hold = await holdDataDir(dir, realClock)
  const deadlineMs = realClock.monotonicMs() + inheritWaitMs
  for (const identity of hold.inherited) {
    while (isAlive(identity)) {
      if (realClock.monotonicMs() > deadlineMs) sendSignal(identity.pid, 'SIGKILL')
      await realClock.sleep(20)
    }
  }
  return hold
}

function noteRunning(hold: DataDirHold, children: readonly Child[], api: string | undefined): void {
  const processes = children.flatMap(({ name, pid }) => {
    const identity = pid === undefined ? undefined : processIdentity(pid)
    return identity ? [{ name, ...identity }] : []
  })
  hold.note({ processes, ...(api !== undefined && { api }) })
}

/** Later ones change nothing: Ctrl-C comes twice where npm, too, passes it on, and the second one would cut the end short. */
const signalled = () =>
  new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve())
  })
