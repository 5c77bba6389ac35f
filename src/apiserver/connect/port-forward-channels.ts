/** Port-forward as client-node and Python's client speak it: two channels of one WebSocket for each port, no half-close. */
import type { Duplex, Readable } from 'node:stream'
import type { WebSocket } from 'ws'
import { writeAll } from '../../base/byte-streams.ts'
import { encodeMessage } from '../../api/streams/channels.ts'
import {
  dataChannelOf,
  errorChannelOf,
  parsePorts,
  portBytes,
  portForwardProtocol,
  portsMax,
} from '../../api/streams/port-forward.ts'
import { badRequest } from '../../api/status.ts'
import { dialPod, forwardError, placedPod, type PlacedPod } from './pod-target.ts'
import { offeredProtocols } from './protocol-token.ts'
import type { UpgradeContext, UpgradeHandler } from './upgrade-context.ts'
import { messageStream } from './websocket-command.ts'
import { acceptWebSocket, closeNormally, sendMessage } from './websocket.ts'

export const forwardChannels: UpgradeHandler = async (context) => {
  const offered = offeredProtocols(context.request)
  if (!offered.includes(portForwardProtocol))
    throw badRequest(
      `the client offers the subprotocols [${offered.join(' ')}]; this server speaks [${portForwardProtocol}]`,
    )
  const ports = parsePorts(context.info.query)
  if (!ports) throw badRequest(`query parameter "ports" is required: 1 to ${portsMax} port numbers`)
  const pod = await placedPod(context)
  const webSocket = await acceptWebSocket(context, portForwardProtocol)
  const messages = messageStream(webSocket)
  const gone = new AbortController()
  webSocket.once('close', () => gone.abort(new Error('the client went away')))
  const forwards = ports.map((port, index) =>
    openForward(context, { pod, port, index, webSocket, signal: gone.signal }),
  )
  void takeMessages(messages, forwards).finally(() => webSocket.terminate())
  const ended = Promise.all(forwards.map(({ ended: one }) => one)).then(() => closeNormally(webSocket))
  return { ended }
}

interface Forward {
  /** Undefined when there is no connection. */
  readonly stream: Promise<Duplex | undefined>
  /** Never rejects. */
  readonly ended: Promise<void>
}

interface ForwardOptions {
  readonly pod: PlacedPod
  readonly port: number
  readonly index: number
  readonly webSocket: WebSocket
  readonly signal: AbortSignal
}

function openForward(
  context: UpgradeContext,
  { pod, port, index, webSocket, signal }: ForwardOptions,
): Forward {
  const send = (channel: number, bytes: Uint8Array) =>
    sendMessage(webSocket, encodeMessage({ channel, bytes }))
  const stream = dialPod(context, pod, port, signal)
  const run = async () => {
    await send(dataChannelOf(index), portBytes(port))
    await send(errorChannelOf(index), portBytes(port))
    try {
      for await (const chunk of await stream) await send(dataChannelOf(index), chunk as Uint8Array)
    } catch (why) {
      if (!signal.aborted) await send(errorChannelOf(index), Buffer.from(forwardError(pod, port, why)))
    }
  }
  return { stream: stream.catch(() => undefined), ended: run() }
}

async function takeMessages(messages: Readable, forwards: readonly Forward[]): Promise<void> {
  try {
    for await (const message of messages.iterator({ destroyOnReturn: false })) {
      const bytes = typeof message === 'string' ? Buffer.from(message) : (message as Buffer)
      const [channel = 1] = bytes
      if (channel % 2 === 1) continue
      const stream = await forwards[channel / 2]?.stream
      if (stream) await writeAll(stream, [bytes.subarray(1)])
    }
  } catch {
    // It broke off instead of ending: gone either way.
  }
}
