/**
 * `kill -9` of server, agent and gateway, a hundred times each, at random moments: under writes, in the middle of pod
 * starts, also between a process and the record of it. Nothing acknowledged is lost, nothing runs twice, nothing is
 * left behind. `SEED=n` repeats a run's choices, `ROUNDS=n` makes it longer.
 */
import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { configMaps } from '../../src/api/resources/configmaps.ts'
import { pods } from '../../src/api/resources/pods.ts'
import type { ConfigMap, Pod } from '../../src/api/schema/types.gen.ts'
import { isAlreadyExists, isNotFound, isStatusError } from '../../src/api/status.ts'
import { seededRandom } from '../../src/base/ids.ts'
import type { Client } from '../../src/client/client.ts'
import { readKubeconfig } from '../../src/client/kubeconfig.ts'
import { restClient } from '../../src/client/rest-client.ts'
import { httpTransport } from '../../src/client/transport-http.ts'
import { openCluster, root, until, type Cluster } from '../support/cluster.ts'
import { countByPart, createKiller, parts, type Kill } from '../support/kills.ts'
import { isProgram, workloadProcesses } from '../support/workloads.ts'
import { testSeed as seed } from '../../src/base/test-seed.ts'

const rounds = Number(process.env['ROUNDS'] ?? 100)
const namespace = 'default'
const steadyCount = 3
const podsPerRound = 3
/** Within this long after a round's pods were asked for, each process is killed once: starts of processes and of pods fit in. */
const windowMs = 1_200
/** From the request for a pod to its first line it takes 150 ms when nothing else happens. */
const soonMs = 300
/** A pod is deleted this many rounds after it was made, if not at once. */
const lifeRounds = 3
const timeoutMs = 1_200_000

test(`${rounds} times each process is killed (SEED=${seed})`, { timeout: timeoutMs }, async (t) => {
  const random = seededRandom(seed)
  await using cluster = await openCluster()
  await using transport = httpTransport(await readKubeconfig(cluster.kubeconfig))
  const client = restClient(transport, 'crash-test')
  const startLog = join(cluster.dataDir, 'starts')
  writeFileSync(startLog, '')
  chmodSync(startLog, 0o666) // for pods with users of their own
  const supervisor = cluster.pidOf('supervisor')
  const killer = createKiller({ dataDir: cluster.dataDir, random, windowMs, soonMs })

  for (let i = 0; i < steadyCount; i++) await createPod(client, `steady-${i}`, startLog)
  const steadyBefore = await until('the steady pods are ready', () => steadyState(cluster, client), 60_000)

  await using writer = startWriter(client)
  /** When the server had acknowledged a pod. */
  const acceptedAtMs = new Map<string, number>()
  const churn = async (name: string, isShortLived: boolean) => {
    await createPod(client, name, startLog)
    acceptedAtMs.set(name, Date.now())
    if (isShortLived) await deletePod(client, name)
  }
  let expected: readonly string[] = []
  for (let round = 0; round < rounds; round++) {
    // Most rounds begin with everything at work, some in the middle of the recovery from the last one.
    if (random.float() < 0.7) await until('the pods have started', () => haveStarted(startLog, expected))
    const isAllAtOnce = random.float() < 0.1
    const made = namesOf(round).map((name) => ({ name, isShortLived: random.float() < 0.3 }))
    writer.goOn()
    await Promise.all([
      ...made.map(({ name, isShortLived }) => churn(name, isShortLived)),
      ...(isAllAtOnce ? [killer.killAll()] : parts.map((part) => killer.killOne(part))),
    ])
    writer.pause()
    expected = made.filter(({ isShortLived }) => !isShortLived).map(({ name }) => name)
    if (round >= lifeRounds) await deleteAll(client, namesOf(round - lifeRounds))
  }
  const { acknowledged } = await writer.stop()
  t.diagnostic(`${acknowledged.length} writes acknowledged`)
  t.diagnostic(`kills ${JSON.stringify(countByPart(killer.kills))}`)
  for (const [part, count] of Object.entries(countByPart(killer.kills))) {
    assert.ok(count >= rounds, `the ${part} was killed ${count} times`)
  }
  assert.doesNotThrow(() => process.kill(supervisor, 0), 'the supervisor has survived')

  const present = await until(
    'the server is back',
    async () => (await client.resource<ConfigMap>(configMaps).list({ namespace })).items,
  )
  const names = new Set(present.map(({ metadata }) => metadata.name))
  assert.deepEqual(
    acknowledged.filter((name) => !names.has(name)),
    [],
    'acknowledged and missing',
  )

  assert.deepEqual(
    await until('the steady pods are ready', () => steadyState(cluster, client)),
    steadyBefore,
    'the same processes all along',
  )

  for (let round = 0; round < rounds; round++) await deleteAll(client, namesOf(round))
  await until(
    'the churned pods are gone',
    async () => {
      const left = (await client.resource<Pod>(pods).list({ namespace })).items
      return left.length === steadyCount ? true : undefined
    },
    120_000,
  )
  const starts = readStarts(startLog)
  const uids = starts.map(({ uid }) => uid)
  const twice = starts.filter(({ uid }) => uids.indexOf(uid) !== uids.lastIndexOf(uid))
  assert.deepEqual(twice, [], 'started twice')
  const during = starts.map(({ name, atMs }) =>
    killer.kills.filter((kill) => (acceptedAtMs.get(name) ?? atMs) < kill.atMs && kill.atMs < atMs),
  )
  const interrupted = during.filter((kills) => kills.length > 0)
  t.diagnostic(`${starts.length} starts, ${interrupted.length} with a kill between request and first line`)
  t.diagnostic(
    `starts by the process that was killed meanwhile ${JSON.stringify(countByPart(during.flatMap(oncePerPart)))}`,
  )
  assert.ok(starts.length > steadyCount + rounds / 5, 'pods were started in between')
  assert.ok(interrupted.length > rounds, `processes were killed during ${interrupted.length} starts of pods`)

  await until(
    'no process is left behind',
    () => {
      const running = apps(cluster)
      return running.length === steadyCount ? true : undefined
    },
    60_000,
  )
})

const namesOf = (round: number) => Array.from({ length: podsPerRound }, (_, i) => `churn-${round}-${i}`)

const oncePerPart = (kills: readonly Kill[]) =>
  parts.flatMap((part) => kills.find((kill) => kill.part === part) ?? [])

/** What the apps wrote down about themselves. */
const readStarts = (startLog: string) =>
  readFileSync(startLog, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [uid = '', , name = '', atMs] = line.split(' ')
      return { uid, name, atMs: Number(atMs) }
    })

function haveStarted(startLog: string, expected: readonly string[]): true | undefined {
  const names = new Set(readStarts(startLog).map(({ name }) => name))
  return expected.every((name) => names.has(name)) ? true : undefined
}

async function createPod(client: Client, name: string, startLog: string): Promise<void> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      containers: [
        {
          name: 'app',
          image: `dir:${join(root, 'tests', 'testdata', 'apps', 'recorder')}`,
          env: [
            { name: 'START_LOG', value: '/starts' },
            { name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
            { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          ],
          readinessProbe: { httpGet: { port: 8000 }, periodSeconds: 1 },
          volumeMounts: [{ name: 'starts', mountPath: '/starts' }],
        },
      ],
      volumes: [{ name: 'starts', hostPath: { path: startLog, type: 'File' } }],
      terminationGracePeriodSeconds: 2,
    },
  } as Pod
  await persist(() => client.resource<Pod>(pods).create(pod), isAlreadyExists)
}

const deletePod = (client: Client, name: string) =>
  persist(() => client.resource<Pod>(pods).delete(name, { namespace }), isNotFound)

const deleteAll = (client: Client, names: readonly string[]) =>
  Promise.all(names.map((name) => deletePod(client, name)))

/** Asks until there is an answer; `isDone` are refusals that mean an earlier try, whose answer was lost, has worked. */
async function persist(call: () => Promise<unknown>, isDone: (error: unknown) => boolean): Promise<void> {
  await until('an answer', async () => {
    try {
      await call()
      return true
    } catch (error) {
      if (isDone(error)) return true
      if (isStatusError(error) && error.status.code < 500) throw new Error('refused', { cause: error })
      return undefined
    }
  })
}

/**
 * Creates ConfigMaps one after another and remembers which were acknowledged. It pauses while nothing is killed: what it would write then
 * proves nothing, and every server that starts again has it all to read.
 */
function startWriter(client: Client) {
  const acknowledged: string[] = []
  let isStopped = false
  let gate = Promise.withResolvers<void>()
  const run = async () => {
    for (let i = 0; ; i++) {
      await gate.promise
      if (isStopped) return
      const name = `write-${i}`
      const object = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace },
        data: { i: String(i) },
      } as ConfigMap
      try {
        await client.resource<ConfigMap>(configMaps).create(object)
        acknowledged.push(name)
      } catch (error) {
        // No answer: it may or may not have happened, and a new name comes next.
        if (isStatusError(error) && error.status.code < 500) throw error
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
  }
  const running = run()
  const stop = async () => {
    isStopped = true
    gate.resolve()
    await running
    return { acknowledged }
  }
  return {
    goOn: () => gate.resolve(),
    pause: () => void (gate = Promise.withResolvers<void>()),
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
    },
  }
}

/** The pids and restart counts of the steady pods; undefined while one isn't ready. */
async function steadyState(cluster: Cluster, client: Client): Promise<string | undefined> {
  const found = (await client.resource<Pod>(pods).list({ namespace })).items.filter(({ metadata }) =>
    metadata.name?.startsWith('steady-'),
  )
  const isReady = ({ status }: Pod) =>
    status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True')
  if (found.length !== steadyCount || !found.every(isReady)) return undefined
  const running = apps(cluster)
  assert.ok(running.length >= steadyCount, 'the pods have processes')
  return JSON.stringify(
    found.map(({ metadata, status }) => [
      metadata.name,
      status?.containerStatuses?.[0]?.restartCount,
      running.filter(({ id }) => id.startsWith(metadata.uid ?? '')).map(({ pid }) => pid),
    ]),
  )
}

const apps = (cluster: Cluster) => workloadProcesses(cluster.dataDir).filter(isProgram)
