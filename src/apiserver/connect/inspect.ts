/**
 * pods/inspect on a WebSocket: Chrome's DevTools protocol with a Node.js process of the pod, one message each. To the node the
 * messages go as lines.
 */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { badRequest } from '../../api/status.ts'
import { writeAll } from '../../base/byte-streams.ts'
import { chooseContainer } from '../subresources/choose-container.ts'
import { openPodStream, placedPod } from './pod-target.ts'
import type { UpgradeHandler } from './upgrade-context.ts'
import { messageStream } from './websocket-command.ts'
import { acceptWebSocket, closeNormally, sendMessage } from './websocket.ts'

/** The text of a script is one message; so are the values of a large object. */
const lineBytesMax = 64 * 1024 * 1024

export const inspect: UpgradeHandler = async (context) => {
  const { info, request, signal } = context
  if (request.headers['upgrade']?.toLowerCase() !== 'websocket')
    throw badRequest('a process is inspected on a WebSocket')
  const pod = await placedPod(context)
  const container = chooseContainer(pod, info.query.get('container') ?? undefined)
  const query = new URLSearchParams()
  const pid = info.query.get('pid')
  if (pid !== null) query.set('pid', pid)
  const path = ['inspect', info.namespace, info.name, container]
  const node = await openPodStream(context, pod, { path, query }, signal)
  try {
    const webSocket = await acceptWebSocket(context, undefined)
    const ended = Promise.all([toNode(webSocket, node), toClient(node, webSocket)])
    return { ended: ended.then(() => {}) }
  } catch (error) {
    node.destroy()
    throw error
  }
}

async function toNode(webSocket: WebSocket, node: Duplex): Promise<void> {
  try {
    for await (const message of messageStream(webSocket)) {
      // A raw line break in JSON is nothing but white space.
      const line = String(message).replace(/[\r\n]+/g, ' ')
      if (!(await writeAll(node, [Buffer.from(`${line}\n`)]))) return
    }
  } catch {
    // The client broke off, which ends the session as well.
  } finally {
    node.destroy()
  }
}

async function toClient(node: Duplex, webSocket: WebSocket): Promise<void> {
  try {
    for await (const line of linesOf(node)) if (!(await sendMessage(webSocket, line))) return
    closeNormally(webSocket)
  } catch {
    webSocket.terminate() // the node broke off
  }
}

async function* linesOf(node: Duplex): AsyncGenerator<string> {
  let parts: Buffer[] = []
  let size = 0
  for await (const chunk of node) {
    let rest = chunk as Buffer
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield Buffer.concat([...parts, rest.subarray(0, end)]).toString('utf8')
      parts = []
      size = 0
      rest = rest.subarray(end + 1)
    }
    parts.push(rest)
    size += rest.length
    if (size > lineBytesMax) throw new Error('a message of the process is too long')
  }
}
