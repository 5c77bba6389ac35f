/**
 * Ways out of the pods' network. A program asks where it may connect to for a destination; the connection is made first, so that the
 * program learns why it fails, and then waits behind a listening socket of its own for the one who asked.
 *
 * Each of these has an address and a port that come up but once: nobody who comes late is led to another's destination.
 */
import type { LookupAddress, LookupOptions } from 'node:dns'
import { lookup } from 'node:dns'
import { connect, isIP, type Server, type Socket, type TcpNetConnectOpts } from 'node:net'
import { pipeBoth } from '../../../base/byte-streams.ts'
import type { Clock } from '../../../base/clock.ts'
import type { Random } from '../../../base/ids.ts'
import type { InnerHalf } from './inner-half.ts'
import { takeFrom, type Place } from './inside.ts'
import { createRefusal } from './refused-destinations.ts'

export interface WaysOut {
  /** To where `host` leads, unless that is refused. Throws what the connection failed of, or the signal's reason. */
  toHost(host: string, port: number, signal: AbortSignal): Promise<Place>
  /** To a place of this machine, unchecked. */
  toPlace(place: Place, signal: AbortSignal): Promise<Place>
  /** Takes who connects to a listening socket to the address that it was looking for, unless that is refused. */
  leadOn(server: Server): void
  /** In the pods' network the place is what it is on the machine, for good. */
  keepOpen(place: Place): Promise<void>
}

export interface WaysOutOptions {
  readonly inner: InnerHalf
  readonly clock: Clock
  readonly random: Random
}

/** Who has asked connects at once. */
const comesWithinMs = 30_000
/** Connections to the outside, each with two descriptors. */
const connectionsMax = 16_384

export function openWaysOut({ inner, clock, random }: WaysOutOptions): WaysOut {
  const isRefused = createRefusal()
  let count = 0
  const dial = (options: TcpNetConnectOpts, signal?: AbortSignal) =>
    new Promise<Socket>((resolve, reject) => {
      if (signal?.aborted || count >= connectionsMax) return reject(refusal('EMFILE'))
      const far = connect({ noDelay: true, allowHalfOpen: true, ...options }, () => {
        signal?.removeEventListener('abort', giveUp)
        resolve(far)
      })
      const giveUp = () => void far.destroy(refusal('ECONNABORTED'))
      signal?.addEventListener('abort', giveUp)
      count++
      far.once('close', () => count--)
      far.once('error', reject)
    })
  const lend = async (far: Socket): Promise<Place> => {
    const address = unused(random)
    far.on('error', () => {}) // 'close' follows
    try {
      const { server, port } = await inner.listen({ address, port: 0 })
      const close = () => void server.close()
      if (far.closed) close()
      far.once('close', close)
      const cancel = clock.after(comesWithinMs, () => far.destroy())
      let isTaken = false
      takeFrom(server, (socket) => {
        if (isTaken) return void socket.destroy() // before it was closed
        isTaken = true
        cancel()
        close()
        void pipeBoth(socket, far)
      })
      return { address, port }
    } catch (error) {
      far.destroy()
      throw error
    }
  }
  const lead = (socket: Socket, { address, port }: Place) =>
    dial({ host: address, port }).then(
      (far) => pipeBoth(socket, far),
      () => void socket.resetAndDestroy(),
    )
  return {
    async toHost(host, port, signal) {
      if (isIP(host) !== 0 && isRefused(host)) throw refusal('ECONNREFUSED')
      return await lend(await dial({ host, port, lookup: checkedLookup(isRefused) }, signal))
    },
    toPlace: async ({ address, port }, signal) => await lend(await dial({ host: address, port }, signal)),
    leadOn(server) {
      takeFrom(server, (socket) => {
        const { localAddress: address = '', localPort: port = 0 } = socket
        if (isRefused(address)) socket.resetAndDestroy()
        else void lead(socket, { address, port })
      })
    },
    async keepOpen(place) {
      const { server } = await inner.listen(place)
      takeFrom(server, (socket) => void lead(socket, place))
    },
  }
}

const refusal = (code: string) => Object.assign(new Error(`connect ${code}`), { code })

/** What is found is looked at and then connected to: a name can't lead elsewhere in between. */
const checkedLookup =
  (isRefused: (address: string) => boolean) =>
  (
    host: string,
    options: LookupOptions,
    callback: (error: NodeJS.ErrnoException | null, found: string | LookupAddress[], family?: number) => void,
  ): void =>
    lookup(host, { ...options, all: true }, (error, all) => {
      if (error) return callback(error, [])
      const allowed = all.filter(({ address }) => !isRefused(address))
      const [first] = allowed
      if (!first) return callback(refusal('ECONNREFUSED'), [])
      if (options.all) callback(null, allowed)
      else callback(null, first.address, first.family)
    })

/** The upper half of loopback, where no agent's pods are (`node-identity.ts`). */
const unused = (random: Random): string =>
  `127.${192 + Math.floor(random.float() * 60)}.${Math.floor(random.float() * 256)}.${1 + Math.floor(random.float() * 254)}`
