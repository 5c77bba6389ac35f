/** A cluster for tests of the node: the real API server over the memory store, on a port, and agents on the process runtime. */
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realClock } from '../../src/base/clock.ts'
import { realRandom } from '../../src/base/ids.ts'
import { createLogger, type Logger } from '../../src/base/logger.ts'
import type { Event, Node, Pod, PodSpec } from '../../src/api/schema/types.gen.ts'
import { resources } from '../../src/api/table.ts'
import { listenApi } from '../../src/apiserver/listen.ts'
import { openNodeTunnels } from '../../src/apiserver/node-tunnels.ts'
import { openApiServer } from '../../src/apiserver/server.ts'
import { staticAuthenticator } from '../../src/apiserver/stages/authenticate.ts'
import type { Client, ResourceRef } from '../../src/client/client.ts'
import { restClient } from '../../src/client/rest-client.ts'
import { httpTransport } from '../../src/client/transport-http.ts'
import { openAgent, type Agent, type AgentLimits } from '../../src/node/agent.ts'
import { memoryDirOf } from '../../src/node/memory-dir.ts'
import { openPackageCache } from '../../src/runtime/packages/cache.ts'
import { openProcessRuntime } from '../../src/runtime/process/process-runtime.ts'
import { openMemoryStore } from '../../src/store/memory/memory-store.ts'

export const podsRef: ResourceRef = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
}
const nodesRef: ResourceRef = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false }
const eventsRef: ResourceRef = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true }

export const token = 'test-token'
export const podCIDR = '10.64.4.0/22'
export const nodeName = 'n1'

const logger: Logger = createLogger({
  clock: realClock,
  level: process.env['SAMPAN_TEST_LOG'] === undefined ? 'error' : 'debug',
  write: (line) => console.error(line),
})

export interface TestCluster extends AsyncDisposable {
  readonly client: Client
  readonly url: string
  /** Removed with the cluster. */
  readonly folder: string
  openAgent(options?: {
    readonly limits?: Partial<AgentLimits>
    /** Nobody answers: don't wait for the Node. */
    readonly isOffline?: boolean
  }): Promise<Agent>
  /** Ends every connection and takes no new ones, until `reconnect`. */
  disconnect(): Promise<void>
  reconnect(): Promise<void>
  /** A folder with a `server.js`; the image that runs it. */
  app(name: string, code: string): Promise<string>
  run(name: string, spec: PodSpec, metadata?: Pod['metadata']): Promise<Pod>
  pod(name: string): Promise<Pod>
  /** Waits until the pod satisfies `holds`; fails with its last state. */
  until(name: string, holds: (pod: Pod) => boolean): Promise<Pod>
  /** Deletes a pod and waits until the server knows it no more. */
  remove(name: string): Promise<void>
  events(name: string): Promise<readonly Event[]>
  logs(name: string, query?: string): Promise<string>
}

export async function openTestCluster(): Promise<TestCluster> {
  await using stack = new AsyncDisposableStack()
  const [clock, random] = [realClock, realRandom]
  const folder = await mkdtemp(join(tmpdir(), 'sampan-node-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  const store = stack.use(await openMemoryStore({ clock, logger }))
  const nodes = stack.use(openNodeTunnels({ clock, logger }))
  const authenticate = staticAuthenticator([{ token, user: { name: 'test', groups: ['system:masters'] } }])
  const server = stack.use(
    await openApiServer({ store, resources, authenticate, clock, random, logger, nodes }),
  )
  const listen = (port: number) => listenApi({ server, clock, logger, http: { host: '127.0.0.1', port } })
  let listener = await listen(0)
  stack.defer(() => listener[Symbol.asyncDispose]())
  const port = listener.httpPort ?? 0
  const url = `http://127.0.0.1:${port}`
  const client = restClient(stack.use(httpTransport({ server: url, token })), 'test')
  const pods = client.resource<Pod>(podsRef)
  const dataDir = join(folder, 'node')
  stack.defer(() => rm(memoryDirOf(dataDir), { recursive: true, force: true }))
  // A failed test must not leave its apps running.
  stack.defer(async () => {
    const runtime = openProcessRuntime({ clock })
    for (const handle of await runtime.orphans(join(dataDir, 'pods')))
      await runtime.stop(handle, { signal: 'SIGKILL', graceMs: 0 })
  })
  const owned = stack.move()

  const cluster: TestCluster = {
    client,
    url,
    folder,
    async openAgent(options = {}) {
      const own = new AsyncDisposableStack()
      const transport = own.use(httpTransport({ server: url, token }))
      const nodeDefault = { path: process.execPath, version: process.versions.node }
      const packages = own.use(
        await openPackageCache({ root: join(folder, 'packages'), nodeDefault, clock, logger }),
      )
      const agent = own.use(
        await openAgent({
          ...options,
          client: restClient(transport, 'sampan-agent'),
          runtime: openProcessRuntime({ clock }),
          packages,
          nodeName,
          dataDir,
          clock,
          random,
          logger,
          tunnel: { server: url, token },
        }),
      )
      if (options.isOffline) return { ...agent, [Symbol.asyncDispose]: () => own.disposeAsync() }
      await waitFor('the node', async () => {
        const node = await client
          .resource<Node>(nodesRef)
          .get(nodeName)
          .catch(() => undefined)
        if (node && !node.spec?.podCIDR)
          await client
            .resource<Node>(nodesRef)
            .patch(nodeName, 'merge', { spec: { podCIDR, podCIDRs: [podCIDR] } })
        return node !== undefined
      })
      return { ...agent, [Symbol.asyncDispose]: () => own.disposeAsync() }
    },
    async disconnect() {
      await listener[Symbol.asyncDispose]()
    },
    async reconnect() {
      listener = await listen(port)
    },
    async app(name, code) {
      const path = join(folder, 'apps', name)
      await mkdir(path, { recursive: true })
      await writeFile(join(path, 'server.js'), code)
      return `dir:${path}`
    },
    run: (name, spec, metadata = {}) =>
      pods.create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default', ...metadata },
        spec: { nodeName, ...spec },
      }),
    pod: (name) => pods.get(name, { namespace: 'default' }),
    async until(name, holds) {
      let pod: Pod | undefined
      try {
        await waitFor(`pod ${name}`, async () => {
          pod = await cluster.pod(name)
          return holds(pod)
        })
      } catch (cause) {
        throw new Error(`pod ${name} stays ${JSON.stringify(pod?.status, undefined, 1)}`, { cause })
      }
      assert.ok(pod)
      return pod
    },
    async remove(name) {
      await pods.delete(name, { namespace: 'default' })
      await waitFor(`the end of ${name}`, async () => {
        const { items } = await pods.list({ namespace: 'default' })
        return !items.some(({ metadata }) => metadata.name === name)
      })
    },
    async events(name) {
      const { items } = await client.resource<Event>(eventsRef).list({ namespace: 'default' })
      return items.filter(({ involvedObject }) => involvedObject.name === name)
    },
    async logs(name, query = '') {
      const path = `/api/v1/namespaces/default/pods/${name}/log?${query}`
      let text = ''
      for await (const chunk of await client.stream({ method: 'GET', path }))
        text += Buffer.from(chunk).toString()
      return text
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
  return cluster
}

const patienceMs = 20_000
const lookMs = 25

/** Looks until `holds`; the condition is what ends it, the time only bounds a failure. */
export async function waitFor(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = realClock.monotonicMs() + patienceMs
  while (!(await holds())) {
    if (realClock.monotonicMs() > endMs) throw new Error(`waited ${patienceMs} ms for ${what}`)
    await realClock.sleep(lookMs)
  }
}

export const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
