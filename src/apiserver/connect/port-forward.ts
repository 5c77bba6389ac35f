/**
 * pods/portforward. kubectl speaks SPDY, raw or as messages of a WebSocket: for each connection it opens an error stream and a data
 * stream with the same request id. Other clients speak channels (`port-forward-channels.ts`). Each connection is one
 * stream to the pod's node.
 */
import type { Duplex } from 'node:stream'
import { createWebSocketStream } from 'ws'
import { pipeBoth } from '../../base/byte-streams.ts'
import {
  isPort,
  spdyPortForwardProtocol,
  tunnelledPortForwardProtocol,
} from '../../api/streams/port-forward.ts'
import type { Headers } from '../../api/streams/spdy-headers.ts'
import { dialPod, forwardError, placedPod, type PlacedPod } from './pod-target.ts'
import { forwardChannels } from './port-forward-channels.ts'
import { offeredProtocols } from './protocol-token.ts'
import { openSpdySession } from './spdy-session.ts'
import { streamProtocolOf, switchToSpdy } from './spdy-upgrade.ts'
import type { UpgradeContext, UpgradeHandler } from './upgrade-context.ts'
import { acceptWebSocket } from './websocket.ts'

export const portForward: UpgradeHandler = async (context) => {
  const { request } = context
  const isWebSocket = request.headers['upgrade']?.toLowerCase() === 'websocket'
  if (!isWebSocket) {
    const protocol = streamProtocolOf(context, [spdyPortForwardProtocol])
    const pod = await placedPod(context)
    return { ended: forwardSpdy(context, pod, switchToSpdy(context, protocol)) }
  }
  if (!offeredProtocols(request).includes(tunnelledPortForwardProtocol)) return forwardChannels(context)
  const pod = await placedPod(context)
  const webSocket = await acceptWebSocket(context, tunnelledPortForwardProtocol)
  return { ended: forwardSpdy(context, pod, createWebSocketStream(webSocket)) }
}

/** Half a pair whose other half has not come by then is given up. */
const pairWithinMs = 30_000
/** As many as SPDY streams allow, in pairs; what is beyond is refused. */
const connectionsMax = 500

/** An error stream and a data stream that belong together, as far as they have come. */
interface Pair {
  error?: Duplex
  data?: Duplex
}

async function forwardSpdy(context: UpgradeContext, pod: PlacedPod, socket: Duplex): Promise<void> {
  const { clock, logger } = context.machinery
  const pairs = new Map<string, Pair>()
  const gone = new AbortController()
  const onStream = (headers: Headers, stream: Duplex): boolean => {
    const { streamtype: type, requestid: id = '' } = headers
    const port = Number(headers['port'])
    if ((type !== 'error' && type !== 'data') || !isPort(port)) return false
    const pair = pairs.get(id) ?? {}
    if (pair[type] || (!pairs.has(id) && pairs.size >= connectionsMax)) return false
    pair[type] = stream
    pairs.set(id, pair)
    const { error, data } = pair
    if (error && data) {
      // kubectl only ever closes it.
      error.resume()
      void forwardOne(context, { pod, port, error, data, signal: gone.signal }).finally(() =>
        pairs.delete(id),
      )
    } else {
      const cancel = clock.after(pairWithinMs, () => {
        if (pair.error && pair.data) return
        stream.destroy()
        pairs.delete(id)
      })
      stream.once('close', cancel)
    }
    return true
  }
  const session = openSpdySession({
    socket,
    onStream,
    onError: (error) => logger.debug('a SPDY connection broke', { error }),
  })
  await session.closed
  gone.abort(new Error('the client went away'))
}

interface Connection {
  readonly pod: PlacedPod
  readonly port: number
  readonly error: Duplex
  readonly data: Duplex
  readonly signal: AbortSignal
}

/** Never rejects: what goes wrong is told on the error stream. */
async function forwardOne(context: UpgradeContext, connection: Connection): Promise<void> {
  const { pod, port, error, data, signal } = connection
  try {
    const node = await dialPod(context, pod, port, signal)
    await pipeBoth(data, node)
    error.end()
  } catch (why) {
    error.end(forwardError(pod, port, why))
    data.resume()
    data.end()
  }
}
