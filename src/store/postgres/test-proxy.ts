import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A network between tests and a server on loopback, which can be cut. Not part of the product. */
export interface TestProxy extends AsyncDisposable {
  readonly port: number
  /** Ends all connections, as a firewall that forgets them; new ones are let through. */
  cut(): void
  /** From now on answers are swallowed, in connections that are and that come; requests still arrive. */
  swallow(isSwallowing: boolean): void
  /** New connections go to another server. */
  lead(targetPort: number): void
}

export async function startTestProxy(targetPort: number, address = '127.0.0.1'): Promise<TestProxy> {
  let target = targetPort
  const sockets = new Set<Socket>()
  let isSwallowing = false
  const track = (socket: Socket, peer: () => Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}) // 'close' follows, which is what counts
    socket.on('close', () => {
      sockets.delete(socket)
      peer().destroy()
    })
  }
  const proxy = createServer((client) => {
    const server = connect(target, '127.0.0.1')
    track(client, () => server)
    track(server, () => client)
    client.on('data', (chunk) => server.write(chunk))
    server.on('data', (chunk) => {
      if (!isSwallowing) client.write(chunk)
    })
  }).listen(0, address)
  await once(proxy, 'listening')
  const listening = proxy.address()
  if (listening === null || typeof listening === 'string') throw new Error('the system gave no port')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: listening.port,
    cut,
    swallow(on) {
      isSwallowing = on
    },
    lead(port) {
      target = port
    },
    async [Symbol.asyncDispose]() {
      proxy.close()
      cut()
      await once(proxy, 'close')
    },
  }
}
