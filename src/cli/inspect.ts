/**
 * `sampan inspect POD`: Chrome's DevTools, or any debugger that speaks their protocol, on a process of the pod. They connect to a
 * port of this machine, and each of their messages goes through the API server to the process and back.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import type { Random } from '../base/ids.ts'
import type { Kubeconfig } from '../client/kubeconfig.ts'
import { podPath, podRefusal, type PodPlace } from './server-connection.ts'

export interface InspectOptions {
  readonly server: Kubeconfig
  readonly place: PodPlace
  /** Of this machine, on loopback; 0 for any. */
  readonly port: number
  readonly random: Random
  readonly print: (line: string) => void
  readonly signal: AbortSignal
}

/** DevTools read objects and scripts as one message each. */
const messageBytesMax = 64 * 1024 * 1024
const bufferedBytesMax = 1024 * 1024

/** Resolves when the signal aborts. Throws when the process can't be inspected. */
export async function inspect(options: InspectOptions): Promise<void> {
  const { place, port, print, random, signal } = options
  // Whoever doesn't know the path has no way in: other users of this machine can reach the port, too.
  const path = `/${random.uuid()}`
  let waiting: WebSocket | undefined = await openRemote(options)
  waiting.once('close', () => (waiting = undefined))
  const server = new WebSocketServer({ host: '127.0.0.1', port, path, maxPayload: messageBytesMax })
  await once(server, 'listening')
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}${path}`
  const sockets = new Set<WebSocket>(waiting ? [waiting] : [])
  server.on('connection', (local) => {
    sockets.add(local)
    local.on('error', () => {}) // 'close' follows
    local.pause() // nothing is lost that it says at once
    const taken = waiting
    waiting = undefined
    void (taken ? Promise.resolve(taken) : openRemote(options)).then(
      (remote) => {
        sockets.add(remote)
        join(local, remote)
      },
      (error: unknown) => {
        print(String(error instanceof Error ? error.message : error))
        local.close(1011)
      },
    )
  })
  print(`inspecting a process of ${place.pod}: open in Chrome, or give a debugger the address behind ws=`)
  print(`devtools://devtools/bundled/js_app.html?v8only=true&ws=${address}`)
  print('Ctrl-C ends it')
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  for (const socket of sockets) socket.terminate()
  server.close()
}

/** The process holds still for nobody yet; it can be spoken to. */
async function openRemote({ place, server, signal }: InspectOptions): Promise<WebSocket> {
  const { ca, cert, key, token } = server
  const url = `${server.server.replace(/^http/, 'ws')}${podPath(place, server, 'inspect')}`
  const socket = new WebSocket(url, {
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
  })
  const refused = new Promise<never>((_resolve, reject) => {
    socket.once('unexpected-response', (request, response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (body += text))
      response.once('close', () => {
        reject(podRefusal({ body, status: response.statusCode ?? 0 }, place, server))
        request.destroy()
      })
    })
  })
  await Promise.race([once(socket, 'open', { signal }), refused])
  socket.on('error', () => {}) // 'close' follows
  return socket
}

/** Each way no faster than the other side takes it. The end of one is the other's. */
function join(local: WebSocket, remote: WebSocket): void {
  for (const [from, to] of [
    [local, remote],
    [remote, local],
  ] as const) {
    from.on('message', (message: Buffer, isBinary) => {
      to.send(message, { binary: isBinary }, () => {
        if (to.bufferedAmount < bufferedBytesMax) from.resume()
      })
      if (to.bufferedAmount >= bufferedBytesMax) from.pause()
    })
    from.once('close', () => to.close())
    if (from.readyState === from.CLOSED) to.close()
  }
  local.resume()
}
