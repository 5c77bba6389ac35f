/**
 * The half of the keeper that is in the pods' network (`network-keeper.ts`). It makes listening sockets there and hands them out, and takes
 * listening sockets of the machine and joins who comes by them with the pod. It decides nothing, and ends with the other half.
 */
import { createServer, connect, Server, Socket } from 'node:net'
import { createSocket } from 'node:dgram'
import type { SendHandle } from 'node:child_process'
import { pipeBoth } from '../../../base/byte-streams.ts'

export interface Place {
  readonly address: string
  readonly port: number
}

/** What the other half asks for. Each question has an answer with the same `id`. */
export type Order =
  /** A socket in the pods' network; the answer brings it along. */
  | ({ readonly do: 'listen' | 'bind'; readonly id: number } & Place)
  /** Comes with a socket that listens on the machine: who connects to it is led to the place. */
  | ({ readonly do: 'lead' } & Place)
  /** Comes with one connection for the place. */
  | ({ readonly do: 'join' } & Place)
  | ({ readonly do: 'leave' } & Place)

export interface Done {
  readonly id: number
  readonly port?: number
  readonly error?: string
}

/** Of one place; each takes two descriptors. */
const connectionsMax = 16_384

export function serveInside(): void {
  const leading = new Map<string, Server>()
  const lead = (place: Place, server: Server) => {
    leading.set(keyOf(place), server)
    takeFrom(server, (socket) => joinTo(place, socket))
  }
  process.on('message', (order: Order, handle: unknown) => {
    if (order.do === 'listen') listen(order)
    else if (order.do === 'bind') bind(order)
    else if (order.do === 'lead' && handle instanceof Server) lead(order, handle)
    else if (order.do === 'join' && handle instanceof Socket) joinTo(order, handle)
    else if (order.do === 'leave') {
      leading.get(keyOf(order))?.close()
      leading.delete(keyOf(order))
    }
  })
  process.once('disconnect', () => process.exit())
}

/** Connections from a listening socket that another process has made. No one of them that breaks off breaks anything else. */
export function takeFrom(server: Server, take: (socket: Socket) => void): void {
  Object.assign(server, { allowHalfOpen: true, noDelay: true, maxConnections: connectionsMax })
  server.on('error', () => {}) // of one connection, which is lost
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => {}) // 'close' follows
    take(socket)
  })
}

export const keyOf = ({ address, port }: Place): string => `${address}:${port}`

/** A pod that doesn't listen any more refuses; whoever asked shall see that rather than an end. */
function joinTo({ address, port }: Place, socket: Socket): void {
  const far = connect({ host: address, port, noDelay: true, allowHalfOpen: true })
  far.once('error', () => socket.resetAndDestroy())
  void pipeBoth(socket, far)
}

function listen({ id, address, port }: Extract<Order, { readonly id: number }>): void {
  // Who comes before it is given away has come too early.
  const server = createServer((socket) => socket.destroy())
  server.once('error', (error) => answer({ id, error: error.message }))
  server.listen(port, address, () => {
    const bound = server.address()
    answer({ id, port: bound !== null && typeof bound === 'object' ? bound.port : 0 }, server, () =>
      server.close(),
    )
  })
}

function bind({ id, address, port }: Extract<Order, { readonly id: number }>): void {
  const socket = createSocket('udp4')
  socket.once('error', (error) => answer({ id, error: error.message }))
  socket.bind(port, address, () => answer({ id, port: socket.address().port }, socket, () => socket.close()))
}

/** The other half has a descriptor of its own once it is sent. */
function answer(done: Done, handle?: SendHandle, sent: () => void = () => {}): void {
  process.send?.(done, handle, {}, sent)
}
