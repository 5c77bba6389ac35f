/**
 * Keeps sandboxed pods from what the machine serves to itself and from where a cloud tells it its credentials. Where the agent is
 * root, the kernel does that by rules which are made here, once, and looked after: who empties the packet filter (a firewall
 * that is loaded anew) takes them away with it. They outlive the agent, as pods do; `sampan down` removes them, and where it
 * never runs, the next agent that starts on the machine.
 */
import { lookup } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { raiseWall, readWall, wallChainOf, type WallState } from '../runtime/process/sandbox/network-wall.ts'
import { noteWall, sweepWalls } from '../runtime/process/sandbox/wall-records.ts'
import type { Opening, Wall } from '../runtime/process/sandbox/wall-rules.ts'
import { podIdsOf } from './sandbox-ids.ts'
import type { ApiAddress } from './service-env.ts'

export interface NetworkWallOptions {
  readonly dataDir: string
  readonly loopbackBlock: string
  /** Where pods reach the API. */
  readonly apiServer: ApiAddress | undefined
  /** Where agents leave word of their walls; that of the machine by default. */
  readonly records?: string
  readonly clock: Clock
  readonly logger: Logger
}

export interface NetworkWall extends AsyncDisposable {
  /** Whether it stood when it was last looked at. */
  readonly isUp: () => boolean
}

const lookMs = 60_000

/** Resolves when it stands or can't. Disposal leaves it. */
export async function openNetworkWall(options: NetworkWallOptions): Promise<NetworkWall> {
  const { apiServer, clock, dataDir, loopbackBlock, logger } = options
  const chain = wallChainOf(dataDir)
  await sweepWalls(options.records).then(
    (chains) => chains.length > 0 && logger.info('walls of killed agents are taken away', { chains }),
    (error: unknown) => logger.warn('walls of killed agents could not be taken away', { error }),
  )
  let state: WallState | undefined
  const raise = async () => {
    const openings = [...(await apiOpenings(apiServer)), ...nameServerOpenings(readResolvConf())]
    const wall: Wall = { chain, groups: podIdsOf(loopbackBlock), own: loopbackBlock, openings }
    note(wall, options)
    const next = await raiseWall(wall)
    if (!next.isUp && state?.isUp !== false)
      logger.warn('pods in sandboxes reach services on this machine and the metadata of a cloud', {
        reason: next.reason,
      })
    state = next
  }
  const look = async () => {
    if (state?.isUp) {
      // What can't be read is made anew, or gets its reason.
      if ((await readWall(chain).catch(() => '')) === state.stands) return
      logger.warn('the rules that keep pods from services of this machine were changed: made again')
    }
    await raise()
  }
  let looking = raise()
  await looking
  const stop = clock.every(lookMs, () => {
    looking = look()
  })
  return {
    isUp: () => state?.isUp === true,
    async [Symbol.asyncDispose]() {
      stop()
      await looking
    },
  }
}

function note(wall: Wall, { logger, records }: NetworkWallOptions): void {
  try {
    noteWall(wall, records)
  } catch (error) {
    logger.info('only `sampan down` will take the wall away: no word of it could be left', { error })
  }
}

async function apiOpenings(apiServer: ApiAddress | undefined): Promise<readonly Opening[]> {
  if (!apiServer) return []
  const { host, port } = apiServer
  // A name that leads nowhere now leads to no service of this machine either.
  const found = await lookup(host, { all: true }).catch(() => [])
  return found.map(({ address }) => ({ address, port, protocol: 'tcp' }))
}

/** The system's resolver often listens on loopback; in some clouds it is the metadata service itself. */
export const nameServerOpenings = (resolvConf: string): readonly Opening[] =>
  [...resolvConf.matchAll(/^\s*nameserver\s+([\da-f:.]+)/gim)].flatMap(([, address = '']) =>
    (['udp', 'tcp'] as const).map((protocol) => ({ address, port: 53, protocol })),
  )

function readResolvConf(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8')
  } catch {
    return '' // a machine without: names are looked for on 127.0.0.1, by programs that look for any
  }
}
