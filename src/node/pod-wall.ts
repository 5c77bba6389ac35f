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

/** Resolves when pods may be put there, or can't. Disposal leaves the network and who is in it. */
export async function openPodWall(network: PodNetwork, context: NodeContext): Promise<NetworkWall> {
  const { apiServer, clock, dataDir, logger, loopbackBlock, networkSocket, random } = context
  const stop = new AbortController()
  let keeper: Socket | undefined
  const connect = async (agentSocket: string) => {
    const shared = dirname(agentSocket)
    const settings = {
      folder: networkFolderOf(dataDir),
      controlPath: join(dirname(shared), 'keeper'),
      questionPath: join(shared, 'out'),
      block: loopbackBlock,
    }
    keeper = await network.connect(settings, { agentSocket, ...(apiServer && { api: apiServer }) })
    return keeper
  }
  const keep = async (agentSocket: string, onFirst: () => void) => {
    for (let failures = 0; !stop.signal.aborted;) {
      try {
        const socket = await connect(agentSocket)
        failures = 0
        onFirst()
        await new Promise((resolve) => socket.once('close', resolve))
        if (!stop.signal.aborted)
          logger.warn('the keeper of the network of pods has ended: another is started')
      } catch (error) {
        logger.warn('pods in sandboxes reach services on this machine and the metadata of a cloud', { error })
        onFirst()
      }
      keeper = undefined
      await clock.sleep(backoffMs(failures++, retry, random), stop.signal).catch(() => {}) // stopped: the loop ends
    }
  }
  const first = Promise.withResolvers<void>()
  if (networkSocket === undefined) {
    logger.warn(
      'pods in sandboxes reach services on this machine: the path of the socket at which they ask is too long',
    )
    first.resolve()
  }
  const keeping = networkSocket === undefined ? undefined : keep(networkSocket, first.resolve)
  await first.promise
  return {
    isUp: () => keeper !== undefined,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the agent ends'))
      keeper?.destroy()
      await keeping
    },
  }
}
