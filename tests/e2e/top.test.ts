/** `kubectl top` and the metrics API, against a whole Sampan. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { pod, yaml } from '../support/manifests.ts'

let cluster: Cluster
before(async () => {
  cluster = await openCluster()
  cluster.ok('create namespace other')
  cluster.ok('apply -f -', {
    input: yaml(pod('busy', 'metered', { env: { BUSY: '30' } }), pod('calm', 'metered'), {
      ...pod('away', 'metered'),
      metadata: { name: 'away', namespace: 'other', labels: { app: 'away' } },
    }),
  })
  cluster.ok('wait --for=condition=Ready pod/busy pod/calm --timeout=120s')
  cluster.ok('wait --for=condition=Ready pod/away -n other --timeout=120s')
  // A look of before they ran may still be the latest.
  await until('all are measured', () => (top('pods -A').length === 3 ? true : undefined))
})
after(() => cluster[Symbol.asyncDispose]())

/** Rows, each as its cells, without the heading. */
const top = (args: string): string[][] =>
  cluster
    .ok(`top ${args} --no-headers`)
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))

const milli = (cell = ''): number => Number(/^(\d+)m$/.exec(cell)?.[1])
const mebi = (cell = ''): number => Number(/^(\d+)Mi$/.exec(cell)?.[1])

test('nodes: how much, and of what', () => {
  const [heading, row = ''] = cluster.ok('top nodes').trim().split('\n')
  assert.match(heading ?? '', /^NAME +CPU\(cores\) +CPU\(%\) +MEMORY\(bytes\) +MEMORY\(%\) *$/)
  const [name, cpu, , memory] = row.split(/\s+/)
  assert.equal(name, 'node-1')
  assert.ok(milli(cpu) > 0, row)
  assert.ok(mebi(memory) > 10, row)
})

test('pods: the busy one uses more, and comes first when asked for', () => {
  const rows = top('pods --sort-by=cpu')
  assert.deepEqual(
    rows.map(([name]) => name),
    ['busy', 'calm'],
  )
  const [busy, calm] = rows.map(([, cpu]) => milli(cpu))
  assert.ok((busy ?? 0) > 20, String(rows))
  assert.ok((calm ?? Infinity) < (busy ?? 0), String(rows))
  for (const [, , memory] of rows) assert.ok(mebi(memory) > 2 && mebi(memory) < 200, String(rows))
})

test('pods of all namespaces, by label, by name, with their containers', () => {
  assert.deepEqual(
    top('pods -A --sort-by=memory')
      .map(([namespace, name]) => `${namespace}/${name}`)
      .toSorted(),
    ['default/busy', 'default/calm', 'other/away'],
  )
  assert.deepEqual(
    top('pods -l app=calm').map(([name]) => name),
    ['calm'],
  )
  assert.deepEqual(
    top('pod busy --containers').map(([name, container]) => [name, container]),
    [['busy', 'metered']],
  )
  assert.match(cluster.kubectl('top pods -l app=nobody').stderr, /No resources found/)
  const { code, stderr } = cluster.kubectl('top pod nobody')
  assert.deepEqual([code, stderr], [1, 'Error from server (NotFound): pods "nobody" not found\n'])
})

test('the metrics API, as other programs read it', () => {
  const raw = (path: string) => JSON.parse(cluster.ok(['get', '--raw', path]))
  const list = raw('/apis/metrics.k8s.io/v1beta1/namespaces/default/pods')
  assert.equal(list.kind, 'PodMetricsList')
  const [{ containers, timestamp, window }] = list.items
  assert.match(containers[0].usage.cpu, /^(0|\d+n)$/)
  assert.match(containers[0].usage.memory, /^\d+Ki$/)
  assert.match(window, /^\d+\.\d{3}s$/)
  assert.ok(Date.now() - Date.parse(timestamp) < 120_000)
  assert.match(
    cluster.ok('api-resources --api-group=metrics.k8s.io --no-headers'),
    /^nodes +metrics\.k8s\.io\/v1beta1 +false +NodeMetrics\npods +metrics\.k8s\.io\/v1beta1 +true +PodMetrics\n$/,
  )
  assert.match(cluster.ok('get podmetrics busy'), /^NAME +CPU +MEMORY +WINDOW\nbusy +\d+n +\d+Ki +\S+\n$/)
  const summary = raw('/api/v1/nodes/node-1/proxy/stats/summary')
  assert.equal(summary.node.nodeName, 'node-1')
  assert.equal(summary.pods.length, 3)
})

test('who may see pods and not what they use is told so', () => {
  cluster.ok('create serviceaccount viewer')
  cluster.ok('create serviceaccount watcher')
  cluster.ok('create rolebinding viewer --clusterrole=view --serviceaccount=default:viewer')
  cluster.ok('create role watcher --verb=get,list --resource=pods')
  cluster.ok('create rolebinding watcher --role=watcher --serviceaccount=default:watcher')
  const as = (name: string) => `top pods --as=system:serviceaccount:default:${name}`
  assert.match(cluster.ok(as('viewer')), /busy/)
  const { code, stderr } = cluster.kubectl(as('watcher'))
  assert.equal(code, 1)
  assert.match(stderr, /pods\.metrics\.k8s\.io is forbidden: User "system:serviceaccount:default:watcher"/)
})

test('kubectl get pods and nodes are still the pods and nodes', () => {
  assert.match(cluster.ok('get pods'), /^NAME +READY +STATUS/)
  assert.match(cluster.ok('get nodes'), /^NAME +STATUS +ROLES/)
})
