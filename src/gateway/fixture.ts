import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import { connectPatiently } from '../base/patient-socket.ts'
import { type Gateway, type GatewayOptions, openGateway } from './gateway.ts'
import type { Dial } from './gateway-core.ts'
import type { Endpoint, RouteData } from './route-data.ts'

/** For tests: a real gateway before real upstreams on loopback. */

export const endpointAt = (port: number, more: Partial<Endpoint> = {}): Endpoint => ({
  key: `127.0.0.1:${port}`,
  node: '',
  podIP: '127.0.0.1',
  port,
  ready: true,
  serving: true,
  terminating: false,
  ...more,
})

/** One route for everything to the given ports. */
export const allTo = (...ports: number[]): RouteData => ({
  routes: [{ host: '', path: '/', pathType: 'Prefix', backend: 'app' }],
  backends: new Map([['app', ports.map((port) => endpointAt(port))]]),
})

/** What a stream that is not a socket looks like to the gateway: it emits 'data'. */
export const plainDial: Dial = ({ podIP, port }) =>
  connect({ host: podIP, port, noDelay: true, allowHalfOpen: true })

export function gatewayTo(routes: RouteData, options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  return openGateway({
    listen: { host: '127.0.0.1', port: 0 },
    clock: realClock,
    random: realRandom,
    logger: silentLogger,
    dial: ({ podIP, port }, { onread }) =>
      connectPatiently({ host: podIP, port, noDelay: true, allowHalfOpen: true, onread }),
    routes,
    ...options,
    limits: { graceMs: 0, ...options.limits },
  })
}

export interface Upstream extends AsyncDisposable {
  readonly port: number
  readonly server: Server
}

/** A `node:http` app. Disposing closes its connections at once, as a killed process does. */
export async function openApp(handler: Parameters<typeof createServer>[1]): Promise<Upstream> {
  const server = createServer(handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    server,
    async [Symbol.asyncDispose]() {
      if (!server.listening) return
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A client that speaks bytes. */
export class RawClient {
  readonly socket: Socket
  text = ''
  isClosed = false
  error: NodeJS.ErrnoException | undefined
  #waiting: (() => void)[] = []

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1')
      this.#tell()
    })
    this.socket.on('error', (error) => (this.error = error))
    this.socket.on('end', () => {
      this.isClosed = true
      this.socket.end()
      this.#tell()
    })
    this.socket.on('close', () => {
      this.isClosed = true
      this.#tell()
    })
  }

  #tell(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Resolves when `has` is true of what has been received; rejects when the connection closes before. */
  async until(has: (text: string) => boolean): Promise<string> {
    while (!has(this.text)) {
      if (this.isClosed) throw new Error(`the connection closed after: ${JSON.stringify(this.text)}`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    return this.text
  }

  /** Resolves with everything received once the gateway has closed the connection. */
  async closed(): Promise<string> {
    while (!this.isClosed) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.text
  }
}
