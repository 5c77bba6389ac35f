import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A network between tests and a server on loopback, which can be cut. Not part of the product. */
export interface TestProxy extends AsyncDisposable {
  readonly port: number
  /** Ends all connections, as a firewall that forgets them; new ones are let through. */
  cut(): void
  /** From now on answers are swallowed, in connections that are and that come; requests still arrive. */
  swallow(isSwallowing: boolean): void
}

export async function startTestProxy(targetPort: number): Promise<TestProxy> {
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
    const server = connect(targetPort, '127.0.0.1')
    track(client, () => server)
    track(server, () => client)
    client.on('data', (chunk) => server.write(chunk))
    server.on('data', (chunk) => {
      if (!isSwallowing) client.write(chunk)
    })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address.port,
    cut,
    swallow(on) {
      isSwallowing = on
    },
    async [Symbol.asyncDispose]() {
      proxy.close()
      cut()
      await once(proxy, 'close')
    },
  }
}
