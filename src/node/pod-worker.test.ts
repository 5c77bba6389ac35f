import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Pod, PodStatus, Probe } from '../api/schema/types.gen.ts'
import { realClock, type Clock } from '../base/clock.ts'
import { deferred } from '../base/deferred.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { realRandom as random } from '../base/ids.ts'
import { createLogger } from '../base/logger.ts'
import { openEventRecorder } from '../client/events.ts'
import { restClient } from '../client/rest-client.ts'
import { httpTransport } from '../client/transport-http.ts'
import type { Transport } from '../client/transport.ts'
import { openFakeRuntime } from '../runtime/fake/fake-runtime.ts'
import { openPackageCache } from '../runtime/packages/cache.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { NodeContext } from './context.ts'
import { defaultLogLimits } from './log-files.ts'
import { createObjectSource } from './object-source.ts'
import { podPaths, readJson, writeContainerRecord, type PodRecord } from './pod-records.ts'
import { startPodWorker } from './pod-worker.ts'
import { createRunOnceLease } from './run-once-lease.ts'
import { createTokenSource } from './service-account-tokens.ts'

const uid = 'uid-1'
const image = 'dir:/nowhere' // it runs already: nothing is started
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', uid },
  spec: { containers: [{ name: 'c', image }], terminationGracePeriodSeconds: 1 },
}
const deleted: Pod = {
  ...pod,
  metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 1 },
}

/** How far the write of an earlier change has come when the end of the pod is heard of. */
for (const turns of [0, 1, 2, 3, 5, 8]) {
  for (const end of ['deletion', 'vanishing'] as const) {
    test(`nothing is stopped before the pod's ${end} is on disk, ${turns} turns after another change`, async () => {
      await using node = await openNode()
      /** What a new agent would have read, had this one been killed at the stop. */
      const stopped = Promise.withResolvers<PodRecord | undefined>()
      const runtime: Runtime = {
        ...node.context.runtime,
        async stop(handle, how) {
          stopped.resolve(await readJson<PodRecord>(join(node.paths.root, 'pod.json')))
          await node.context.runtime.stop(handle, how)
        },
      }
      await using worker = startPodWorker({
        context: { ...node.context, runtime },
        record: { pod, index: 1, startTime: '2026-01-01T00:00:00Z' },
        onMissing: () => {},
      })
      assert.equal((await worker.container('c'))?.phase, 'running')
      worker.update({ ...pod, metadata: { ...pod.metadata, labels: { changed: 'yes' } } })
      for (let turn = 0; turn < turns; turn++) await nextTurn()
      if (end === 'deletion') worker.update(deleted)
      else worker.vanish()
      const known = await stopped.promise
      assert.ok(known?.isGone || known?.pod.metadata.deletionTimestamp, JSON.stringify(known))
    })
  }
}

/** The statuses that an API server was told, which takes each of them and knows nothing else. */
function openStatuses() {
  const told: PodStatus[] = []
  let isToldAnew = deferred()
  const transport: Transport = {
    async send({ body, method, path }) {
      const isStatus = method === 'PATCH' && path.endsWith('/pods/p/status')
      if (isStatus) {
        told.push((JSON.parse(Buffer.from(body ?? []).toString()) as Pod).status ?? {})
        isToldAnew.resolve()
        isToldAnew = deferred()
      }
      const metadata = { resourceVersion: String(told.length + 1) }
      const answer = isStatus
        ? { ...pod, metadata: { ...pod.metadata, ...metadata }, status: told.at(-1) }
        : { metadata, items: [] }
      return { status: 200, headers: {}, body: Readable.from([Buffer.from(JSON.stringify(answer))]) }
    },
    async [Symbol.asyncDispose]() {},
  }
  const until = async (count: number) => {
    while (told.length < count) await isToldAnew.promise
  }
  const stateOf = (status: PodStatus | undefined) => {
    const { ready = false, state = {} } = status?.containerStatuses?.[0] ?? {}
    return [...Object.keys(state), ...(ready ? ['ready'] : [])].join(', ')
  }
  return { transport, until, states: () => told.map(stateOf) }
}

const probe: Probe = { exec: { command: ['/bin/true'] } }

/** A pod whose program is started, and whose probe is answered, when the test says so. */
async function startNew({ probe }: { readonly probe?: Probe } = {}) {
  const clock = fakeClock()
  const statuses = openStatuses()
  const node = await openNode({ clock, transport: statuses.transport })
  const [begun, mayStart, asked, answer] = [deferred(), deferred(), deferred(), deferred()]
  const runtime: Runtime = {
    ...node.context.runtime,
    async start(spec) {
      begun.resolve()
      await mayStart.promise
      return await node.context.runtime.start(spec)
    },
    async exec() {
      asked.resolve()
      await answer.promise
      return { code: 0, output: '' }
    },
  }
  const folder = join(node.paths.root, '..', 'app')
  await mkdir(folder, { recursive: true })
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'app', version: '1.0.0', main: 'main.js' }),
  )
  await writeFile(join(folder, 'main.js'), '')
  const worker = startPodWorker({
    context: { ...node.context, runtime },
    record: {
      pod: {
        ...pod,
        metadata: { ...pod.metadata, uid: 'new' },
        spec: {
          containers: [{ name: 'c', image: `dir:${folder}`, ...(probe && { readinessProbe: probe }) }],
        },
      },
      index: 2,
      startTime: '2026-01-01T00:00:00Z',
    },
    onMissing: () => {},
  })
  await begun.promise
  return {
    ...statuses,
    clock,
    mayStart,
    asked: asked.promise,
    answer,
    async [Symbol.asyncDispose]() {
      mayStart.resolve()
      answer.resolve()
      await worker[Symbol.asyncDispose]()
      await node[Symbol.asyncDispose]()
    },
  }
}

test('a pod that starts within 100 ms is told of once, with its container running', async () => {
  await using started = await startNew()
  await started.clock.advance(99)
  assert.deepEqual(started.states(), [])
  started.mayStart.resolve()
  await started.until(1)
  assert.deepEqual(started.states(), ['running, ready'])
})

test('a start that takes longer is told of after 100 ms, and once more when the container runs', async () => {
  await using started = await startNew()
  await started.clock.advance(100)
  await started.until(1)
  assert.deepEqual(started.states(), ['waiting'])
  started.mayStart.resolve()
  await started.until(2)
  assert.deepEqual(started.states(), ['waiting', 'running, ready'])
})

test('an app that is ready within half a second is told of once, when it is', async () => {
  await using started = await startNew({ probe })
  started.mayStart.resolve()
  await started.asked
  await started.clock.advance(499)
  assert.deepEqual(started.states(), [])
  started.answer.resolve()
  await started.until(1)
  assert.deepEqual(started.states(), ['running, ready'])
})

test('an app that takes longer is told of after half a second, and once more when it is ready', async () => {
  await using started = await startNew({ probe })
  started.mayStart.resolve()
  await started.asked
  await started.clock.advance(500)
  await started.until(1)
  assert.deepEqual(started.states(), ['running'])
  started.answer.resolve()
  await started.until(2)
  assert.deepEqual(started.states(), ['running', 'running, ready'])
})

interface NodeOptions {
  readonly clock?: Clock
  readonly transport?: Transport
}

/** A node with one running container, and an API server that doesn't answer. */
async function openNode({ clock = realClock, ...options }: NodeOptions = {}) {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'sampan-worker-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const logger = createLogger({ clock, level: 'error', write: (line) => console.error(line) })
  const nodeDefault = { path: process.execPath, version: process.versions.node }
  const silent = () => httpTransport({ server: 'http://127.0.0.1:9', token: 'none' })
  const transport = stack.use(options.transport ?? silent())
  const client = restClient(transport, 'test')
  const context: NodeContext = {
    client,
    runtime: openFakeRuntime({ clock }),
    packages: stack.use(
      await openPackageCache({ root: join(dataDir, 'packages'), nodeDefault, clock, logger }),
    ),
    clock,
    random,
    logger,
    recorder: stack.use(openEventRecorder({ client, component: 'test', clock, random, logger })),
    objects: createObjectSource({ client, clock }),
    tokens: createTokenSource({ client, clock, logger }),
    apiServer: undefined,
    networkSocket: undefined,
    nodeName: 'n1',
    dataDir,
    memoryDir: join(dataDir, 'memory'),
    hostIP: '127.0.0.1',
    loopbackBlock: '127.1.0.0/16',
    allocatable: {},
    logLimits: defaultLogLimits,
    mountSupport: { usable: false, reason: 'not in this test' },
    customCommands: true,
    runOnceLease: createRunOnceLease({ dataDir, logger }),
    basePath: '/bin',
    podCIDR: () => '10.0.0.0/24',
    onDiskFull: () => {},
    pressure: () => ({ memory: false, disk: false }),
  }
  const paths = podPaths(dataDir, uid)
  const stateDir = paths.attempt('c', 1)
  const raw = paths.raw('c', 1)
  for (const folder of [stateDir, raw, context.memoryDir]) await mkdir(folder, { recursive: true })
  const id = `${uid}_c_1`
  const handle = await context.runtime.start({
    id,
    argv: ['/bin/true'],
    cwd: dataDir,
    env: {},
    address: '127.1.0.1',
    node: true,
    stateDir,
    stdoutPath: join(raw, 'stdout'),
    stderrPath: join(raw, 'stderr'),
  })
  const current = { attempt: 1, id, startedAt: '2026-01-01T00:00:00Z', handle }
  await writeContainerRecord(paths, 'c', { attempts: 1, restartCount: 0, current })
  const owned = stack.move()
  return { context, paths, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
