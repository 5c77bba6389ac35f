/**
 * The node agent: runs the pods that are bound to its node, as kubelet does. It dials out only, keeps its records in
 * one folder, and never ends an app because it ends itself or because no API server answers.
 *
 * Start reading at `pod-worker.ts` (one pod), then `container-run.ts` (one container and its crash-safe start),
 * `pod-set.ts` (which pods there are), `node-keeper.ts` (the Node and its Lease), `tunnel.ts` and `node-server.ts`
 * (what API servers ask of a node), `log-follower.ts` and `log-reader.ts` (logs), `node-disk.ts` (what is kept on the disk).
 */
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import { accessSync, constants as fsConstants } from 'node:fs'
import { constants, type ServerHttp2Stream } from 'node:http2'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import { createMetrics, type Metrics } from '../base/metrics.ts'
import type { RunOnceTiming } from '../api/run-once.ts'
import type { Node } from '../api/schema/types.gen.ts'
import type { Client } from '../client/client.ts'
import { openEventRecorder, type EventRecorder } from '../client/events.ts'
import { readMachineIdentity } from '../client/machine-identity.ts'
import type { PackageCache } from '../runtime/packages/cache.ts'
import type { PodNetwork } from '../runtime/process/network/pod-network.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { NodeContext } from './context.ts'
import { createApiServerDoor } from './api-server-door.ts'
import { openNodeDataPort, type DataPort, type DataPortOptions } from './data-port.ts'
import { openDiskKeeper } from './local-disks.ts'
import { listArchives } from './log-archive.ts'
import { readMachineFacts, readMachineLoad } from './machine-facts.ts'
import { memoryDirOf, networkDirOf } from './memory-dir.ts'
import { findMountSupport } from './mount-support.ts'
import { readNodeIdentity, writeNodeIdentity, type NodeIdentity } from './node-identity.ts'
import { defaultDiskSettings, openNodeDisk, type DiskSettings, type NodeDisk } from './node-disk.ts'
import { openNodeKeeper, type NodeKeeper } from './node-keeper.ts'
import { allocatableOf, type NodeInput } from './node-object.ts'
import { addNodeMetrics, measuredPods } from './node-metrics.ts'
import { createNodejsMeter } from './nodejs-metrics.ts'
import { openReach } from '../client/reach.ts'
import { localAddressOf } from '../api/pod-address.ts'
import { formatDataAddresses } from '../api/streams/data-addresses.ts'
import { openNetworkWall, type NetworkWall } from './network-wall.ts'
import { openPodWall } from './pod-wall.ts'
import { openServiceNetwork } from './service-network.ts'
import { createNodeServer } from './node-server.ts'
import { createObjectSource } from './object-source.ts'
import { openPodSet } from './pod-set.ts'
import { makeTerminationPath } from './termination-message.ts'
import { timeOf } from './times.ts'
import { createUsageMeter } from './usage.ts'
import { createRunOnceLease } from './run-once-lease.ts'
import { noSandbox, usableLevels, type SandboxPolicy } from './sandbox-level.ts'
import type { ApiAddress } from './service-env.ts'
import { createTokenSource } from './service-account-tokens.ts'
import type { TunnelOptions } from './tunnel.ts'
import { openTunnels, type ServerUrls } from './tunnels.ts'

export interface AgentLimits {
  readonly pods: number
  readonly disk: Partial<DiskSettings>
}

export interface AgentOptions {
  readonly client: Client
  readonly runtime: Runtime
  readonly packages: PackageCache
  readonly nodeName: string
  /** Private to this node; created when absent. */
  readonly dataDir: string
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Where API servers reach the node; without it there are no logs. */
  readonly tunnel?: TunnelOptions['server']
  /** All servers there are; without it, the one that `tunnel` names. */
  readonly servers?: ServerUrls
  /** Where to count. Served to API servers, with whatever else is in it. Default: one of its own. */
  readonly metrics?: Metrics
  readonly limits?: Partial<AgentLimits>
  /** More labels for the Node. */
  readonly labels?: Readonly<Record<string, string>>
  /** Whether pods may bring commands of their own; by default they may. */
  readonly customCommands?: boolean
  /** By default pods have no sandbox. */
  readonly sandboxPolicy?: SandboxPolicy
  /** Whether sandboxed pods shall be kept from services of this machine; by default not. */
  readonly networkWall?: boolean
  /** By which they are; without it, by rules of the packet filter. */
  readonly podNetwork?: PodNetwork
  /** Where other nodes reach this one without a server in between; unset: they don't. Port 0 is a free one, kept from then on. */
  readonly dataListen?: DataPortOptions['listen']
  /** For tests that don't wait: controllers count on the default. */
  readonly runOnceTiming?: RunOnceTiming
  /** PATH of apps behind the package's own tools; a plain system's by default. */
  readonly basePath?: string
}

export interface Agent extends AsyncDisposable {
  readonly nodeName: string
  /** Pods that have something on this machine. */
  readonly podCount: number
}

const podsMax = 500
const basePathDefault = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Resolves when the records on disk are taken up; registering and syncing go on behind it. Disposal leaves apps running. */
export async function openAgent(options: AgentOptions): Promise<Agent> {
  const { client, nodeName, dataDir, clock, random, logger } = options
  await using stack = new AsyncDisposableStack()
  let serve: TunnelOptions['serve'] = refuseEarly
  const { dataPort, identity } = await openIdentity(options, (stream, headers) => serve(stream, headers))
  if (dataPort) stack.use(dataPort)
  const dataAddresses = formatDataAddresses(dataPort?.addresses ?? [])
  let podCIDR = identity.podCIDR
  let keeper: NodeKeeper | undefined
  const recorder = stack.use(
    openEventRecorder({ client, component: 'kubelet', host: nodeName, clock, random, logger }),
  )
  let disk: NodeDisk | undefined
  const { context, input, settings } = await assemble(options, {
    identity,
    recorder,
    disk: () => disk,
    podCIDR: () => podCIDR,
    isWallUp: () => wall?.isUp() === true,
    dataAddresses,
  })
  const wall = options.networkWall === true ? stack.use(await openWall(options, context)) : undefined
  // Left to the next agent when secrets of running pods are in it.
  stack.defer(() => rmdir(context.memoryDir).catch(() => {}))
  const network = await openNetwork(options, context)
  if (network) stack.use(network)
  const pods = stack.use(await openPodSet(context))
  stack.use(openDiskKeeper(context))
  const usage = createUsageMeter({ runtime: options.runtime, pods: () => measuredPods(pods), clock, logger })
  disk = stack.use(openNodeDisk({ context, pods, usage, settings, onPressure: () => keeper?.wake() }))
  const onNode = ({ spec }: Node) => {
    if (!spec?.podCIDR || spec.podCIDR === podCIDR) return
    podCIDR = spec.podCIDR
    writeNodeIdentity(dataDir, { ...identity, podCIDR }).catch((error: unknown) =>
      logger.warn('the range of pod addresses could not be saved', { error }),
    )
    pods.wakeAll()
  }
  keeper = stack.use(openNodeKeeper({ context, input, onNode }))
  if (options.tunnel) {
    const metrics = options.metrics ?? createMetrics()
    addNodeMetrics(metrics, nodeName, pods)
    const server = createNodeServer({
      clock,
      logger,
      runtime: options.runtime,
      findPod: (namespace, name) => pods.find(namespace, name),
      findByAddress: (podIP) => pods.all().find((worker) => worker.podIP === podIP),
      nodeName,
      dataAddresses,
      nodejs: createNodejsMeter({ runtime: options.runtime, pods: () => measuredPods(pods), clock, logger }),
      usage,
      logFolders: async () => [...(disk?.logFolders() ?? []), ...(await listArchives(dataDir))],
      metrics,
    })
    serve = (stream, headers) => server.serve(stream, headers)
    const servers = options.servers ?? { urls: [options.tunnel.server], onChange: () => {} }
    stack.use(openTunnels({ server: options.tunnel, nodeName, serve, clock, random, logger }, servers))
  }
  const owned = stack.move()
  return {
    nodeName,
    get podCount() {
      return pods.size
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const openWall = ({ podNetwork }: AgentOptions, context: NodeContext): Promise<NetworkWall> =>
  podNetwork ? openPodWall(podNetwork, context) : openNetworkWall(context)

/** Somebody who knows the data port of the agent before this one is faster than this one. */
async function refuseEarly(stream: ServerHttp2Stream): Promise<void> {
  stream.on('error', () => {}) // whoever asked has gone
  stream.close(constants.NGHTTP2_REFUSED_STREAM)
}

interface Identified {
  readonly identity: NodeIdentity
  readonly dataPort: DataPort | undefined
}

/** What the node remembers of itself, with the data port that it has by now. */
async function openIdentity(options: AgentOptions, serve: TunnelOptions['serve']): Promise<Identified> {
  const { dataDir, dataListen: listen, logger, random, tunnel } = options
  const known = await readNodeIdentity(dataDir, random)
  if (!listen || !tunnel) return { identity: known, dataPort: undefined }
  const portBefore = known.dataPort
  const dataPort = await openNodeDataPort({ listen, identity: tunnel, portBefore, serve, logger })
  if (!dataPort || dataPort.port === portBefore) return { identity: known, dataPort }
  const identity = { ...known, dataPort: dataPort.port }
  await writeNodeIdentity(dataDir, identity)
  return { identity, dataPort }
}

/** A node without a way to servers has none to other nodes either. */
async function openNetwork(
  { servers, tunnel }: AgentOptions,
  { client, clock, logger, loopbackBlock, networkSocket, nodeName, podCIDR, random }: NodeContext,
): Promise<AsyncDisposable | undefined> {
  if (!tunnel || networkSocket === undefined) return undefined
  const urls = () => servers?.urls ?? [tunnel.server]
  const localAddress = (podIP: string) => localAddressOf({ podIP, podCIDR: podCIDR() ?? '', loopbackBlock })
  const reach = openReach({ credentials: tunnel, servers: urls, clock, logger })
  // The first address of the range is no pod's.
  const [gateAddress = ''] = loopbackBlock.split('/')
  const parts = {
    client,
    socketPath: networkSocket,
    gateAddress,
    nodeName,
    localAddress,
    relay: reach.dial,
    ...(tunnel.connector && {
      apiServer: createApiServerDoor({ connector: tunnel.connector, servers: urls }),
    }),
    clock,
    random,
    logger,
  }
  try {
    const network = await openServiceNetwork(parts)
    return {
      async [Symbol.asyncDispose]() {
        await network[Symbol.asyncDispose]()
        reach[Symbol.dispose]()
      },
    }
  } catch (error) {
    reach[Symbol.dispose]()
    logger.error('pods can not reach Services: the socket they ask at could not be opened', { error })
    return undefined
  }
}

interface Parts {
  readonly identity: NodeIdentity
  readonly recorder: EventRecorder
  readonly disk: () => NodeDisk | undefined
  readonly podCIDR: () => string | undefined
  readonly isWallUp: () => boolean
  readonly dataAddresses: string
}

async function assemble(options: AgentOptions, parts: Parts) {
  const { dataAddresses, disk, identity, isWallUp, podCIDR, recorder } = parts
  const { client, runtime, packages, nodeName, dataDir, clock, random, logger } = options
  const facts = await readMachineFacts()
  const load = await readMachineLoad(dataDir)
  const settings = { ...defaultDiskSettings(load.diskTotalBytes), ...options.limits?.disk }
  const { thresholds } = settings
  const podsLimit = options.limits?.pods ?? podsMax
  const { loopbackBlock } = identity
  const memoryDir = await makeMemoryDir(dataDir, logger)
  const noTermination = await makeTerminationPath()
  if (noTermination !== undefined) logger.info('pods leave no messages at the usual path', { noTermination })
  const context: NodeContext = {
    client,
    runtime,
    packages,
    clock,
    random,
    logger,
    recorder,
    objects: createObjectSource({ client, clock }),
    tokens: createTokenSource({ client, clock, logger }),
    apiServer: options.tunnel && addressOf(options.tunnel.server),
    nodeName,
    dataDir,
    memoryDir,
    networkSocket: options.tunnel && socketPathOf(memoryDir),
    hostIP: facts.hostIP,
    loopbackBlock,
    allocatable: allocatableOf({ facts, load, podsMax: podsLimit, thresholds }),
    logLimits: settings.logs,
    mountSupport: await findMountSupport(),
    customCommands: options.customCommands ?? true,
    ...(options.sandboxPolicy && { sandboxPolicy: options.sandboxPolicy }),
    runOnceLease: createRunOnceLease({ dataDir, logger, timing: options.runOnceTiming }),
    basePath: options.basePath ?? basePathDefault,
    podCIDR,
    onDiskFull: () => disk()?.noteFullDisk(),
    pressure: () => disk()?.pressure() ?? { memory: false, disk: false },
  }
  const machineIdentity = readMachineIdentity()
  const identityKey = options.tunnel?.cert && identityKeyOf(options.tunnel.cert)
  const input = async (): Promise<NodeInput> => {
    const probe = await runtime.probe()
    return {
      nodeName,
      facts,
      load: await readMachineLoad(dataDir),
      loopbackBlock,
      machineIdentity,
      ...(identityKey !== undefined && { identityKey }),
      podsMax: podsLimit,
      thresholds,
      pressure: context.pressure(),
      nowIso: timeOf(clock.now()),
      ...(!probe.usable && { runtimeProblem: probe.reason }),
      ...(options.labels && { labels: options.labels }),
      limits: enforcedLimits(runtime),
      hasNetworkWall: isWallUp(),
      dataAddresses,
      sandboxes: {
        ...(options.sandboxPolicy ?? noSandbox),
        usable: usableLevels(runtime.capabilities),
      },
    }
  }
  return { context, input, settings }
}

const enforcedLimits = ({ capabilities }: Runtime): readonly string[] => [
  ...(capabilities.cpuLimit ? ['cpu'] : []),
  ...(capabilities.memoryLimit ? ['memory'] : []),
  ...(capabilities.pidsLimit ? ['pids'] : []),
  ...(capabilities.ioLimit ? ['io'] : []),
]

const identityKeyOf = (certificate: string): string =>
  new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' }).toString('base64')

function addressOf(server: string): ApiAddress {
  const { hostname, port, protocol } = new URL(server)
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
  }
}

/** The system's limit for the path of a Unix socket, with its closing zero. */
const socketPathLengthMax = 107

/** In a folder of its own, which sandboxes see in place of the socket: that is made anew. */
const socketPathOf = (memoryDir: string): string | undefined => {
  const path = join(networkDirOf(memoryDir), 'pods', 'socket')
  return Buffer.byteLength(path) > socketPathLengthMax ? undefined : path
}

/** Secrets lie in memory where the machine offers that; else in the data folder, readable by the agent's user only. */
async function makeMemoryDir(dataDir: string, logger: Logger): Promise<string> {
  const inMemory = memoryDirOf(dataDir)
  try {
    accessSync('/dev/shm', fsConstants.W_OK)
    await mkdir(inMemory, { recursive: true, mode: 0o700 })
    return inMemory
  } catch (error) {
    logger.warn('secrets of pods are kept on disk: /dev/shm is not usable', { error })
    const onDisk = join(dataDir, 'secrets')
    await mkdir(onDisk, { recursive: true, mode: 0o700 })
    return onDisk
  }
}
