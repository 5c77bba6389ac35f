/**
 * Where a pod listens in its network, the machine listens, too: at the same address and port, so that the gateway, probes and
 * whoever else comes from the machine find pods where they would be without a network of their own.
 */
import { BlockList, createServer, type Server } from 'node:net'
import { readEnviron } from '../proc.ts'
import type { InnerHalf } from './inner-half.ts'
import { keyOf, type Place } from './inside.ts'
import { processesBeside } from './processes.ts'
import { readListening } from './tcp-table.ts'

export interface Mirrors {
  /** Makes what is missing, takes away what is too much. */
  scan(): Promise<void>
  /** Whether a pod listens there. */
  has(place: Place): boolean
}

export interface MirrorOptions {
  readonly inner: InnerHalf
  /** Of pods: `127.A.B.0/22`; the first is none's. */
  readonly block: string
  readonly onProblem: (place: Place, error: unknown) => void
}

/** Each takes a descriptor. */
const mirrorsMax = 4_096

export function openMirrors({ inner, block, onProblem }: MirrorOptions): Mirrors {
  const mirrored = new Map<string, Place>()
  const refused = new Set<string>()
  const [nobodys = '', bits] = block.split('/')
  const pods = new BlockList()
  pods.addSubnet(nobodys, Number(bits))
  const wanted = (): ReadonlyMap<string, Place> => {
    const sockets = readListening(inner.pid)
    const own = sockets.flatMap(({ address, port }) =>
      address !== undefined && address !== nobodys && pods.check(address) ? [{ address, port }] : [],
    )
    const open = [...new Set(sockets.filter(({ address }) => address === undefined).map(({ port }) => port))]
    const all =
      open.length === 0
        ? []
        : podAddresses(inner.pid).flatMap((address) => open.map((port) => ({ address, port })))
    return new Map([...all, ...own].map((place) => [keyOf(place), place]))
  }
  const mirror = async (key: string, place: Place) => {
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      // Before the socket was given away.
      inner.give('join', place, socket).catch(() => socket.destroy())
    })
    try {
      await listenAt(server, place)
      await inner.give('lead', place, server)
      mirrored.set(key, place)
      refused.delete(key)
    } catch (error) {
      if (!refused.has(key)) onProblem(place, error)
      refused.add(key)
    } finally {
      server.close()
    }
  }
  const once = async () => {
    const places = wanted()
    for (const [key, place] of mirrored) {
      if (places.has(key)) continue
      mirrored.delete(key)
      inner.leave(place)
    }
    for (const key of refused) if (!places.has(key)) refused.delete(key)
    for (const [key, place] of places) {
      if (mirrored.size >= mirrorsMax) break
      if (!mirrored.has(key)) await mirror(key, place)
    }
  }
  let last = Promise.resolve()
  let waiting: Promise<void> | undefined
  return {
    // One after the other; who comes while one waits for its turn shares that, which sees what is there then.
    scan() {
      waiting ??= last = last.then(() => {
        waiting = undefined
        return once()
      })
      return waiting
    },
    has: (place) => mirrored.has(keyOf(place)),
  }
}

/** Programs without the preload listen on all addresses, hence on those of every pod. */
const podAddresses = (pid: number): readonly string[] => [
  ...new Set(processesBeside(pid).flatMap((other) => readEnviron(other)?.['SAMPAN_POD_ADDRESS'] ?? [])),
]

const listenAt = (server: Server, { address, port }: Place) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, () => resolve())
  })
