/** The pods' network as agent and runtime see it: the way to its keeper (`network-keeper.ts`), and what puts a program into it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { neighbour } from '../../../base/neighbour.ts'
import { RuntimeError } from '../../runtime.ts'
import type { AgentWord, KeeperSettings, KeeperWord } from './outside.ts'
import { endProcess, findProcess, keeperName, networkOf } from './processes.ts'
import { closeSpace, enterSpace, holderName, openSpace, type SpacePrograms } from './space.ts'

/** What a program needs to be in it. */
export interface NetworkDoor {
  /** Goes before the command that makes its sandbox. */
  readonly enter: readonly string[]
  /** For the preload. */
  readonly env: Readonly<Record<string, string>>
  /** For its resolver. */
  readonly nameServer: string
}

export interface PodNetwork {
  /** Where pods are put from the first connection on; none before. */
  door(): NetworkDoor | undefined
  /** Whether one was made in this folder, which pods may be in. Throws where none was and the system allows none. */
  find(folder: string): Promise<boolean>
  /** Before a pod is put there. Whoever comes first has the network made, and all wait until it is or can't be. */
  ready(): Promise<void>
  /** Says how it is made: `make` never rejects. */
  onFirst(make: () => Promise<void>): void
  /** Goes before a command that shall run beside a process, wherever that is. */
  enterBeside(pid: number): readonly string[]
  /** Speaks to the keeper, which is started when there is none. Resolves when pods may come; the socket closes when it ends. */
  connect(settings: Omit<KeeperSettings, 'programs'>, word: AgentWord): Promise<Socket>
}

/** A busy machine takes seconds to start two programs. */
const connectMsMax = 60_000
const retryMs = 20
/** As Sampan's own processes are started (`main/frugal-node.ts`). */
const flags = ['--max-semi-space-size=1', '--no-warnings']

export function createPodNetwork(programs: SpacePrograms, clock: Clock): PodNetwork {
  let open: NetworkDoor | undefined
  let make: (() => Promise<void>) | undefined
  let made: Promise<void> | undefined
  return {
    door: () => open,
    async find(folder) {
      if ([keeperName, holderName].some((name) => findProcess(folder, name) !== undefined)) return true
      await tryPodNetwork(join(folder, 'trial'), programs)
      return false
    },
    ready: async () => await (made ??= make?.()),
    onFirst: (how) => void (make = how),
    enterBeside(pid) {
      if (networkOf(pid) === networkOf('self')) return []
      if (open) return open.enter
      throw new RuntimeError(
        'unsupported',
        'the workload is in a network to which there is no way here any more',
      )
    },
    async connect(own, word) {
      const settings = { ...own, programs }
      let started: ChildProcess | undefined
      const deadlineMs = clock.monotonicMs() + connectMsMax
      for (;;) {
        // One that is found may be about to end; one that was started is found when it is up.
        if (!started && findProcess(own.folder, keeperName) === undefined) started = startKeeper(settings)
        try {
          const { socket, holderPid } = await speak(own.controlPath, word)
          const [nameServer = ''] = own.block.split('/')
          const env = { SAMPAN_OUT: own.questionPath }
          open = { enter: enterSpace(programs, holderPid), env, nameServer }
          return socket
        } catch (cause) {
          const hasFailed = started && (started.exitCode !== null || started.signalCode !== null)
          if (hasFailed || clock.monotonicMs() > deadlineMs)
            throw new Error(`there is no network for pods; ${join(own.folder, logName)} may say why`, {
              cause,
            })
        }
        await clock.sleep(retryMs)
      }
    },
  }
}

/** One is made, and goes at once, as does the folder. Throws where the system allows none. */
export async function tryPodNetwork(folder: string, programs: SpacePrograms): Promise<void> {
  try {
    await openSpace(folder, programs)
  } finally {
    closeSpace(folder)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Ends it; pods that are still in it reach nobody. */
export function endPodNetwork(folder: string): void {
  endProcess(folder, keeperName)
  closeSpace(folder)
}

const logName = 'keeper.log'

function startKeeper(settings: KeeperSettings): ChildProcess {
  mkdirSync(settings.folder, { recursive: true, mode: 0o700 })
  const log = openSync(join(settings.folder, logName), 'w', 0o600)
  const entry = neighbour(import.meta.url, 'network-keeper')
  const child = spawn(process.execPath, [...flags, entry, 'outside', JSON.stringify(settings)], {
    cwd: '/',
    detached: true,
    env: { PATH: '/usr/bin:/bin', MALLOC_ARENA_MAX: '1' },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  child.on('error', () => {}) // nobody will answer: the log is empty then
  child.unref()
  return child
}

function speak(
  path: string,
  word: AgentWord,
): Promise<{ readonly socket: Socket; readonly holderPid: number }> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(`${JSON.stringify(word)}\n`))
    socket.on('error', reject)
    socket.once('close', () => reject(new Error('the keeper has hung up')))
    socket.setEncoding('utf8').once('data', (line: string) => {
      resolve({ socket, ...(JSON.parse(line) as KeeperWord) })
    })
  })
}
