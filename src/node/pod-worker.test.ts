import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Pod } from '../api/schema/types.gen.ts'
import { realClock as clock } from '../base/clock.ts'
import { realRandom as random } from '../base/ids.ts'
import { createLogger } from '../base/logger.ts'
import { openEventRecorder } from '../client/events.ts'
import { restClient } from '../client/rest-client.ts'
import { httpTransport } from '../client/transport-http.ts'
import { openFakeRuntime } from '../runtime/fake/fake-runtime.ts'
import { openPackageCache } from '../runtime/packages/cache.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { NodeContext } from './context.ts'
import { defaultLogLimits } from './log-files.ts'
import { createObjectSource } from './object-source.ts'
import { podPaths, readJson, writeContainerRecord, type PodRecord } from './pod-records.ts'
import { startPodWorker } from './pod-worker.ts'
import { createRunOnceLease } from './run-once.ts'
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

/** A node with one running container, and an API server that doesn't answer. */
async function openNode() {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'sampan-worker-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const logger = createLogger({ clock, level: 'error', write: (line) => console.error(line) })
  const nodeDefault = { path: process.execPath, version: process.versions.node }
  const transport = stack.use(httpTransport({ server: 'http://127.0.0.1:9', token: 'none' }))
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
