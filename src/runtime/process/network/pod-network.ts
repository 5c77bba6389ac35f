/** The pods' network as agent and runtime see it: the way to its keeper (`keeper-process.ts`), and what puts a program into it. */
import { rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { RuntimeError } from '../../runtime.ts'
import type { AgentWord } from './agents.ts'
import { keeperLog, speakToKeeper } from './keeper-process.ts'
import type { KeeperSettings } from './outside.ts'
import { endProcess, findProcess, findSurvivor, keeperName, networkOf } from './processes.ts'
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
  /** Where pods are put from the first connection on; none before. Throws when there is no way in for the moment. */
  door(): NetworkDoor | undefined
  /** Whether one was made in this folder, which pods may be in. Throws where none was and the system allows none. */
  find(folder: string): Promise<boolean>
  /**
   * Before a pod is put there. Whoever comes first has the network made, and all wait until it is or can't be. Throws when it could be made
   * once and can't now: no pod shall be in the machine's network because a disk was full.
   */
  ready(): Promise<void>
  /** Says how it is made: `make` never rejects. */
  onFirst(make: () => Promise<void>): void
  /** Goes before a command that shall run beside a process, wherever that is. */
  enterBeside(pid: number): readonly string[]
  /**
   * Speaks to the keeper, which is started when there is none. Resolves when pods may come; the socket closes when it ends, and
   * when it doesn't answer any more. Rejects when the signal aborts.
   */
  connect(settings: Omit<KeeperSettings, 'programs'>, word: AgentWord, signal: AbortSignal): Promise<Socket>
}

/** Who holds the network is replaced within a second. */
const holderMsMax = 10_000
const pollMs = 20

export function createPodNetwork(programs: SpacePrograms, clock: Clock): PodNetwork {
  let settings: KeeperSettings | undefined
  let make: (() => Promise<void>) | undefined
  let made: Promise<void> | undefined
  const findHolder = () => settings && findProcess(settings.folder, holderName)
  const open = ({ block, folder, questionPath }: KeeperSettings): NetworkDoor => {
    const holderPid = findHolder()
    if (holderPid === undefined)
      throw failed(`there is no way into the network of pods; ${join(folder, keeperLog)} may say why`)
    const [nameServer = ''] = block.split('/')
    return { enter: enterSpace(programs, holderPid), env: { SAMPAN_OUT: questionPath }, nameServer }
  }
  return {
    door: () => settings && open(settings),
    async find(folder) {
      if ([keeperName, holderName].some((name) => findProcess(folder, name) !== undefined)) return true
      if (findSurvivor(folder, holderName) !== undefined) return true
      await tryPodNetwork(join(folder, 'trial'), programs, clock)
      return false
    },
    async ready() {
      await (made ??= make?.())
      if (made && !settings) throw failed('there is no network for pods yet; the log of the agent says why')
      const deadlineMs = clock.monotonicMs() + holderMsMax
      while (settings && findHolder() === undefined && clock.monotonicMs() < deadlineMs)
        await clock.sleep(pollMs)
    },
    onFirst: (how) => void (make = how),
    enterBeside(pid) {
      if (networkOf(pid) === networkOf('self')) return []
      if (settings) return open(settings).enter
      throw new RuntimeError(
        'unsupported',
        'the workload is in a network to which there is no way here any more',
      )
    },
    async connect(own, word, signal) {
      const socket = await speakToKeeper({ settings: { ...own, programs }, word, clock, signal })
      settings = { ...own, programs }
      return socket
    },
  }
}

const failed = (why: string): RuntimeError =>
  new RuntimeError('start-failed', `a sandboxed program can't be started: ${why}`)

/** One is made, and goes at once, as does the folder. Throws where the system allows none. */
export async function tryPodNetwork(folder: string, programs: SpacePrograms, clock: Clock): Promise<void> {
  try {
    await openSpace({ folder, programs, questionPath: folder, clock })
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
