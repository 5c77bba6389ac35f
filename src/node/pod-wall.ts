/**
 * The wall where the agent is an ordinary user, who has no packet filter: sandboxed pods are in a network of their own, whose keeper
 * (`runtime/process/network/network-keeper.ts`) is started, spoken to, and started again when it has ended.
 */
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { backoffMs } from '../base/backoff.ts'
import type { PodNetwork } from '../runtime/process/network/pod-network.ts'
import type { NodeContext } from './context.ts'
import type { NetworkWall } from './network-wall.ts'

const retry = { baseMs: 100, factor: 2, capMs: 60_000, jitter: 0.1 }

/** Of the agent with this folder: where the network's processes are written down. */
export const networkFolderOf = (dataDir: string): string => join(dataDir, 'network')

/**
 * Resolves when it is known whether pods can be put there. The network is made when the first one comes, and found again where one
 * was made before. Disposal leaves it and who is in it.
 */
export async function openPodWall(
  network: Pick<PodNetwork, 'connect' | 'find' | 'onFirst' | 'ready'>,
  context: Pick<
    NodeContext,
    'apiServer' | 'clock' | 'dataDir' | 'logger' | 'loopbackBlock' | 'networkSocket' | 'random'
  >,
): Promise<NetworkWall> {
  const { apiServer, clock, dataDir, logger, loopbackBlock, networkSocket, random } = context
  const stop = new AbortController()
  const folder = networkFolderOf(dataDir)
  let keeper: Socket | undefined
  let isPossible = false
  let keeping: Promise<void> | undefined
  const connect = async (agentSocket: string): Promise<Socket> => {
    const shared = dirname(agentSocket)
    const settings = {
      folder,
      controlPath: join(dirname(shared), 'keeper'),
      questionPath: join(shared, 'out'),
      block: loopbackBlock,
    }
    const word = { agentSocket, ...(apiServer && { api: apiServer }) }
    keeper = await network.connect(settings, word, stop.signal)
    if (stop.signal.aborted) keeper.destroy()
    return keeper
  }
  const keep = async (agentSocket: string, onFirst: () => void) => {
    for (let failures = 0; !stop.signal.aborted;) {
      try {
        const socket = await connect(agentSocket)
        failures = 0
        onFirst()
        if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
        if (!stop.signal.aborted)
          logger.warn('the keeper of the network of pods has ended: another is started')
      } catch (error) {
        if (!stop.signal.aborted)
          logger.error('no pod in a sandbox can start: their network is not there. It is tried again', {
            error,
          })
        onFirst()
      }
      keeper = undefined
      await clock.sleep(backoffMs(failures++, retry, random), stop.signal).catch(() => {}) // stopped: the loop ends
    }
  }
  const make = (agentSocket: string) => {
    const first = Promise.withResolvers<void>()
    keeping = keep(agentSocket, first.resolve)
    return first.promise
  }
  try {
    if (networkSocket === undefined) throw new Error('the path of the socket at which they ask is too long')
    const isThere = await network.find(folder)
    isPossible = true
    network.onFirst(() => make(networkSocket))
    if (isThere) await network.ready().catch(() => {}) // it was said why; pods wait
  } catch (error) {
    logger.warn('pods in sandboxes reach services on this machine and the metadata of a cloud', { error })
  }
  return {
    isUp: () => (keeping ? keeper !== undefined : isPossible),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the agent ends'))
      keeper?.destroy()
      await keeping
    },
  }
}
