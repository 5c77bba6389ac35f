/** The half of the keeper that is in the machine's network (`network-keeper.ts`): it decides, and speaks to the agent. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { realClock } from '../../../base/clock.ts'
import { realRandom } from '../../../base/ids.ts'
import type { Logger } from '../../../base/logger.ts'
import { readStat } from '../proc.ts'
import { serveAgents } from './agents.ts'
import { startInnerHalf, type InnerHalf } from './inner-half.ts'
import { openMirrors } from './mirrors.ts'
import { serveNames } from './names.ts'
import { openOutlet } from './outlet.ts'
import { findProcess, keeperName, noteProcess, processesBeside } from './processes.ts'
import { serveQuestions } from './questions.ts'
import { readAwaited } from './tcp-table.ts'
import { closeSpace, enterSpace, holderName, holdSpace, openSpace } from './space.ts'
import type { SpaceOptions, SpacePrograms } from './space.ts'
import { openWaysOut } from './ways-out.ts'

/** What it is started with, as JSON. */
export interface KeeperSettings {
  readonly programs: SpacePrograms
  /** Where it writes who it is. */
  readonly folder: string
  /** Where the agent speaks to it; nobody else may. */
  readonly controlPath: string
  /** Where pods ask. */
  readonly questionPath: string
  /** `127.A.B.0/22`. */
  readonly block: string
}

/** Programs without the preload are found by looking, and so is that the holder was killed. */
const scanMs = 1_000
/** Without an agent and without pods it is of no use. */
const idleMs = 60_000

export async function serveOutside(settings: KeeperSettings, logger: Logger): Promise<void> {
  const { block, controlPath, folder, programs, questionPath } = settings
  const [address = ''] = block.split('/')
  const [clock, random] = [realClock, realRandom]
  claim(folder)
  const space: SpaceOptions = { folder, programs, questionPath, clock }
  const holderPid = await openSpace(space)
  const entry = process.argv[1] ?? ''
  const enter = enterSpace(programs, holderPid)
  const inner = startInnerHalf({ enter, entry, clock })
  // The agent starts another keeper, which finds the network as it is.
  void inner.ended.then(() => process.exit(1))
  const mirrors = openMirrors({
    inner,
    block,
    onProblem: (place, error) =>
      logger.warn('a pod listens where nobody from the machine reaches it', { place, error }),
  })
  const waysOut = openWaysOut({ inner, clock, random })
  await serveNames({ inner, address, clock })
  const outlet = await openOutlet({ enter, holderPid, entry, waysOut, clock }).catch((error: unknown) => {
    logger.info('programs in pods that are no Node.js reach nothing outside of the cluster', { error })
    return undefined
  })
  // Nobody else gets through the outer folder; a sandbox is given the inner one.
  mkdirSync(dirname(controlPath), { recursive: true, mode: 0o700 })
  mkdirSync(dirname(questionPath), { recursive: true, mode: 0o755 })
  const agents = serveAgents({ controlPath, waysOut, clock, logger })
  await serveQuestions({
    path: questionPath,
    agentSocket: () => agents.socketPath(),
    mirrors,
    waysOut,
    clock,
  })
  await mirrors.scan()
  await agents.listen()
  clock.every(scanMs, () => {
    try {
      claim(folder)
    } catch (error) {
      logger.error('the next agent will not find the keeper: that could not be written down', { error })
    }
    void mirrors.scan()
    outlet
      ?.open(readAwaited(inner.pid))
      .catch((error: unknown) => logger.warn('a port to the outside could not be opened', { error }))
  })
  keepHolder(space, inner, logger)
  clock.every(idleMs, () => {
    if (agents.areThere() || hasPods(folder, inner)) return
    closeSpace(folder)
    process.exit()
  })
}

/** There is one for each agent. One that was killed in the middle may have started one of which the next knew nothing. */
function claim(folder: string): void {
  const noted = findProcess(folder, keeperName)
  if (noted === process.pid) return
  if (noted !== undefined) process.exit()
  noteProcess(folder, keeperName, process.pid)
}

function keepHolder(space: SpaceOptions, inner: InnerHalf, logger: Logger): void {
  let replacing: Promise<void> | undefined
  const replace = async () => {
    logger.warn('the process that holds the network of pods has ended: another takes its place')
    try {
      await holdSpace(space, inner.pid)
    } catch (error) {
      logger.error('nobody holds the network of pods: none can start. It is tried again', { error })
    }
    replacing = undefined
  }
  realClock.every(scanMs, () => {
    if (findProcess(space.folder, holderName) === undefined) replacing ??= replace()
  })
}

/** But for its keeper, the holder, and bubblewrap, which waits for that. */
function hasPods(folder: string, inner: InnerHalf): boolean {
  const holder = findProcess(folder, holderName) ?? 0
  const own = [inner.pid, holder, readStat(holder)?.parentPid]
  return processesBeside(inner.pid).some((pid) => !own.includes(pid))
}
