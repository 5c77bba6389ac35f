/**
 * Debian's Prometheus beside a whole Sampan, with the configuration of examples/prometheus: what it discovers in each
 * role, and that it can read all of it.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileOf } from '../../tools/parts.ts'
import { openCluster, root, until, type Cluster } from '../support/cluster.ts'
import { deployment, service, yaml } from '../support/manifests.ts'
import { isMissing } from '../support/needs.ts'

const example = join(root, 'examples', 'prometheus')
const scraped = { 'prometheus.io/scrape': 'true' }
/** Discovery hears of a change at once and hands it on every five seconds. */
const discoveredWithinMs = 90_000

interface Target {
  readonly health: string
  readonly lastError: string
  readonly scrapePool: string
  readonly labels: Readonly<Record<string, string>>
  readonly discoveredLabels: Readonly<Record<string, string>>
}

interface Prometheus extends AsyncDisposable {
  /** Active targets of a job. */
  targets(job: string): Promise<readonly Target[]>
  /** The first value of each series that the query yields, by one of its labels. */
  query(text: string, label: string): Promise<Readonly<Record<string, number>>>
}

test('Prometheus discovers and reads nodes, pods, services and endpoints', async (t) => {
  if (isMissing(t, 'prometheus', 'service discovery as Prometheus does it')) return
  await using cluster = await openCluster()
  cluster.ok(['apply', '-f', join(example, 'rbac.yaml')])
  cluster.ok('apply -f -', { input: yaml(...annotated(2)) })
  cluster.ok('rollout status deployment/metered --timeout=120s')
  await using prometheus = await openPrometheus(cluster)
  await discovers(t, cluster, prometheus)
  await queries(t, cluster, prometheus)
  await follows(t, cluster, prometheus)
})

function annotated(replicas: number): readonly object[] {
  const made = deployment({ name: 'metered', app: 'metered', replicas })
  const { template } = made.spec
  const front = service('metered')
  return [
    {
      ...made,
      spec: {
        ...made.spec,
        template: { ...template, metadata: { ...template.metadata, annotations: scraped } },
      },
    },
    { ...front, metadata: { ...front.metadata, annotations: scraped } },
  ]
}

const podsOf = (cluster: Cluster): readonly string[] =>
  cluster.ok('get pods -l app=metered -o jsonpath={.items[*].metadata.name}').split(' ').toSorted()

async function discovers(t: TestContext, cluster: Cluster, prometheus: Prometheus): Promise<void> {
  const pods = podsOf(cluster)
  const instances = pods.map((pod) => `${pod}:3000`)
  for (const [job, expected] of [
    ['apiserver', [new URL(cluster.apiUrl).host]],
    ['nodes', ['node-1']],
    ['resources', ['node-1']],
    ['nodejs', ['node-1']],
    ['pods', instances],
    ['services', ['metered:80']],
    ['endpoints', instances],
    ['endpointslices', instances],
  ] as const)
    await t.test(`${job}: the right targets, all of them up`, () => allUp(prometheus, job, expected))
  await t.test('what is known of a target is in its labels', async () => {
    const [pod] = await prometheus.targets('pods')
    assert.equal(pod?.labels['namespace'], 'default')
    assert.equal(pod?.discoveredLabels['__meta_kubernetes_pod_controller_kind'], 'ReplicaSet')
    assert.equal(pod?.discoveredLabels['__meta_kubernetes_pod_node_name'], 'node-1')
    assert.equal(pod?.discoveredLabels['__meta_kubernetes_pod_ready'], 'true')
    assert.equal(pod?.discoveredLabels['__meta_kubernetes_pod_label_app'], 'metered')
    const [endpoint] = await prometheus.targets('endpoints')
    assert.equal(endpoint?.labels['service'], 'metered')
    assert.equal(endpoint?.discoveredLabels['__meta_kubernetes_endpoint_port_name'], 'http')
    const [node] = await prometheus.targets('nodes')
    assert.equal(node?.discoveredLabels['__meta_kubernetes_node_label_kubernetes_io_os'], 'linux')
  })
}

/** Resolves when the job has exactly these instances and has read each of them. */
async function allUp(prometheus: Prometheus, job: string, instances: readonly string[]): Promise<void> {
  let last: readonly Target[] = []
  const wanted = instances.map((instance) => `${instance} up`).toSorted()
  const isThere = async () => {
    last = await prometheus.targets(job)
    const seen = last.map(({ health, labels }) => `${labels['instance']} ${health}`).toSorted()
    return seen.join() === wanted.join() || undefined
  }
  await until(`targets of ${job}`, isThere, discoveredWithinMs).catch((error: unknown) => {
    throw new Error(`${job}: wanted ${wanted.join()}; has ${JSON.stringify(last, undefined, 1)}`, {
      cause: error,
    })
  })
}

async function queries(t: TestContext, cluster: Cluster, prometheus: Prometheus): Promise<void> {
  const pods = podsOf(cluster)
  const has = (text: string, label: string, names: readonly string[]) =>
    t.test(`${text} has a value for each ${label}`, async () => {
      await until(text, async () => {
        const values = await prometheus.query(text, label)
        return names.every((name) => (values[name] ?? 0) > 0) || undefined
      })
    })
  await has('app_scrapes_total{job="pods"}', 'pod', pods)
  await has('container_memory_working_set_bytes{namespace="default"}', 'pod', pods)
  await has('pod_cpu_usage_seconds_total{namespace="default"}', 'pod', pods)
  await has('node_memory_working_set_bytes', 'instance', ['node-1'])
  await has('kubelet_running_pods', 'instance', ['node-1'])
  await has('sum by (resource) (apiserver_request_total{verb="LIST",code="200"})', 'resource', [
    'pods',
    'nodes',
    'services',
    'endpoints',
    'endpointslices',
  ])
  await has('apiserver_longrunning_requests{resource="pods",group=""}', 'resource', ['pods'])
  await has('etcd_request_duration_seconds_count', 'operation', ['create', 'update', 'get'])
  await has('workqueue_adds_total', 'name', ['endpoints', 'replicaset'])
}

async function follows(t: TestContext, cluster: Cluster, prometheus: Prometheus): Promise<void> {
  const jobs = ['pods', 'endpoints', 'endpointslices']
  await t.test('a new pod becomes a target', async () => {
    cluster.ok('scale deployment/metered --replicas=3')
    cluster.ok('rollout status deployment/metered --timeout=120s')
    const instances = podsOf(cluster).map((pod) => `${pod}:3000`)
    assert.equal(instances.length, 3)
    for (const job of jobs) await allUp(prometheus, job, instances)
  })
  await t.test('what is deleted is a target no more', async () => {
    cluster.ok('delete deployment/metered service/metered --timeout=60s')
    for (const job of [...jobs, 'services']) await allUp(prometheus, job, [])
    assert.equal(cluster.ok('get endpoints -o name'), '')
  })
}

/** On a free port, with the example's configuration: only address and pace differ. */
async function openPrometheus(cluster: Cluster): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-prometheus-'))
  const { host } = new URL(cluster.apiUrl)
  const config = readFileSync(join(example, 'prometheus.yml'), 'utf8')
    .replaceAll('127.0.0.1:18888', host)
    .replace('scrape_interval: 15s', 'scrape_interval: 1s')
  writeFileSync(join(folder, 'prometheus.yml'), config)
  writeFileSync(join(folder, 'token'), cluster.ok('create token prometheus -n monitoring').trim())
  const ca = cluster.ok('config view --raw -o jsonpath={.clusters[0].cluster.certificate-authority-data}')
  writeFileSync(join(folder, 'ca.crt'), Buffer.from(ca, 'base64'))
  const child = spawn(
    fileOf('prometheus'),
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let log = ''
  child.stderr.on('data', (chunk) => (log += String(chunk)))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const close = async () => {
    child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const port = await until('Prometheus listens', () => {
      if (child.exitCode !== null) throw new Error(`Prometheus ended: ${log}`)
      return /Listening on.*address=127\.0\.0\.1:(\d+)/.exec(log)?.[1]
    })
    return { ...client(`http://127.0.0.1:${port}`), [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

function client(url: string): Omit<Prometheus, typeof Symbol.asyncDispose> {
  const ask = async <T>(path: string): Promise<T> => {
    const { data } = (await (await fetch(url + path)).json()) as { readonly data: T }
    return data
  }
  return {
    async targets(job) {
      const { activeTargets } = await ask<{ readonly activeTargets: readonly Target[] }>(
        `/api/v1/targets?state=active&scrapePool=${job}`,
      )
      return activeTargets
    },
    async query(text, label) {
      interface Series {
        readonly metric: Readonly<Record<string, string>>
        readonly value: readonly [number, string]
      }
      const query = encodeURIComponent(text)
      const { result } = await ask<{ readonly result: readonly Series[] }>(`/api/v1/query?query=${query}`)
      return Object.fromEntries(result.map(({ metric, value }) => [metric[label] ?? '', Number(value[1])]))
    },
  }
}
