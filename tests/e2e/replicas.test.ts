/** Two servers on one store: each does all that one does, and nothing stops when one of them is gone. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { configMaps } from '../../src/api/resources/configmaps.ts'
import type { ConfigMap, Pod } from '../../src/api/schema/types.gen.ts'
import { isStatusError } from '../../src/api/status.ts'
import { realClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/ids.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { TransportError, type Client } from '../../src/client/client.ts'
import { failoverTransport } from '../../src/client/failover-transport.ts'
import { readKubeconfig } from '../../src/client/kubeconfig.ts'
import { restClient } from '../../src/client/rest-client.ts'
import { httpTransport } from '../../src/client/transport-http.ts'
import { openStore } from '../../src/store/open.ts'
import { openCluster, runSampan, until, type Cluster } from '../support/cluster.ts'
import { startEtcdCluster } from '../support/etcd.ts'
import { ask } from '../support/http.ts'
import { createKiller } from '../support/kills.ts'
import { deployment, ingress, service, yaml } from '../support/manifests.ts'
import { isPresent } from '../../tools/parts.ts'
import { leaderTiming } from '../../src/client/leader-election.ts'
import { testSeed as seed } from '../../src/base/test-seed.ts'

/** What a slow test machine may add to a promise of seconds. */
const slackMs = 3_000
const takeOverMs = 15_000
const kills = Number(process.env['KILLS'] ?? 2)

const why = isPresent('etcd') ? false : 'etcd is not installed, needed for servers that share a store'
if (why !== false && process.env['CI'] === 'true') throw new Error(why)

describe('two servers on one etcd', { skip: why }, () => {
  const stack = new AsyncDisposableStack()
  let first: Cluster
  let second: Cluster
  let store: readonly string[]
  before(async () => {
    const etcd = stack.use(await startEtcdCluster())
    store = ['--store', `etcd://${etcd.endpoints}`]
    first = stack.use(await openCluster({ args: store }))
    const token = join(first.dataDir, 'credentials', 'server.token')
    second = stack.use(
      await openCluster({ command: 'server', args: [...store, '--server-token-file', token] }),
    )
    first.ok('apply -f -', {
      input: yaml(deployment({ name: 'web', replicas: 2 }), service('web'), ingress('web', 'web.test')),
    })
    first.ok('rollout status deployment/web --timeout=60s')
  })
  after(() => stack.disposeAsync())

  const holder = (cluster: Cluster) =>
    cluster.ok('get lease sampan-controllers -n kube-system -o jsonpath={.spec.holderIdentity}')
  const pids = () => first.ok('get pods -l app=web -o jsonpath={range.items[*]}{.metadata.uid}{"\\n"}{end}')

  test('each reads what the other has just written', () => {
    for (let i = 0; i < 5; i++) {
      const [writer, reader] = i % 2 === 0 ? [first, second] : [second, first]
      writer.ok(`create configmap seen-${i} --from-literal=i=${i}`)
      assert.equal(reader.ok(`get configmap seen-${i} -o jsonpath={.data.i}`), String(i))
      reader.ok(`delete configmap seen-${i}`)
      assert.equal(writer.kubectl(`get configmap seen-${i}`).code, 1)
    }
  })

  test('a watch through one sees what is written through the other, in order', async () => {
    await using watching = second.follow('get configmaps -l watched=yes -w -o name')
    for (let i = 0; i < 10; i++) {
      first.ok(`create configmap watched-${i}`)
      first.ok(`label configmap watched-${i} watched=yes`)
    }
    const wanted = Array.from({ length: 10 }, (_, i) => `configmap/watched-${i}`)
    await until('all are seen', () => (watching.stdout().trim().split('\n').length >= 10 ? true : undefined))
    assert.deepEqual(watching.stdout().trim().split('\n'), wanted)
    first.ok('delete configmap -l watched=yes')
  })

  test('a token of the one is good at the other, and its logs and commands reach the node', async () => {
    const token = first.ok('create token default').trim()
    const { code, stderr } = second.kubectl(['--token', token, 'auth', 'whoami', '-o', 'name'])
    assert.equal(code, 0, stderr)
    assert.match(
      await until('logs through the second', () => second.ok('logs deployment/web') || undefined),
      /listening/,
    )
    assert.equal(second.ok('exec deployment/web -- echo there'), 'there\n')
  })

  test('a server that hangs: the other leads within 15 s, the app goes on, nothing happens twice', async () => {
    const before = pids()
    const [frozen, leader] = [first.pidOf('server'), holder(first)]
    const stoppedMs = performance.now()
    process.kill(frozen, 'SIGSTOP')
    try {
      second.ok('scale deployment web --replicas=4')
      await until(
        'the other leads',
        () => (holder(second) === leader ? undefined : true),
        takeOverMs + slackMs,
      )
      assert.ok(performance.now() - stoppedMs < takeOverMs + slackMs)
      second.ok('rollout status deployment/web --timeout=60s')
      assert.equal((await ask(`${first.gatewayUrl}/`, { host: 'web.test' })).status, 200)
      assert.equal(second.ok('exec deployment/web -- echo again'), 'again\n')
    } finally {
      process.kill(frozen, 'SIGCONT')
    }
    // The old leader is back and believes for a moment that it leads.
    first.ok('rollout status deployment/web --timeout=60s')
    await until('it follows', () => (first.kubectl('get --raw /readyz').code === 0 ? true : undefined))
    const now = pids().trim().split('\n')
    assert.equal(now.length, 4)
    for (const uid of before.trim().split('\n')) assert.ok(now.includes(uid), 'no pod was replaced')
    assert.equal(first.ok('get replicasets -l app=web -o name').trim().split('\n').length, 1)
  })

  test(`a leader is killed in the middle of a rollout, ${kills} times (SEED=${seed}): the next goes on within 15 s, nothing is made twice`, async (t) => {
    const random = seededRandom(seed)
    await using made = await podsMade(store[1] ?? '', '/registry/core/pods/default/rolling-')
    first.ok('apply -f -', { input: yaml(deployment({ name: 'rolling', replicas: 3 })) })
    first.ok('rollout status deployment/rolling --timeout=60s')
    const replicaSets = () =>
      first.ok(
        'get replicasets -l app=rolling -o jsonpath={range.items[*]}{.metadata.labels.pod-template-hash}{"\\n"}{end}',
      )
    for (let kill = 1; kill <= kills; kill++) {
      const leader = await until('one of them leads', () => leaderOf([first, second]))
      const other = leader === first ? second : first
      const before = holder(other)
      other.ok(`set env deployment/rolling VERSION=${kill}`)
      await createKiller({ dataDir: leader.dataDir, random, windowMs: 2_000, soonMs: 600 }).killOne('server')
      const killedMs = performance.now()
      await until('the next leads', () => (holder(other) === before ? undefined : true), takeOverMs + slackMs)
      t.diagnostic(`the next led after ${Math.round(performance.now() - killedMs)} ms`)
      other.ok('rollout status deployment/rolling --timeout=60s')
      await until('the killed one is back', () =>
        leader.kubectl('get --raw /readyz').code === 0 ? true : undefined,
      )
      const hashes = replicaSets().trim().split('\n')
      assert.equal(hashes.length, kill + 1, 'one ReplicaSet for each version')
      assert.equal(new Set(hashes).size, hashes.length)
      const threes = hashes.map(() => 3)
      assert.deepEqual(await made.counts(), threes, 'three pods for each version, ever')
    }
    first.ok('delete deployment rolling')
  })

  test('a leader that ends says goodbye: the other acts at once', async () => {
    assert.notEqual(holder(first), '')
    await second.stop()
    const stoppedMs = performance.now()
    first.ok('scale deployment web --replicas=3')
    await until(
      'the scale is acted on',
      () => (first.ok('get deployment web -o jsonpath={.status.replicas}') === '3' ? true : undefined),
      leaderTiming.leaseMs - 1_000,
    )
    assert.ok(performance.now() - stoppedMs < leaderTiming.leaseMs, 'nobody waited for a lease to run out')
    await second.start()
    const leases = [
      'get',
      'lease',
      '-n',
      'kube-system',
      '-l',
      'apiserver.kubernetes.io/identity',
      '-o',
      'name',
    ]
    await until('both are on the list', () =>
      first.ok(leases).trim().split('\n').length === 2 ? true : undefined,
    )
  })

  test('a server is added and another one taken away while traffic flows: nothing fails, nothing is lost', async () => {
    const kubeconfig = await readKubeconfig(first.kubeconfig)
    const urls = [first.apiUrl, second.apiUrl]
    const connect = (server: string) => httpTransport({ ...kubeconfig, server })
    await using transport = failoverTransport({
      servers: urls,
      connect,
      clock: realClock,
      logger: silentLogger,
    })
    const writes = countWrites(restClient(transport, 'test'))
    const reads = countAnswers(first.gatewayUrl)
    try {
      await using third = await openCluster({
        command: 'server',
        args: [...store, '--server-token-file', join(first.dataDir, 'credentials', 'server.token')],
      })
      transport.setServers([...urls, third.apiUrl])
      await until('writes go on', () => writes.hasGrown())
      await second.stop()
      await until('writes go on without the second', () => writes.hasGrown())
      await second.start()
      await until('writes go on with it', () => writes.hasGrown())
    } finally {
      await Promise.all([writes.stop(), reads.stop()])
    }
    const present = first.ok('get configmaps -l test=traffic -o name').trim().split('\n')
    const missing = writes.acknowledged.filter((name) => !present.includes(`configmap/${name}`))
    assert.deepEqual(missing, [], 'acknowledged and missing')
    assert.deepEqual(writes.refused, [])
    assert.deepEqual(reads.failures, [])
    assert.ok(reads.count > 10 && writes.acknowledged.length > 10)
  })

  test('a server with another token, or with the files of another cluster, is refused with the way out', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sampan-other-'))
    try {
      const file = join(folder, 'token')
      writeFileSync(file, 'some other token of 32 characters')
      const listen = ['--listen', '127.0.0.1:0', '--tls-listen', '127.0.0.1:0']
      const args = [
        'server',
        '--data-dir',
        join(folder, 'data'),
        '--server-token-file',
        file,
        ...listen,
        ...store,
      ]
      const { code, stderr } = runSampan(args)
      assert.equal(code, 1)
      assert.match(stderr, /does not open the keys in the store.*--server-token-file/)
      writeFileSync(file, 'short')
      assert.match(runSampan(args).stderr, /holds fewer than 16 characters/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

/** The one whose process was the last to say that it leads; undefined when that process is no more. */
function leaderOf(clusters: readonly Cluster[]): Cluster | undefined {
  const terms = clusters.flatMap((cluster) => {
    const lines = readFileSync(join(cluster.dataDir, 'logs', 'server.log'), 'utf8').split('\n')
    const line = lines.findLast((text) => text.includes('"message":"leading"'))
    if (line === undefined) return []
    return [{ cluster, ...(JSON.parse(line) as { readonly pid: number; readonly time: string }) }]
  })
  const last = terms.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time)).at(-1)
  return last && last.pid === last.cluster.pidOf('server') ? last.cluster : undefined
}

/** All pods that were ever made since, whether they still are there or not: from the store itself, past all servers. */
async function podsMade(url: string, prefix: string) {
  const store = await openStore(url, { clock: realClock, logger: silentLogger })
  const stop = new AbortController()
  const hashes: string[] = []
  const from = await store.current()
  let told = from
  const watching = (async () => {
    for await (const { events, revision } of store.watch({ prefix }, from, stop.signal)) {
      for (const { type, value } of events)
        if (type === 'create') hashes.push(hashOf(JSON.parse(Buffer.from(value).toString('utf8')) as Pod))
      told = revision
    }
  })()
  return {
    /** How many of each template by now, in the order in which they came. */
    async counts() {
      const now = await store.current()
      await until('all pods are told', () => (told >= now ? true : undefined))
      return [...Map.groupBy(hashes, (hash) => hash).values()].map(({ length }) => length)
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await watching
      await store[Symbol.asyncDispose]()
    },
  }
}

const hashOf = ({ metadata }: Pod): string => metadata.labels?.['pod-template-hash'] ?? ''

/** ConfigMaps, one after another; whose answer was lost is asked for again, as a client would. */
function countWrites(client: Client) {
  const api = client.resource<ConfigMap>(configMaps)
  const acknowledged: string[] = []
  const refused: string[] = []
  let [isOver, seen] = [false, 0]
  const write = async (name: string) => {
    const metadata = { name, namespace: 'default', labels: { test: 'traffic' } }
    try {
      await api.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata })
      acknowledged.push(name)
    } catch (error) {
      // The server ended in the middle of it: whether it is there is known to nobody.
      const isUnknown = error instanceof TransportError || (isStatusError(error) && error.status.code === 503)
      if (!isUnknown) refused.push(`${name}: ${String(error)}`)
    }
  }
  const running = (async () => {
    for (let i = 0; !isOver; i++) await write(`traffic-${i}`)
  })()
  return {
    acknowledged,
    refused,
    hasGrown() {
      if (acknowledged.length < seen + 20) return undefined
      seen = acknowledged.length
      return true
    },
    async stop() {
      isOver = true
      await running
    },
  }
}

/** Requests to the app, one after another. */
function countAnswers(gatewayUrl: string) {
  const failures: string[] = []
  let isOver = false
  let count = 0
  const running = (async () => {
    for (; !isOver; count++) {
      const { status, body } = await ask(`${gatewayUrl}/`, { host: 'web.test' })
      if (status !== 200) failures.push(`${status} ${body}`)
    }
  })()
  return {
    failures,
    get count() {
      return count
    },
    async stop() {
      isOver = true
      await running
    },
  }
}
