/** Watches, logs and WebSockets as clients open them that can't be run here: k9s, Headlamp, informers in every dress. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { connect } from 'node:http2'
import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { readKubeconfig } from '../../src/client/kubeconfig.ts'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { deployment, pod, service, yaml } from '../support/manifests.ts'
import { accepts, apps, core } from '../support/requests/row.ts'

let cluster: Cluster
let tls: { readonly ca?: string; readonly cert?: string; readonly key?: string }
let agent: Agent

before(async () => {
  cluster = await openCluster()
  const { ca, cert, key } = await readKubeconfig(cluster.kubeconfig)
  tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
  agent = new Agent({ ...tls, keepAlive: true })
  const ticker = pod('ticker', 'logger', { env: { LINGER: '1' } })
  cluster.ok('apply -f -', { input: yaml(deployment({ name: 'web' }), service('web'), ticker) })
  cluster.ok('rollout status deployment/web --timeout=60s')
  cluster.ok('wait --for=condition=Ready pod/ticker --timeout=60s')
})
after(async () => {
  agent.destroy()
  await cluster[Symbol.asyncDispose]()
})

type Headers = Readonly<Record<string, string>>

function open(path: string, headers: Headers = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(new URL(path, cluster.apiUrl), { agent, headers, timeout: 30_000 }, resolve)
      .on('timeout', function (this: { destroy(error: Error): void }) {
        this.destroy(new Error(`${path}: nothing came`))
      })
      .on('error', reject)
      .end()
  })
}

// oxlint-disable-next-line typescript/no-explicit-any -- objects of every kind
type Event = { readonly type: string; readonly object: any }

/** The events of a watch until `isLast`, which is among them; then the watch ends. */
async function eventsUntil(
  answer: IncomingMessage,
  isLast: (event: Event) => boolean,
): Promise<readonly Event[]> {
  assert.equal(answer.statusCode, 200)
  const events: Event[] = []
  for await (const line of createInterface({ input: answer })) {
    const event = JSON.parse(line) as Event
    events.push(event)
    if (isLast(event)) break
  }
  answer.destroy()
  return events
}

const endOfInitial = 'k8s.io/initial-events-end'
const isBookmark = ({ type }: Event): boolean => type === 'BOOKMARK'
const watchList =
  'watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=366'

for (const [client, accept, path, kind] of [
  ['client-go', accepts.typed, `${core}/pods`, 'Pod'],
  ['client-go', accepts.typed, `${apps}/deployments`, 'Deployment'],
  [
    'an older client-go',
    'application/vnd.kubernetes.protobuf;stream=watch,application/json;stream=watch',
    `${core}/pods`,
    'Pod',
  ],
  ['a metadata informer', accepts.metadata, '/api/v1/pods', 'PartialObjectMetadata'],
  ['Helm', 'application/json', `${core}/services`, 'Service'],
  ['Prometheus', accepts.typedAny, '/api/v1/pods', 'Pod'],
  ['Prometheus', accepts.typedAny, '/api/v1/nodes', 'Node'],
  ['Prometheus', accepts.typedAny, '/api/v1/services', 'Service'],
  ['Prometheus', accepts.typedAny, '/apis/discovery.k8s.io/v1/endpointslices', 'EndpointSlice'],
  ['Prometheus', accepts.typedAny, '/apis/networking.k8s.io/v1/ingresses', 'Ingress'],
  ['Traefik', accepts.typed, '/api/v1/secrets', 'Secret'],
  ['Traefik', accepts.typed, '/apis/networking.k8s.io/v1/ingressclasses', 'IngressClass'],
] as const)
  test(`${client}: the present state of ${path}, then its end`, async () => {
    const answer = await open(`${path}?${watchList}`, { accept, 'accept-encoding': 'gzip' })
    assert.deepEqual(
      [answer.headers['content-type'], answer.headers['content-encoding']],
      ['application/json', undefined],
    )
    const events = await eventsUntil(answer, isBookmark)
    const last = events.at(-1)?.object
    assert.ok(events.slice(0, -1).every(({ type, object }) => type === 'ADDED' && object.kind === kind))
    assert.equal(last.kind, kind)
    assert.equal(last.metadata.annotations[endOfInitial], 'true')
    assert.match(last.metadata.resourceVersion, /^\d+$/)
  })

test('kubectl and k9s: rows of a table, whose columns come once', async () => {
  const list = await open(`${core}/configmaps`, { accept: accepts.table })
  const { metadata } = JSON.parse(Buffer.concat(await list.toArray()).toString()) as {
    metadata: { resourceVersion: string }
  }
  const answer = await open(`${core}/configmaps?watch=true&resourceVersion=${metadata.resourceVersion}`, {
    accept: accepts.table,
  })
  cluster.ok('create configmap row')
  cluster.ok('delete configmap row')
  const events = await eventsUntil(answer, ({ type }) => type === 'DELETED')
  assert.deepEqual(
    events.map(({ type, object }) => [type, object.kind, object.rows[0].cells[0]]),
    [
      ['ADDED', 'Table', 'row'],
      ['DELETED', 'Table', 'row'],
    ],
  )
  assert.ok(events[0]?.object.columnDefinitions.length > 0)
})

test('an informer: what no longer fits its selector is deleted for it', async () => {
  cluster.ok('create configmap chosen')
  cluster.ok('label configmap chosen tier=a')
  const answer = await open(
    `${core}/configmaps?watch=true&allowWatchBookmarks=true&resourceVersion=0&labelSelector=tier%3Da`,
  )
  cluster.ok('label configmap chosen tier=b --overwrite')
  const events = await eventsUntil(answer, ({ type }) => type === 'DELETED')
  assert.deepEqual(
    events.filter(({ type }) => type !== 'BOOKMARK').map(({ type, object }) => [type, object.metadata.name]),
    [
      ['ADDED', 'chosen'],
      ['DELETED', 'chosen'],
    ],
  )
})

test('a watch ends in peace when its time is over', async () => {
  const answer = await open(`${core}/configmaps?watch=true&timeoutSeconds=1`)
  await eventsUntil(answer, () => false)
  assert.equal(answer.complete, true)
})

test('client-go: a watch on HTTP/2, beside other requests', async () => {
  const session = connect(cluster.apiUrl, tls)
  try {
    const stream = session.request({ ':path': `${core}/configmaps?${watchList}`, accept: accepts.typed })
    const lines = createInterface({ input: stream })
    const bookmark = (async () => {
      for await (const line of lines) if ((JSON.parse(line) as Event).type === 'BOOKMARK') return line
      return ''
    })()
    const other = session.request({ ':path': '/version' })
    other.resume()
    const [headers] = (await once(other, 'response')) as [Record<string, unknown>]
    assert.equal(headers[':status'], 200)
    assert.match(await bookmark, /initial-events-end/)
    stream.close()
  } finally {
    session.destroy()
  }
})

for (const [client, query] of [
  ['k9s', 'container=logger&follow=true&tailLines=1&timestamps=true&sinceSeconds=300'],
  ['Headlamp', 'container=logger&previous=false&tailLines=100&timestamps=true&follow=true'],
])
  test(`${client}: a log that goes on`, async () => {
    const answer = await open(`${core}/pods/ticker/log?${query}`, { accept: 'application/json, */*' })
    assert.equal(answer.statusCode, 200)
    let lines = 0
    for await (const line of createInterface({ input: answer })) {
      assert.match(line, /^\d{4}-\d\d-\d\dT\S+Z \S/)
      if (++lines === 4) break
    }
    answer.destroy()
    assert.equal(lines, 4)
  })

/** As browsers do: no certificate; the token is one of the subprotocols and must not come back. */
async function browser(path: string, protocols: readonly string[], account: string): Promise<WebSocket> {
  const token = cluster.ok(`create token ${account}`).trim()
  const bearer = `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`
  const socket = new WebSocket(new URL(path, cluster.apiUrl), [bearer, ...protocols], {
    ...(tls.ca && { ca: tls.ca }),
    origin: 'http://localhost:4466',
  })
  socket.pause()
  await once(socket, 'open')
  return socket
}

test('Headlamp: a watch, with the token among the subprotocols', async () => {
  cluster.ok('create serviceaccount dashboard')
  cluster.ok(
    'create clusterrolebinding dashboard --clusterrole=cluster-admin --serviceaccount=default:dashboard',
  )
  const socket = await browser(`${core}/pods?watch=1`, ['base64.binary.k8s.io'], 'dashboard')
  assert.equal(socket.protocol, 'base64.binary.k8s.io')
  const message = once(socket, 'message')
  socket.resume()
  const [text, isBinary] = (await message) as [Buffer, boolean]
  const event = JSON.parse(text.toString()) as Event
  assert.deepEqual([isBinary, event.type, event.object.kind], [false, 'ADDED', 'Pod'])
  socket.terminate()
})

for (const [protocols, chosen] of [
  [['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'], 'v4.channel.k8s.io'],
  [['v5.channel.k8s.io', 'v4.channel.k8s.io'], 'v5.channel.k8s.io'],
  [['base64.channel.k8s.io'], 'base64.channel.k8s.io'],
  [['channel.k8s.io'], 'channel.k8s.io'],
  [['v4.base64.channel.k8s.io'], 'v4.base64.channel.k8s.io'],
] as const)
  test(`Headlamp, Rancher, OpenShift: a command over ${chosen}`, async () => {
    const query = 'container=logger&command=sh&command=-c&command=echo+ahoy&stdin=1&stdout=1&stderr=1&tty=0'
    const socket = await browser(`${core}/pods/ticker/exec?${query}`, protocols, 'dashboard')
    assert.equal(socket.protocol, chosen)
    const isText = chosen.includes('base64')
    let output = ''
    socket.on('message', (frame: Buffer, isBinary: boolean) => {
      assert.equal(isBinary, !isText)
      const channel = isText ? Number(frame.toString('latin1', 0, 1)) : frame[0]
      const content = isText ? Buffer.from(frame.toString('latin1', 1), 'base64') : frame.subarray(1)
      if (channel === 1) output += content.toString()
    })
    const closed = once(socket, 'close')
    socket.resume()
    await until('the command has spoken', () => (output.includes('ahoy') ? true : undefined), 20_000)
    await closed
    assert.equal(output, 'ahoy\n')
  })
