/**
 * Requests that leave HTTP: exec, attach, port-forward, DevTools, watches and logs on a WebSocket, and upgrades that pass through a
 * `proxy` subresource. Start reading at `remote-command.ts`.
 */
import type { Duplex } from 'node:stream'
import { badRequest, methodNotAllowed, unknownResource } from '../../api/status.ts'
import { checkPlace } from '../registry.ts'
import { isTrue } from '../request-info.ts'
import { log } from '../subresources/log.ts'
import { createStreamBounds, type StreamLimits } from '../stages/stream-bounds.ts'
import { watch } from '../verbs/watch.ts'
import type { VerbContext, VerbHandler } from '../context.ts'
import type { UpgradeHandler } from './upgrade-context.ts'

export interface Upgrades {
  /** Takes the socket over. Rejects with a StatusError as long as nothing has been answered on it. */
  serve(context: VerbContext, socket: Duplex, head: Uint8Array): Promise<void>
}

/** Each holds a connection, a stream to a node and some buffers: about a hundred KiB. One client can't take them all. */
export const upgradeLimits: StreamLimits = { heldMax: 2_000, heldPerUserMax: 1_000, what: 'upgraded streams' }

type Load = () => Promise<UpgradeHandler>

// Loaded when somebody asks: a WebSocket library is memory that most servers never need.
const remoteCommand: Load = async () => (await import('./remote-command.ts')).remoteCommand
const inspect: Load = async () => (await import('./inspect.ts')).inspect
const portForward: Load = async () => (await import('./port-forward.ts')).portForward
const proxyUpgrade: Load = async () => (await import('../subresources/proxy-upgrade.ts')).proxyUpgrade
const onWebSocket =
  (verb: VerbHandler): Load =>
  async () =>
    (await import('./body-on-websocket.ts')).bodyOnWebSocket(verb)

const subresources: Readonly<Record<string, Load>> = {
  'pods/exec': remoteCommand,
  'pods/attach': remoteCommand,
  'pods/inspect': inspect,
  'pods/portforward': portForward,
  'pods/log': onWebSocket(log),
  'pods/proxy': proxyUpgrade,
  'services/proxy': proxyUpgrade,
}

export function createUpgrades(): Upgrades {
  const bounds = createStreamBounds(upgradeLimits)
  return {
    async serve(context, socket, head) {
      const handler = await loaderOf(context)()
      const free = bounds.hold(context.user)
      const closed = new AbortController()
      socket.once('close', () => closed.abort(new Error('the client went away')))
      const signal = AbortSignal.any([context.signal, closed.signal])
      try {
        const { ended } = await handler({ ...context, signal, socket, head })
        void ended.finally(free)
      } catch (error) {
        free()
        // Whatever broke off, broke off because of that, and nobody reads the answer.
        if (closed.signal.aborted) throw badRequest('the client went away')
        throw error
      }
    },
  }
}

/** Throws what an ordinary request would be told. */
function loaderOf({ def, info }: VerbContext): Load {
  checkPlace(def, info)
  if (info.subresource !== '') {
    const load = def.group === '' ? subresources[`${def.plural}/${info.subresource}`] : undefined
    if (!load) throw unknownResource()
    return load
  }
  const isWatch = info.name === '' && info.method === 'GET' && isTrue(info.query.get('watch'))
  if (isWatch && def.verbs.includes('watch')) return onWebSocket(watch)
  throw methodNotAllowed()
}
