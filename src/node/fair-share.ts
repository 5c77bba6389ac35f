/**
 * Keeps one pod from holding all connections that its node offers. Where the agent is root each sandboxed pod has a user of its own, and the
 * kernel tells whose a connection on this machine is. It is asked when there are so many that somebody may have too many.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../base/clock.ts'

export interface FairShareOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Of all together. */
  readonly socketsMax: number
  /** Of one user, but this process's own: whoever shares that can't be told apart. */
  readonly userSocketsMax: number
  /** By `ADDRESS:PORT` of the end that a user has, and of ours. */
  readonly readUsers: () => ReadonlyMap<string, number>
  readonly onExcess: (uid: number, closed: number) => void
}

/** The tables of sixteen thousand connections take the kernel and this process some ten milliseconds. */
const lookMs = 1_000

/** Counts a socket until it is closed. False: it was closed, as there are too many. */
export function createFairShare(options: FairShareOptions): {
  enter(socket: Socket): boolean
  close(): void
} {
  const { clock, socketsMax, userSocketsMax } = options
  const sockets = new Set<Socket>()
  let nextLookMs = -Infinity
  return {
    enter(socket) {
      if (sockets.size >= userSocketsMax && clock.monotonicMs() >= nextLookMs) {
        nextLookMs = clock.monotonicMs() + lookMs
        closeExcess(sockets, options)
      }
      if (sockets.size >= socketsMax) {
        socket.destroy()
        return false
      }
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      return true
    },
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Of who has too many, those that came last. */
function closeExcess(sockets: Set<Socket>, { onExcess, readUsers, userSocketsMax }: FairShareOptions): void {
  const users = readUsers()
  const counts = new Map<number, number>()
  for (const socket of sockets) {
    const uid = users.get(endsOf(socket))
    if (uid === undefined || uid === process.getuid?.()) continue
    const count = (counts.get(uid) ?? 0) + 1
    counts.set(uid, count)
    if (count <= userSocketsMax) continue
    sockets.delete(socket)
    socket.destroy()
  }
  for (const [uid, count] of counts) if (count > userSocketsMax) onExcess(uid, count - userSocketsMax)
}

const endsOf = ({ localAddress, localPort, remoteAddress, remotePort }: Socket): string =>
  `${remoteAddress}:${remotePort} ${localAddress}:${localPort}`
