/**
 * The cluster's network as pods of this node see it, without privileges: names of Services, their addresses, and addresses
 * of other pods. The preload of a pod's Node.js programs asks here, over a Unix socket, before it connects to what may be
 * one of these; the answer is an address on this machine. For a pod of this node that is its own: the agent is not in the
 * way, and may end. For others it is a listener of ours behind which the connection goes on to the pod's node.
 *
 * A question and an answer are a line of JSON each:
 *   {"connect":"web.shop","port":80,"namespace":"own"}  {"address":"127.64.0.5","port":3000} | {"error":"ECONNREFUSED"} | {}
 *   {"resolve":"web.shop","namespace":"own"}            {"addresses":["10.96.3.4"]} | {}
 * `{}` means: nothing of the cluster, go on as if nobody had been asked.
 */
import { mkdir, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import type { Duplex } from 'node:stream'
import { apiService, isApiService } from '../api/cluster-names.ts'
import { endpointSlices } from '../api/resources/endpointslices.ts'
import { services } from '../api/resources/services.ts'
import type { EndpointSlice, Service } from '../api/schema/types.gen.ts'
import { pipeBoth } from '../base/byte-streams.ts'
import type { Clock } from '../base/clock.ts'
import { describeError, type Logger } from '../base/logger.ts'
import type { Random } from '../base/ids.ts'
import { createWaitingRoom } from '../base/waiting-room.ts'
import type { Client } from '../client/client.ts'
import { openInformer, type Informer } from '../client/informer.ts'
import type { DialTarget } from '../client/dial.ts'
import { readTcpUsers } from '../runtime/process/network/tcp-table.ts'
import { createFairShare } from './fair-share.ts'
import {
  addressesOf,
  destinationsOf,
  type Answer,
  type ClusterView,
  type Destination,
} from './service-lookup.ts'

export interface ServiceNetworkOptions {
  readonly client: Client
  /** Where pods ask; only this user may. */
  readonly socketPath: string
  /** A loopback address that pods may connect to and none has: ways to pods elsewhere begin there. */
  readonly gateAddress: string
  readonly nodeName: string
  /** The loopback address behind a pod's; undefined for one that is not here. */
  readonly localAddress: (podIP: string) => string | undefined
  /** The way to pods of other nodes. */
  readonly relay: (target: DialTarget) => Duplex
  /** A connection to the TLS port of an API server; unset: pods find none by the name of its Service. */
  readonly apiServer?: () => Duplex
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

const questionBytesMax = 4_096
/** A preload asks at once, and waits for five seconds. Who says nothing for longer only holds a descriptor of ours. */
const questionMsMax = 10_000
/** Questions under way, of all pods together. */
const questionsMax = 4_096
/** Connections through gates, of all pods together: each holds two descriptors. */
const connectionsMax = 16_384
/** Of one pod, where pods have users of their own. Four that take all they can leave room for no more, but that is four. */
const podConnectionsMax = 4_096
/** A listener for a pod elsewhere is closed when nobody has asked for it for this long; its connections go on. */
const listenerIdleMs = 10 * 60_000
const sweepMs = 60_000
/** Names that name each other lead nowhere. */
const aliasStepsMax = 8
const listenersMax = 4_096
/** A pod that asks before the first list has come waits for it, but not for ever. */
const syncWithinMs = 5_000

export async function openServiceNetwork(options: ServiceNetworkOptions): Promise<AsyncDisposable> {
  const { clock, socketPath } = options
  const sources = lazySources(options)
  const gates = openGates(options)
  const respond = async (question: string): Promise<object> => {
    const { connect, namespace, port, resolve } = JSON.parse(question) as Readonly<Record<string, unknown>>
    if (typeof namespace !== 'string') return {}
    const view = await sources.view()
    if (typeof resolve === 'string') {
      const addresses = addressesOf(view, resolve, namespace)
      if (addresses) return { addresses }
      return options.apiServer && isApiService(resolve, namespace)
        ? { addresses: [apiService.clusterIP] }
        : {}
    }
    if (typeof connect !== 'string' || typeof port !== 'number') return {}
    const found = follow(view, { host: connect, namespace, port })
    if (found.kind === 'foreign') {
      if (!options.apiServer || !isApiService(connect, namespace)) return {}
      return port === apiService.port ? await gates.toApiServer(options.apiServer) : { error: 'ECONNREFUSED' }
    }
    if (found.kind === 'alias') return { alias: found.name }
    const [chosen] = shuffled(found.destinations, options.random)
    return chosen ? await gates.to(chosen) : { error: 'ECONNREFUSED' }
  }
  const server = createServer(answerer(options, respond))
  await makeSocketFolder(dirname(socketPath))
  await rm(socketPath, { force: true }) // of an agent that was killed
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path: socketPath, writableAll: true }, () => resolve())
  })
  const stopSweeping = clock.every(sweepMs, () => gates.sweep())
  return {
    async [Symbol.asyncDispose]() {
      stopSweeping()
      server.close()
      gates.close()
      await sources[Symbol.asyncDispose]()
    },
  }
}

/** For connections that ask one question each. */
function answerer(
  { clock, logger }: ServiceNetworkOptions,
  respond: (question: string) => Promise<object>,
): (socket: Socket) => void {
  const room = createWaitingRoom(questionsMax)
  const answer = async (socket: Socket, question: string) => {
    room.serve(socket)
    const said = await respond(question).catch((error: unknown) => {
      logger.debug('a pod asked for something of the cluster and got no answer', {
        error: describeError(error),
      })
      return {}
    })
    socket.end(`${JSON.stringify(said)}\n`)
    room.served(socket)
  }
  return (socket) => {
    if (!room.enter(socket)) return
    let text = ''
    socket.setEncoding('utf8')
    socket.on('error', () => {}) // a pod that went away
    const cancel = clock.after(questionMsMax, () => socket.destroy())
    socket.once('close', cancel)
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.length > questionBytesMax) return void socket.destroy()
      const end = text.indexOf('\n')
      if (end < 0) return
      const question = text.slice(0, end)
      text = text.slice(end + 1)
      void answer(socket, question)
    })
  }
}

/** Nobody but this user gets through the outer folder; a sandbox is given the inner one, whatever user it has. */
async function makeSocketFolder(inner: string): Promise<void> {
  await mkdir(dirname(inner), { recursive: true, mode: 0o700 })
  await mkdir(inner, { recursive: true, mode: 0o755 })
}

/** An ExternalName may name a Service again. What is left as an alias is a name of the outside. */
function follow(view: ClusterView, asked: Parameters<typeof destinationsOf>[1]): Answer {
  let answer = destinationsOf(view, asked)
  for (let step = 0; step < aliasStepsMax && answer.kind === 'alias'; step++) {
    const next = destinationsOf(view, { ...asked, host: answer.name })
    if (next.kind === 'foreign') return answer
    answer = next
  }
  return answer
}

/** Random order, so that connections spread. */
const shuffled = (destinations: readonly Destination[], random: Random): readonly Destination[] => {
  const at = Math.floor(random.float() * destinations.length)
  return [...destinations.slice(at), ...destinations.slice(0, at)]
}

interface Sources extends AsyncDisposable {
  view(): Promise<ClusterView>
}

/** Followed from the first question on: a node whose pods ask for nothing of the cluster pays nothing. */
function lazySources({ client, clock, random, logger }: ServiceNetworkOptions): Sources {
  let opened: { readonly services: Informer<Service>; readonly slices: Informer<EndpointSlice> } | undefined
  const open = () => {
    const context = { client, clock, random, logger }
    return {
      services: openInformer<Service>({
        ...context,
        resource: services,
        indexes: { ip: ({ spec }) => (spec.clusterIP && spec.clusterIP !== 'None' ? [spec.clusterIP] : []) },
      }),
      slices: openInformer<EndpointSlice>({
        ...context,
        resource: endpointSlices,
        indexes: {
          service: ({ metadata }) => [
            `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name'] ?? ''}`,
          ],
          address: ({ endpoints = [] }) => endpoints.flatMap(({ addresses }) => addresses),
        },
      }),
    }
  }
  return {
    async view() {
      opened ??= open()
      const { services: known, slices } = opened
      if (!known.isSynced || !slices.isSynced) {
        const waiting = new AbortController()
        const late = clock.sleep(syncWithinMs, waiting.signal).catch(() => {}) // they came in time
        await Promise.race([Promise.all([known.synced, slices.synced]), late])
        waiting.abort(new Error('not waiting any more'))
      }
      return {
        service: (namespace, name) => known.get(namespace, name),
        serviceByIP: (ip) => known.byIndex('ip', ip)[0],
        slicesOf: (namespace, service) => slices.byIndex('service', `${namespace}/${service}`),
        slicesWith: (podIP) => slices.byIndex('address', podIP),
      }
    },
    async [Symbol.asyncDispose]() {
      await opened?.services[Symbol.asyncDispose]()
      await opened?.slices[Symbol.asyncDispose]()
    },
  }
}

interface Place {
  readonly address: string
  readonly port: number
}

interface Gates {
  /** An address on this machine that leads to the pod. */
  to(destination: Destination): Promise<Place>
  /** The same to an API server. */
  toApiServer(dial: () => Duplex): Promise<Place>
  sweep(): void
  close(): void
}

interface Gate {
  readonly server: Server
  readonly place: Promise<Place>
  usedMs: number
}

function openGates({
  clock,
  gateAddress,
  localAddress,
  logger,
  nodeName,
  relay,
}: ServiceNetworkOptions): Gates {
  const gates = new Map<string, Gate>()
  const share = createFairShare({
    clock,
    socketsMax: connectionsMax,
    userSocketsMax: podConnectionsMax,
    readUsers: readTcpUsers,
    onExcess: (uid, closed) =>
      logger.warn('a pod has more connections to others than one may: the last were closed', { uid, closed }),
  })
  const open = (target: string, dial: () => Duplex): Gate => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (!share.enter(socket)) return
      const far = dial()
      far.once('error', (error) =>
        logger.debug('what is elsewhere could not be reached', { target, error: describeError(error) }),
      )
      void pipeBoth(socket, far)
    })
    const place = new Promise<Place>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, gateAddress, () => {
        const bound = server.address()
        if (bound === null || typeof bound === 'string') return reject(new Error('no port'))
        resolve({ address: bound.address, port: bound.port })
      })
    })
    return { server, place, usedMs: clock.monotonicMs() }
  }
  const drop = (key: string) => {
    gates.get(key)?.server.close()
    gates.delete(key)
  }
  const through = async (key: string, dial: () => Duplex): Promise<Place> => {
    const gate = gates.get(key) ?? open(key, dial)
    gate.usedMs = clock.monotonicMs()
    // The one asked for last goes to the end.
    gates.delete(key)
    gates.set(key, gate)
    const [oldest] = gates.keys()
    if (gates.size > listenersMax && oldest !== undefined) drop(oldest)
    try {
      return await gate.place
    } catch (error) {
      drop(key)
      throw error
    }
  }
  return {
    async to(destination) {
      const own = destination.node === nodeName ? localAddress(destination.podIP) : undefined
      if (own !== undefined) return { address: own, port: destination.port }
      return through(`${destination.podIP}:${destination.port}`, () => relay(destination))
    },
    toApiServer: (dial) => through('the API', dial),
    sweep() {
      for (const [key, { usedMs }] of gates) if (clock.monotonicMs() - usedMs > listenerIdleMs) drop(key)
    },
    close() {
      for (const key of gates.keys()) drop(key)
      share.close()
    },
  }
}
