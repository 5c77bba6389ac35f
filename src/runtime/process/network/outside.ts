/** The half of the keeper that is in the machine's network (`network-keeper.ts`): it decides, and speaks to the agent. */
import { mkdirSync, rmSync } from 'node:fs'
import { lookup } from 'node:dns/promises'
import { createServer, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { realClock } from '../../../base/clock.ts'
import { realRandom } from '../../../base/ids.ts'
import type { Logger } from '../../../base/logger.ts'
import { readStat } from '../proc.ts'
import { startInnerHalf, type InnerHalf } from './inner-half.ts'
import type { Place } from './inside.ts'
import { openMirrors } from './mirrors.ts'
import { serveNames } from './names.ts'
import { keeperName, noteProcess, processesBeside } from './processes.ts'
import { serveQuestions } from './questions.ts'
import { openOutlet } from './outlet.ts'
import { closeSpace, enterSpace, openSpace, type SpacePrograms } from './space.ts'
import { openWaysOut, type WaysOut } from './ways-out.ts'

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

/** What an agent says when it has come, in a line of JSON. It stays connected as long as it lives. */
export interface AgentWord {
  readonly agentSocket: string
  /** Where pods reach the API. */
  readonly api?: { readonly host: string; readonly port: number }
}

/** The answer. */
export interface KeeperWord {
  readonly holderPid: number
}

/** Programs without the preload are found by looking. */
const scanMs = 1_000
/** Without an agent and without pods it is of no use. */
const idleMs = 60_000

export async function serveOutside(settings: KeeperSettings, logger: Logger): Promise<void> {
  const { block, controlPath, folder, programs, questionPath } = settings
  const [address = ''] = block.split('/')
  const [clock, random] = [realClock, realRandom]
  const holderPid = await openSpace(folder, programs)
  const entry = process.argv[1] ?? ''
  const enter = enterSpace(programs, holderPid)
  const inner = startInnerHalf({ enter, entry })
  // The agent starts another keeper, which finds the network as it is.
  void inner.ended.then(() => process.exit(1))
  let agentSocket: string | undefined
  const mirrors = openMirrors({
    inner,
    block,
    onProblem: (place, error) =>
      logger.warn('a pod listens where nobody from the machine reaches it', { place, error }),
  })
  const waysOut = openWaysOut({ inner, clock, random })
  await serveNames({ inner, address, clock })
  await openOutlet({ enter, holderPid, entry, waysOut }).catch((error: unknown) =>
    logger.info('programs in pods that are no Node.js reach nothing outside of the cluster', { error }),
  )
  // Nobody else gets through the outer folder; a sandbox is given the inner one.
  mkdirSync(dirname(controlPath), { recursive: true, mode: 0o700 })
  mkdirSync(dirname(questionPath), { recursive: true, mode: 0o755 })
  await serveQuestions({ path: questionPath, agentSocket: () => agentSocket, mirrors, waysOut, clock })
  await mirrors.scan()
  clock.every(scanMs, () => void mirrors.scan())
  const kept = new Set<string>()
  const agents = new Set<Socket>()
  const onWord = async (line: string, agent: Socket) => {
    const word = JSON.parse(line) as AgentWord
    agentSocket = word.agentSocket
    // A pod may have been there first.
    await keepApi(word, waysOut, kept).catch((error: unknown) =>
      logger.error('pods do not reach the API server at its address on this machine', { error }),
    )
    agent.write(`${JSON.stringify({ holderPid } satisfies KeeperWord)}\n`)
  }
  rmSync(controlPath, { force: true })
  createServer((agent) => {
    agents.add(agent)
    agent.on('error', () => {}) // killed
    agent.once('close', () => agents.delete(agent))
    agent.setEncoding('utf8').once('data', (line: string) => {
      onWord(line, agent).catch((error: unknown) => {
        logger.error('what an agent said could not be done', { error })
        agent.destroy()
      })
    })
  }).listen(controlPath, () => noteProcess(folder, keeperName, process.pid))
  clock.every(idleMs, () => {
    if (agents.size > 0 || hasPods(inner, holderPid)) return
    closeSpace(folder)
    process.exit()
  })
}

const hasPods = (inner: InnerHalf, holderPid: number): boolean =>
  processesBeside(holderPid).some(
    (pid) => pid !== holderPid && pid !== inner.pid && !isBeside(pid, holderPid),
  )

/** bubblewrap, which waits for the holder, is in the network, too. */
const isBeside = (pid: number, holderPid: number): boolean => readStat(holderPid)?.parentPid === pid

/** The one service of the machine that pods may reach on loopback, at the address that they are told. */
async function keepApi({ api }: AgentWord, waysOut: WaysOut, kept: Set<string>): Promise<void> {
  if (!api) return
  const isLoopback = (address: string) => address.startsWith('127.') || address === '::1'
  // A name that leads nowhere now leads to no service of this machine either.
  const found = await lookup(api.host, { all: true }).catch(() => [])
  for (const { address } of found.filter((one) => isLoopback(one.address))) {
    const place: Place = { address, port: api.port }
    const key = JSON.stringify(place)
    if (kept.has(key)) continue
    await waysOut.keepOpen(place)
    kept.add(key)
  }
}
