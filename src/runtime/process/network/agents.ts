/**
 * What an agent and the keeper of the pods' network say to each other: a line each, again and again as long as both live. The first of an
 * agent tells who it is; the others are empty, and only ask whether anybody is still there.
 */
import { rmSync } from 'node:fs'
import { lookup } from 'node:dns/promises'
import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Clock } from '../../../base/clock.ts'
import type { Logger } from '../../../base/logger.ts'
import type { Place } from './inside.ts'
import type { WaysOut } from './ways-out.ts'

/** What an agent says when it has come, as JSON. */
export interface AgentWord {
  readonly agentSocket: string
  /** Where pods reach the API. */
  readonly api?: { readonly host: string; readonly port: number }
}

/** The answer. */
export interface KeeperWord {
  readonly pid: number
}

export interface AgentsOptions {
  /** Where agents come to. */
  readonly controlPath: string
  readonly waysOut: WaysOut
  readonly clock: Clock
  readonly logger: Logger
}

export interface Agents {
  listen(): Promise<void>
  /** Where the last that came answers for the cluster. */
  socketPath(): string | undefined
  areThere(): boolean
}

/** Pods that come before the API's name is found connect to it a moment later. */
const apiMsMax = 3_000

export function serveAgents({ clock, controlPath, logger, waysOut }: AgentsOptions): Agents {
  const here = new Set<Socket>()
  const kept = new Set<string>()
  let socketPath: string | undefined
  const onWord = async (line: string) => {
    const word = JSON.parse(line) as AgentWord
    socketPath = word.agentSocket
    // A pod may have been there first.
    const keeping = keepApi(word, waysOut, kept).catch((error: unknown) =>
      logger.error('pods do not reach the API server at its address on this machine', { error }),
    )
    await Promise.race([keeping, clock.sleep(apiMsMax)])
  }
  const answer = async (line: string, agent: Socket) => {
    try {
      if (line !== '') await onWord(line)
      agent.write(`${JSON.stringify({ pid: process.pid } satisfies KeeperWord)}\n`)
    } catch (error) {
      logger.error('what an agent said could not be done', { error })
      agent.destroy()
    }
  }
  const server = createServer((agent) => {
    here.add(agent)
    agent.once('close', () => here.delete(agent))
    createInterface({ input: agent })
      .on('error', () => {}) // killed
      .on('line', (line) => void answer(line, agent))
  })
  return {
    listen() {
      rmSync(controlPath, { force: true }) // of a keeper that was killed
      return new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(controlPath, () => resolve())
      })
    },
    socketPath: () => socketPath,
    areThere: () => here.size > 0,
  }
}

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
