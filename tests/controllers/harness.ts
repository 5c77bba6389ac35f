/**
 * The real API server on a memory store, the real controllers and scheduler, and machines that are only scripted: a
 * "kubelet" that reports pods as running through the API. Time is a fake clock that `until` moves, so a test of ten
 * silent seconds takes none, and everything is one process without sockets.
 */
import assert from 'node:assert/strict'
import { fakeClock, type FakeClock } from '../../src/base/fake-clock.ts'
import type { Clock } from '../../src/base/clock.ts'
import { seededRandom, type Random } from '../../src/base/ids.ts'
import { createLogger, silentLogger } from '../../src/base/logger.ts'
import { isTerminating, type KubeObject } from '../../src/api/meta.ts'
import { leases } from '../../src/api/resources/leases.ts'
import { nodes } from '../../src/api/resources/nodes.ts'
import { pods } from '../../src/api/resources/pods.ts'
import type { Lease, Node, Pod } from '../../src/api/schema/types.gen.ts'
import { isNotFound } from '../../src/api/status.ts'
import { resources } from '../../src/api/table.ts'
import { openApiServer } from '../../src/apiserver/server.ts'
import { staticAuthenticator } from '../../src/apiserver/stages/authenticate.ts'
import { TransportError, type Client, type ResourceRef } from '../../src/client/client.ts'
import { runController, type LoopContext } from '../../src/client/controller.ts'
import { openInformers, type Informers } from '../../src/client/informers.ts'
import { restClient } from '../../src/client/rest-client.ts'
import { localTransport } from '../../src/client/transport-local.ts'
import type { Transport } from '../../src/client/transport.ts'
import { runControllers } from '../../src/controllers/controllers.ts'
import { runScheduler } from '../../src/scheduler/scheduler.ts'
import { openMemoryStore } from '../../src/store/memory/memory-store.ts'

export interface World extends AsyncDisposable {
  readonly client: Client
  readonly clock: FakeClock
  /** What the test looks at: informers of its own, which outlive restarts of the controllers. */
  readonly informers: Informers
  /** Runs controllers and scheduler. */
  startLoops(): void
  /** Ends them as `kill -9` would: no request gets out any more, and answers under way are lost. */
  killLoops(): Promise<void>
  /** A machine joins, or is heard of again. */
  join(name: string, allocatable?: Readonly<Record<string, string>>): Promise<void>
  /** The machine falls silent: no lease, no status, pods stay as they are. */
  silence(name: string): void
  /** Moves time until `holds`; fails with `what` after `withinMs` of it. */
  until(what: string, holds: () => boolean | Promise<boolean>, withinMs?: number): Promise<void>
  list<T extends KubeObject>(resource: ResourceRef, namespace?: string): Promise<readonly T[]>
  apply<T extends KubeObject>(resource: ResourceRef, object: unknown): Promise<T>
}

/** Pods with this image never become ready. */
export const brokenImage = 'npm:broken@1.0.0'

const stepMs = 20

export interface WorldOptions {
  /** Watches of the loops deliver up to this much later, each event by chance: caches lag behind. */
  readonly lagMsMax?: number
}

export async function openWorld({ lagMsMax = 0 }: WorldOptions = {}): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const clock = fakeClock()
  const random = seededRandom(7)
  const logger = process.env['VERBOSE']
    ? createLogger({ clock, level: 'debug', write: (line) => void process.stderr.write(`${line}\n`) })
    : silentLogger
  const store = stack.use(await openMemoryStore({ clock, logger }))
  const authenticate = staticAuthenticator([])
  const server = stack.use(await openApiServer({ store, resources, authenticate, clock, random, logger }))
  const user = { name: 'tests', groups: ['system:masters'] }
  const transport = localTransport((request) => server.handle(request), user)
  const client = restClient(transport, 'tests')
  const loop = { client, clock, random, logger }
  const informers = stack.use(openInformers({ ...loop, freezes: true }))
  const machines = openMachines({ ...loop, informers })
  stack.use(machines)
  const loops = loopsOf(loop, transport, lagMsMax)
  stack.use(loops)
  const owned = stack.move()
  const world: World = {
    client,
    clock,
    informers,
    startLoops: () => loops.start(),
    killLoops: () => loops[Symbol.asyncDispose](),
    join: (name, allocatable) => machines.join(name, allocatable),
    silence: machines.silence,
    async until(what, holds, withinMs = 60_000) {
      const endMs = clock.monotonicMs() + withinMs
      while (!(await holds())) {
        if (clock.monotonicMs() >= endMs)
          assert.fail(`${what}: not within ${withinMs} ms\n${await describe(world)}`)
        await clock.advance(stepMs)
      }
    },
    list: async <T extends KubeObject>(resource: ResourceRef, namespace = 'default') =>
      (await client.resource<T>(resource).list(resource.namespaced ? { namespace } : {})).items,
    apply: (resource, object) =>
      client.resource<never>(resource).create(withNamespace(resource, object) as never),
    async [Symbol.asyncDispose]() {
      await owned.disposeAsync()
    },
  }
  return world
}

const withNamespace = (resource: ResourceRef, object: unknown): unknown => {
  const { metadata, ...rest } = object as KubeObject
  return resource.namespaced ? { metadata: { namespace: 'default', ...metadata }, ...rest } : object
}

/** For the message of a condition that never came. */
async function describe(world: World): Promise<string> {
  const all: readonly Pod[] = await world.list<Pod>(pods)
  return all
    .map(({ metadata, spec, status }) =>
      [
        metadata.name,
        spec.nodeName,
        status?.phase,
        metadata.deletionTimestamp ?? '',
        JSON.stringify(status?.conditions),
      ].join(' '),
    )
    .join('\n')
}

function loopsOf(loop: Omit<LoopContext, 'informers' | 'client'>, transport: Transport, lagMsMax: number) {
  let stop = new AbortController()
  let running = Promise.resolve()
  const run = async (signal: AbortSignal) => {
    const client = restClient(mortalTransport(transport, { ...loop, lagMsMax, signal }), 'loops')
    await using informers = openInformers({ ...loop, client, freezes: true })
    const context = { ...loop, client, informers }
    await Promise.all([runControllers(resources, context, signal), runScheduler(context, signal)])
  }
  return {
    start() {
      stop = new AbortController()
      running = run(stop.signal)
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the test ends the loops'))
      await running
    },
  }
}

interface Mortal {
  readonly clock: Clock
  readonly random: Random
  readonly lagMsMax: number
  /** Of the process: when it aborts, nothing goes in or out any more. */
  readonly signal: AbortSignal
}

function mortalTransport(transport: Transport, { clock, random, lagMsMax, signal }: Mortal): Transport {
  const dead = () => new TransportError('this process is dead')
  const late = async function* (body: AsyncIterable<Uint8Array>) {
    for await (const chunk of body) {
      if (lagMsMax > 0) await clock.sleep(random.float() * lagMsMax, signal)
      yield chunk
    }
  }
  return {
    ...transport,
    async send(request) {
      if (signal.aborted) throw dead()
      const response = await transport.send(request)
      if (signal.aborted) throw dead()
      return request.path.includes('watch=true') ? { ...response, body: late(response.body) } : response
    },
  }
}

/** Machines whose agent is this controller: it marks what is bound to them as running, and confirms what is deleted. */
function openMachines(context: LoopContext) {
  const { client, clock } = context
  const live = new Set<string>()
  const stop = new AbortController()
  const api = client.resource<Pod>(pods)
  const running = runController(
    {
      name: 'kubelet',
      component: 'kubelet',
      watches: pods,
      workers: 2,
      async reconcile({ namespace, name }, { informers }) {
        const pod = informers.for<Pod>(pods).get(namespace, name)
        if (!pod?.spec.nodeName || !live.has(pod.spec.nodeName)) return
        if (isTerminating(pod)) return ignoreGone(api.delete(name, { namespace, gracePeriodSeconds: 0 }))
        if (pod.status?.phase === 'Pending') await ignoreGone(api.updateStatus(started(pod, clock.now())))
      },
    },
    context,
    stop.signal,
  )
  const renew = async (name: string) => {
    const renewTime = clock.now().toISOString().replace('Z', '000Z')
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: 'kube-node-lease' },
    }
    const ref = client.resource<Lease>(leases)
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime }
    try {
      await ref.patch(name, 'merge', { spec }, { namespace: 'kube-node-lease' })
    } catch (error) {
      if (!isNotFound(error)) throw error
      await ref.create({ ...lease, spec })
    }
    // As an agent does that finds itself declared silent.
    const node = await client.resource<Node>(nodes).get(name)
    if (node.status?.conditions?.[0]?.status !== 'True')
      await client
        .resource<Node>(nodes)
        .patch(name, 'merge', { status: readyStatus }, { subresource: 'status' })
  }
  const cancel = clock.every(2_000, () => {
    for (const name of live) void renew(name)
  })
  return {
    async join(name: string, allocatable: Readonly<Record<string, string>> = {}) {
      live.add(name)
      const amounts = { cpu: '4', memory: '8Gi', pods: '110', ...allocatable }
      const labels = { 'sampan.dev/runtime.process': 'true', 'kubernetes.io/hostname': name }
      const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: {} }
      const ref = client.resource<Node>(nodes)
      await ref.create(node).catch(() => {}) // it comes back: its Node is there
      const status = { ...readyStatus, allocatable: amounts, capacity: amounts }
      await ref.patch(name, 'merge', { status }, { subresource: 'status' })
      await renew(name)
      // What was deleted while nobody was there is confirmed now.
      for (const pod of context.informers.for<Pod>(pods).list())
        if (pod.spec.nodeName === name && isTerminating(pod))
          await ignoreGone(
            api.delete(pod.metadata.name ?? '', {
              namespace: pod.metadata.namespace ?? '',
              gracePeriodSeconds: 0,
            }),
          )
    },
    silence: (name: string) => void live.delete(name),
    async [Symbol.asyncDispose]() {
      cancel()
      stop.abort(new Error('the test ends the machines'))
      await running
    },
  }
}

const readyStatus = { conditions: [{ type: 'Ready', status: 'True', reason: 'AgentReady', message: '' }] }

let podIPs = 0

function started(pod: Pod, now: Date): Pod {
  const isBroken = pod.spec.containers.some(({ image }) => image === brokenImage)
  const lastTransitionTime = now.toISOString().replace(/\.\d+Z$/, 'Z')
  const ready = { type: 'Ready', status: isBroken ? 'False' : 'True', lastTransitionTime }
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'Ready')
  podIPs++
  const podIP = `10.64.${podIPs >> 8}.${podIPs & 255}`
  return {
    ...pod,
    status: {
      ...pod.status,
      phase: 'Running',
      podIP,
      podIPs: [{ ip: podIP }],
      conditions: [...others, ready],
    },
  }
}

async function ignoreGone(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

export interface DeploymentOptions {
  readonly replicas?: number
  readonly image?: string
  readonly spec?: object
  readonly podSpec?: object
  /** Of its pods. */
  readonly annotations?: Readonly<Record<string, string>>
}

export const deployment = (
  name: string,
  { replicas = 3, image = 'npm:hello@1.0.0', spec, podSpec, annotations }: DeploymentOptions = {},
) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name }, ...(annotations && { annotations }) },
      spec: { containers: [{ name: 'main', image }], ...podSpec },
    },
    ...spec,
  },
})
