import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../../base/fake-clock.ts'
import type { PodSummary, StatsSummary } from '../../api/streams/stats-summary.ts'
import { serviceUnavailable } from '../../api/status.ts'
import { openFixture, pod, refusal, type Fixture } from '../fixture.ts'
import { keptMs } from '../node-usage.ts'
import type { NodeRequest, NodeTunnels } from '../node-tunnels.ts'

const time = '2026-01-01T00:00:00Z'
const amounts = (cores: number, bytes: number) => ({
  cpu: { time, usageNanoCores: cores * 1e9, usageCoreNanoSeconds: 0 },
  memory: { time, workingSetBytes: bytes, rssBytes: bytes },
})

const summaryOf = (nodeName: string, pods: readonly string[]): StatsSummary => ({
  node: { nodeName, windowSeconds: 15.25, ...amounts(1.5, 4096) },
  pods: pods.map((name): PodSummary => ({
    podRef: { name, namespace: 'default', uid: name },
    ...amounts(0.5, 3072),
    containers: [
      { name: 'main', startTime: time, ...amounts(0.25, 1024) },
      { name: 'side', startTime: time, ...amounts(0.25, 2048) },
    ],
  })),
})

async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

/** Nodes by name: what each answers, or undefined for one that never does. */
function scriptedNodes(answers: ReadonlyMap<string, StatsSummary | undefined>) {
  const asked: string[] = []
  const nodes: NodeTunnels = {
    accept() {},
    connected: () => [...answers.keys()],
    openStream: () => Promise.reject(serviceUnavailable('no streams here')),
    async requestNode(node: string, { path, signal }: NodeRequest) {
      asked.push(`${node} ${path}`)
      const answer = answers.get(node)
      if (answer) return { status: 200, headers: {}, body: chunks(JSON.stringify(answer)) }
      return new Promise((_resolve, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason as Error)),
      )
    },
    async [Symbol.asyncDispose]() {},
  }
  return { asked, nodes }
}

async function openMeasured(answers: Record<string, StatsSummary | undefined>) {
  const clock = fakeClock()
  const { asked, nodes } = scriptedNodes(new Map(Object.entries(answers)))
  const fixture = await openFixture({ clock, nodes })
  for (const name of ['n1', 'n2'])
    await fixture.request('POST', '/api/v1/nodes', {
      kind: 'Node',
      apiVersion: 'v1',
      metadata: { name, labels: { zone: name } },
    })
  await place(fixture, 'web', 'n1')
  await place(fixture, 'db', 'n2')
  await place(fixture, 'pending', undefined)
  return { asked, clock, fixture, [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose]() }
}

async function place(fixture: Fixture, name: string, nodeName: string | undefined): Promise<void> {
  const made = pod(name, { ...(nodeName && { nodeName }) }, { labels: { app: name } })
  const { status, text } = await fixture.request('POST', '/api/v1/namespaces/default/pods', made)
  assert.equal(status, 201, text)
}

const group = '/apis/metrics.k8s.io/v1beta1'
const namesOf = (list: { items: { metadata: { name: string } }[] }) =>
  list.items.map(({ metadata }) => metadata.name)

test('pods have the numbers of their nodes, nodes their own', async () => {
  await using measured = await openMeasured({ n1: summaryOf('n1', ['web']), n2: summaryOf('n2', ['db']) })
  const { fixture } = measured
  const { body: web } = await fixture.request('GET', `${group}/namespaces/default/pods/web`)
  assert.deepEqual(web, {
    kind: 'PodMetrics',
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: { name: 'web', namespace: 'default', labels: { app: 'web' }, creationTimestamp: time },
    timestamp: time,
    window: '15.250s',
    containers: [
      { name: 'main', usage: { cpu: '250000000n', memory: '1Ki' } },
      { name: 'side', usage: { cpu: '250000000n', memory: '2Ki' } },
    ],
  })
  const { body: nodes } = await fixture.request('GET', `${group}/nodes`)
  assert.deepEqual([nodes.kind, namesOf(nodes)], ['NodeMetricsList', ['n1', 'n2']])
  assert.deepEqual(nodes.items[0].usage, { cpu: '1500000000n', memory: '4Ki' })
})

test('selectors choose by the labels and fields of what is measured', async () => {
  await using measured = await openMeasured({ n1: summaryOf('n1', ['web']), n2: summaryOf('n2', ['db']) })
  const list = async (path: string) => namesOf((await measured.fixture.request('GET', group + path)).body)
  assert.deepEqual(await list('/pods'), ['db', 'web'])
  assert.deepEqual(await list('/pods?labelSelector=app%3Dweb'), ['web'])
  assert.deepEqual(await list('/pods?fieldSelector=spec.nodeName%3Dn2'), ['db'])
  assert.deepEqual(await list('/namespaces/other/pods'), [])
  assert.deepEqual(await list('/nodes?labelSelector=zone%3Dn2'), ['n2'])
})

test('a node that does not answer in time is missing, and holds nobody up for long', async () => {
  await using measured = await openMeasured({ n1: summaryOf('n1', ['web']), n2: undefined })
  const asking = measured.fixture.request('GET', `${group}/pods`)
  await measured.clock.advance(4_999)
  assert.equal(await Promise.race([asking, Promise.resolve('waiting')]), 'waiting')
  await measured.clock.advance(2)
  assert.deepEqual(namesOf((await asking).body), ['web'])
})

test('those who ask at once, or soon after, ask the nodes once', async () => {
  await using measured = await openMeasured({ n1: summaryOf('n1', ['web']) })
  const { asked, clock, fixture } = measured
  const get = () => fixture.request('GET', `${group}/nodes/n1`)
  await Promise.all([get(), get(), get()])
  assert.deepEqual(asked, ['n1 /stats/summary'])
  await clock.advance(keptMs)
  await get()
  assert.equal(asked.length, 2)
})

test('as a table, and without the objects', async () => {
  await using measured = await openMeasured({ n1: summaryOf('n1', ['web']) })
  const { body } = await measured.fixture.request('GET', `${group}/pods`, undefined, {
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  })
  assert.deepEqual(
    body.columnDefinitions.map(({ name }: { name: string }) => name),
    ['Name', 'cpu', 'memory', 'Window'],
  )
  assert.deepEqual(body.rows[0].cells, ['web', '500000000n', '3Ki', '15.250s'])
})

test('what is not there, not measured or not possible is refused in words that clients know', async () => {
  await using measured = await openMeasured({ n1: summaryOf('n1', ['web']) })
  const { fixture } = measured
  const refused = async (method: string, path: string) => refusal(await fixture.request(method, group + path))
  assert.equal(
    await refused('GET', '/namespaces/default/pods/pending'),
    '404 NotFound: podmetrics.metrics.k8s.io "default/pending" not found',
  )
  assert.equal(
    await refused('GET', '/namespaces/default/pods/nobody'),
    '404 NotFound: pods "nobody" not found',
  )
  assert.equal(await refused('GET', '/nodes/n2'), '404 NotFound: nodemetrics.metrics.k8s.io "n2" not found')
  for (const [method, path] of [
    ['DELETE', '/nodes/n1'],
    ['POST', '/namespaces/default/pods'],
    ['GET', '/pods?watch=1'],
  ] as const)
    assert.match(await refused(method, path), /^405 MethodNotAllowed/)
})

test('they are discovered, and described', async () => {
  await using measured = await openMeasured({})
  const { body } = await measured.fixture.request('GET', group)
  assert.deepEqual(
    body.resources.map(({ kind, name, verbs }: { kind: string; name: string; verbs: string[] }) => [
      name,
      kind,
      verbs,
    ]),
    [
      ['nodes', 'NodeMetrics', ['get', 'list']],
      ['pods', 'PodMetrics', ['get', 'list']],
    ],
  )
  const { body: openapi } = await measured.fixture.request('GET', `/openapi/v3${group}`)
  assert.ok(openapi.components.schemas['io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics'])
})
