/**
 * Where a pod listens in its network, the machine listens, too: at the same address and port, so that the gateway, probes and
 * whoever else comes from the machine find pods where they would be without a network of their own.
 */
import { BlockList, createServer, isIPv4, type Server } from 'node:net'
import { environOf } from '../proc.ts'
import type { InnerHalf } from './inner-half.ts'
import { keyOf, type Place } from './inside.ts'
import { isInPod, processesBeside } from './processes.ts'
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
/** At a time. What was refused is tried again, the longest ago first. */
const [triesMax, againMax] = [1_024, 64]

export function openMirrors({ inner, block, onProblem }: MirrorOptions): Mirrors {
  const mirrored = new Map<string, Place>()
  const refused = new Map<string, Place>()
  const [nobodys = '', bits] = block.split('/')
  const pods = new BlockList()
  pods.addSubnet(nobodys, Number(bits))
  const isPods = (address: string) => isIPv4(address) && address !== nobodys && pods.check(address)
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
      if (!refused.delete(key)) onProblem(place, error)
      refused.set(key, place)
      const [longest] = refused.keys()
      if (refused.size > mirrorsMax && longest !== undefined) refused.delete(longest)
    } finally {
      server.close()
    }
  }
  const once = async () => {
    const wanted = wantedPlaces(inner.pid, isPods)
    for (const [key, place] of mirrored) {
      if (wanted.has(place)) continue
      mirrored.delete(key)
      inner.leave(place)
    }
    for (const [key, place] of refused) if (!wanted.has(place)) refused.delete(key)
    const again = [...refused].slice(0, againMax)
    let tries = 0
    for (const place of wanted.all()) {
      const key = keyOf(place)
      if (mirrored.has(key) || refused.has(key)) continue
      if (mirrored.size >= mirrorsMax || ++tries > triesMax) break
      await mirror(key, place)
    }
    for (const [key, place] of again) await mirror(key, place)
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

interface Wanted {
  has(place: Place): boolean
  /** Those of one address first. Together they may be very many. */
  all(): Iterable<Place>
}

/** Programs without the preload listen on all addresses, hence on those of every pod. */
function wantedPlaces(pid: number, isPods: (address: string) => boolean): Wanted {
  const sockets = readListening(pid)
  const own = new Map(
    sockets.flatMap(({ address, port }) =>
      address !== undefined && isPods(address)
        ? [[keyOf({ address, port }), { address, port }] as const]
        : [],
    ),
  )
  const open = new Set(sockets.filter(({ address }) => address === undefined).map(({ port }) => port))
  const addresses = new Set(open.size === 0 ? [] : podAddresses(pid).filter(isPods))
  return {
    has: (place) => own.has(keyOf(place)) || (open.has(place.port) && addresses.has(place.address)),
    *all() {
      yield* own.values()
      for (const port of open) for (const address of addresses) yield { address, port }
    },
  }
}

/** As it was given to what stands around a pod: the word of what is within counts for nothing. */
const podAddresses = (pid: number): readonly string[] =>
  processesBeside(pid).flatMap((other) =>
    isInPod(other) ? [] : (environOf(other)('SAMPAN_POD_ADDRESS') ?? []),
  )

const listenAt = (server: Server, { address, port }: Place) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, () => resolve())
  })
