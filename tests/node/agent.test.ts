import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import type { ConfigMap, Lease, Node, Pod, Secret } from '../../src/api/schema/types.gen.ts'
import type { ResourceRef } from '../../src/client/client.ts'
import { findMountSupport } from '../../src/node/mount-support.ts'
import { isReady, nodeName, openTestCluster, token, waitFor, type TestCluster } from './harness.ts'

const ref = (plural: string, kind: string): ResourceRef => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
})
const configMaps = ref('configmaps', 'ConfigMap')
const secrets = ref('secrets', 'Secret')

/** Answers with what it sees; can be told to end. */
const echo = `
const { createServer } = require('node:http')
const { readFileSync } = require('node:fs')
console.log('starting', process.env.GREETING ?? '')
let isHealthy = true
createServer((request, response) => {
  const url = new URL(request.url, 'http://x')
  if (url.pathname === '/healthz') return response.writeHead(isHealthy ? 200 : 500).end()
  if (url.pathname === '/sick') { isHealthy = false; return response.end() }
  if (url.pathname === '/env') return response.end(JSON.stringify(process.env))
  if (url.pathname === '/file') {
    try { return response.end(readFileSync(url.searchParams.get('path'))) } catch (e) { return response.writeHead(404).end(e.message) }
  }
  if (url.pathname === '/log') console.log(url.searchParams.get('line'))
  response.end('hello')
}).listen(8080)
process.on('SIGTERM', () => { console.log('bye'); process.exit(0) })
`

let cluster: TestCluster
let image: string
before(async () => {
  cluster = await openTestCluster()
  image = await cluster.app('echo', echo)
  await using stack = new AsyncDisposableStack()
  stack.use(await cluster.openAgent())
  agents = stack.move()
})
let agents: AsyncDisposableStack
after(async () => {
  await agents.disposeAsync()
  await cluster[Symbol.asyncDispose]()
})

/** The pod's own loopback address, as the gateway finds it. */
async function addressOf(pod: Pod): Promise<string> {
  const { localAddressOf } = await import('../../src/api/pod-address.ts')
  const nodes = cluster.client.resource<Node>({
    group: '',
    version: 'v1',
    plural: 'nodes',
    kind: 'Node',
    namespaced: false,
  })
  const node = await nodes.get(nodeName)
  const address = localAddressOf({
    podIP: pod.status?.podIP ?? '',
    podCIDR: node.spec?.podCIDR ?? '',
    loopbackBlock: node.metadata.annotations?.['sampan.dev/loopback-block'] ?? '',
  })
  assert.ok(address)
  return address
}

const get = async (pod: Pod, path: string): Promise<string> =>
  (await fetch(`http://${await addressOf(pod)}:8080${path}`)).text()

test('the node registers, gets Ready, and renews its lease', async () => {
  const nodes = cluster.client.resource<Node>({
    group: '',
    version: 'v1',
    plural: 'nodes',
    kind: 'Node',
    namespaced: false,
  })
  await waitFor(
    'Ready',
    async () =>
      (await nodes.get(nodeName)).status?.conditions?.some(
        (c) => c.type === 'Ready' && c.status === 'True',
      ) ?? false,
  )
  const node = await nodes.get(nodeName)
  assert.equal(node.metadata.labels?.['sampan.dev/runtime.process'], 'true')
  assert.equal(node.metadata.labels?.['kubernetes.io/hostname'], nodeName)
  assert.match(node.status?.nodeInfo?.kubeletVersion ?? '', /^v1\.35\.0\+sampan\./)
  assert.equal(node.status?.capacity?.['pods'], '500')
  const leases = cluster.client.resource<Lease>({
    group: 'coordination.k8s.io',
    version: 'v1',
    plural: 'leases',
    kind: 'Lease',
    namespaced: true,
  })
  const renewTime = async () =>
    (await leases.get(nodeName, { namespace: 'kube-node-lease' }).catch(() => undefined))?.spec.renewTime
  await waitFor('a lease', async () => (await renewTime()) !== undefined)
  const first = await renewTime()
  await waitFor('a renewal', async () => (await renewTime()) !== first)
})

test(
  'two replicas on the same port run side by side, are seen, logged, and leave nothing behind',
  { timeout: 60_000 },
  async () => {
    for (const name of ['twin-a', 'twin-b'])
      await cluster.run(name, {
        containers: [
          {
            name: 'c',
            image,
            env: [{ name: 'GREETING', value: name }],
            readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 10 },
          },
        ],
      })
    for (const name of ['twin-a', 'twin-b']) {
      const pod = await cluster.until(name, isReady)
      assert.equal(pod.status?.phase, 'Running')
      const env = JSON.parse(await get(pod, '/env'))
      assert.equal(env.GREETING, name)
      assert.equal(env.HOSTNAME, name)
      assert.equal(await cluster.logs(name), `starting ${name}\n`)
    }
    for (const wanted of ['Pulled', 'Created', 'Started'])
      await waitFor(`the event ${wanted}`, async () =>
        (await cluster.events('twin-a')).some(({ reason }) => reason === wanted),
      )
    const pod = await cluster.pod('twin-a')
    const address = await addressOf(pod)
    for (const name of ['twin-a', 'twin-b']) await cluster.remove(name)
    await assert.rejects(fetch(`http://${address}:8080/`))
    await waitFor(
      'the folder to go',
      async () => !existsSync(join(cluster.folder, 'node/pods', pod.metadata.uid ?? '-')),
    )
  },
)

test('logs are followed until the container ends', { timeout: 60_000 }, async () => {
  await cluster.run('talker', { containers: [{ name: 'c', image }], terminationGracePeriodSeconds: 5 })
  const pod = await cluster.until('talker', isReady)
  await waitFor('the app', async () => (await get(pod, '/').catch(() => '')) === 'hello')
  const body = await cluster.client.stream({
    method: 'GET',
    path: '/api/v1/namespaces/default/pods/talker/log?follow=true',
  })
  let seen = ''
  const reading = (async () => {
    for await (const chunk of body) seen += Buffer.from(chunk).toString()
  })()
  await waitFor('the first line', async () => seen.includes('starting'))
  await get(pod, '/log?line=one')
  await waitFor('the second line', async () => seen.includes('one\n'))
  assert.equal(await cluster.logs('talker', 'tailLines=1'), 'one\n')
  await cluster.remove('talker')
  await reading
  assert.equal(seen, 'starting \none\nbye\n')
})

test(
  'a container waits for its ConfigMap and Secret, and starts when they appear',
  { timeout: 60_000 },
  async () => {
    await cluster.run('waiter', {
      containers: [
        {
          name: 'c',
          image,
          env: [
            { name: 'A', valueFrom: { configMapKeyRef: { name: 'late', key: 'a' } } },
            { name: 'S', valueFrom: { secretKeyRef: { name: 'late', key: 's' } } },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          ],
        },
      ],
    })
    const waiting = (pod: Pod) => pod.status?.containerStatuses?.[0]?.state?.waiting
    const pod = await cluster.until('waiter', (p) => waiting(p)?.reason === 'CreateContainerConfigError')
    assert.equal(waiting(pod)?.message, 'configmap "late" not found')
    await cluster.client.resource<ConfigMap>(configMaps).create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'late', namespace: 'default' },
      data: { a: 'x' },
    })
    await cluster.until('waiter', (p) => waiting(p)?.message === 'secret "late" not found')
    await cluster.client.resource<Secret>(secrets).create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'late', namespace: 'default' },
      data: { s: Buffer.from('y').toString('base64') },
    })
    const ready = await cluster.until('waiter', isReady)
    await waitFor('the app', async () => (await get(ready, '/').catch(() => '')) === 'hello')
    const env = JSON.parse(await get(ready, '/env'))
    assert.deepEqual([env.A, env.S, env.IP], ['x', 'y', ready.status?.podIP])
    await cluster.remove('waiter')
  },
)

test(
  'volumes are files at their mount path, and follow their objects',
  { timeout: 60_000, skip: !(await findMountSupport()).usable },
  async () => {
    const maps = cluster.client.resource<ConfigMap>(configMaps)
    await maps.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'conf', namespace: 'default' },
      data: { 'app.yaml': 'v: 1' },
    })
    await cluster.client.resource<Secret>(secrets).create({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'keys', namespace: 'default' },
      data: { key: Buffer.from('hidden').toString('base64') },
    })
    await cluster.run('mounter', {
      volumes: [
        { name: 'conf', configMap: { name: 'conf' } },
        { name: 'keys', secret: { secretName: 'keys' } },
        { name: 'tmp', emptyDir: {} },
      ],
      containers: [
        {
          name: 'c',
          image,
          volumeMounts: [
            { name: 'conf', mountPath: '/etc/sampan-test-conf' },
            { name: 'keys', mountPath: '/sampan-test-keys', readOnly: true },
            { name: 'tmp', mountPath: '/sampan-test-cache' },
          ],
          readinessProbe: {
            exec: { command: ['sh', '-c', 'echo ok > /sampan-test-cache/x && cat /sampan-test-keys/key'] },
            periodSeconds: 1,
          },
        },
      ],
    })
    const pod = await cluster.until('mounter', isReady)
    await waitFor('the app', async () => (await get(pod, '/').catch(() => '')) === 'hello')
    assert.equal(await get(pod, '/file?path=/etc/sampan-test-conf/app.yaml'), 'v: 1')
    assert.equal(await get(pod, '/file?path=/sampan-test-keys/key'), 'hidden')
    assert.equal(await get(pod, '/file?path=/sampan-test-cache/x'), 'ok\n')
    // Also behind what brings a command among the mounts.
    assert.match(await execRefusal('mounter', 'no-such-program'), notFound)
    const onDisk = await readdir(join(cluster.folder, 'node/pods', pod.metadata.uid ?? '', 'volumes'))
    assert.deepEqual(onDisk.sort(), ['conf', 'tmp'])
    await maps.patch('conf', 'merge', { data: { 'app.yaml': 'v: 2' } }, { namespace: 'default' })
    await waitFor(
      'the new version',
      async () => (await get(pod, '/file?path=/etc/sampan-test-conf/app.yaml')) === 'v: 2',
    )
    await cluster.remove('mounter')
  },
)

const notFound =
  /error executing command in container: exec: "no-such-program": executable file not found in \$PATH/

/** What is said in place of the streams of a command. */
async function execRefusal(name: string, command: string): Promise<string> {
  const query = new URLSearchParams({ command, stdout: 'true' }).toString()
  const url = `${cluster.url.replace('http', 'ws')}/api/v1/namespaces/default/pods/${name}/exec?${query}`
  const socket = new WebSocket(url, 'v5.channel.k8s.io', { headers: { authorization: `Bearer ${token}` } })
  const refusal = once(socket, 'unexpected-response') as Promise<[unknown, IncomingMessage]>
  const opened = once(socket, 'open').then(() => {
    socket.terminate()
    throw new Error('the command was started')
  })
  const [, answer] = await Promise.race([refusal, opened])
  const { message } = JSON.parse(await text(answer)) as { readonly message: string }
  return message
}

test(
  'a crashing container is restarted at once, then after ten seconds, and says why it ended',
  { timeout: 60_000 },
  async () => {
    const crash = await cluster.app(
      'crash',
      `console.log('about to fail'); console.error('TypeError: no'); process.exit(3)`,
    )
    await cluster.run('crasher', { containers: [{ name: 'c', image: crash }] })
    const pod = await cluster.until(
      'crasher',
      (p) => p.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
    )
    const status = pod.status?.containerStatuses?.[0]
    assert.equal(status?.restartCount, 1)
    assert.equal(status?.lastState?.terminated?.exitCode, 3)
    assert.equal(status?.lastState?.terminated?.reason, 'Error')
    assert.match(status?.lastState?.terminated?.message ?? '', /about to fail/)
    assert.match(status?.lastState?.terminated?.message ?? '', /TypeError: no/)
    assert.equal(
      status?.state?.waiting?.message,
      `back-off 10s restarting failed container=c pod=crasher_default(${pod.metadata.uid})`,
    )
    assert.match(await cluster.logs('crasher', 'previous=true'), /about to fail/)
    await waitFor('its event', async () =>
      (await cluster.events('crasher')).some(({ reason }) => reason === 'BackOff'),
    )
    await cluster.remove('crasher')
  },
)

test('a failing liveness probe restarts the container', { timeout: 60_000 }, async () => {
  await cluster.run('sick', {
    terminationGracePeriodSeconds: 2,
    containers: [
      {
        name: 'c',
        image,
        ports: [{ name: 'web', containerPort: 8080 }],
        readinessProbe: { tcpSocket: { port: 'web' }, periodSeconds: 1 },
        livenessProbe: { httpGet: { path: '/healthz', port: 'web' }, periodSeconds: 1, failureThreshold: 2 },
      },
    ],
  })
  const pod = await cluster.until('sick', isReady)
  assert.equal(JSON.parse(await get(pod, '/env')).PORT, '8080')
  await get(pod, '/sick')
  const restarted = await cluster.until(
    'sick',
    (p) => p.status?.containerStatuses?.[0]?.restartCount === 1 && isReady(p),
  )
  assert.equal(restarted.status?.podIP, pod.status?.podIP)
  for (const wanted of [
    'Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500',
    'Killing: Container c failed liveness probe, will be restarted',
  ])
    await waitFor(`the event ${wanted}`, async () =>
      (await cluster.events('sick')).some(({ reason, message }) => `${reason}: ${message}` === wanted),
    )
  await cluster.remove('sick')
})

test('init containers run in order, then the pod; Never ends in Succeeded', { timeout: 60_000 }, async () => {
  const done = await cluster.app('done', `console.log(process.env.STEP)`)
  const step = (name: string) => ({ name, image: done, env: [{ name: 'STEP', value: name }] })
  await cluster.run('steps', {
    restartPolicy: 'Never',
    initContainers: [step('one'), step('two')],
    containers: [step('main')],
  })
  const pod = await cluster.until('steps', ({ status }) => status?.phase === 'Succeeded')
  const ended = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  assert.deepEqual(
    ended.map(({ state }) => state?.terminated?.reason),
    ['Completed', 'Completed', 'Completed'],
  )
  assert.equal(await cluster.logs('steps', 'container=two'), 'two\n')
  await cluster.remove('steps')
})

test('an image that is not there is named in the status and in events', { timeout: 60_000 }, async () => {
  await cluster.run('lost', { containers: [{ name: 'c', image: 'dir:/nowhere/at/all' }] })
  const waiting = (p: Pod) => p.status?.containerStatuses?.[0]?.state?.waiting
  const first = await cluster.until('lost', (p) => waiting(p)?.reason === 'ErrImagePull')
  assert.match(waiting(first)?.message ?? '', /\/nowhere\/at\/all/)
  const later = await cluster.until('lost', (p) => waiting(p)?.reason === 'ImagePullBackOff')
  assert.match(
    waiting(later)?.message ?? '',
    /^Back-off pulling image "dir:\/nowhere\/at\/all": ErrImagePull: /,
  )
  assert.equal(later.status?.phase, 'Pending')
  await cluster.remove('lost')
})

test('a pod past its deadline fails and is stopped', { timeout: 60_000 }, async () => {
  await cluster.run('slow', { activeDeadlineSeconds: 2, containers: [{ name: 'c', image }] })
  const pod = await cluster.until(
    'slow',
    ({ status }) =>
      status?.phase === 'Failed' && status.containerStatuses?.[0]?.state?.terminated !== undefined,
  )
  assert.equal(pod.status?.reason, 'DeadlineExceeded')
  await cluster.remove('slow')
})

test('an app that ignores SIGTERM is killed when its grace is over', { timeout: 60_000 }, async () => {
  const deaf = await cluster.app(
    'deaf',
    `process.on('SIGTERM', () => console.log('no')); setInterval(() => {}, 1000); console.log('up')`,
  )
  await cluster.run('deaf', { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: deaf }] })
  await cluster.until('deaf', isReady)
  await waitFor('the app', async () => (await cluster.logs('deaf')).includes('up'))
  await cluster.remove('deaf')
})

test(
  'apps outlive the agent, are adopted by the next one, and pods deleted meanwhile are stopped',
  { timeout: 60_000 },
  async () => {
    for (const name of ['stays', 'goes'])
      await cluster.run(name, { containers: [{ name: 'c', image }], terminationGracePeriodSeconds: 5 })
    const stays = await cluster.until('stays', isReady)
    const goes = await cluster.until('goes', isReady)
    for (const pod of [stays, goes])
      await waitFor('the app', async () => (await get(pod, '/').catch(() => '')) === 'hello')
    const startedAt = stays.status?.containerStatuses?.[0]?.state?.running?.startedAt
    await agents.disposeAsync()
    assert.equal(await get(stays, '/log?line=alone'), 'hello')
    // The API server forgets it while no agent looks.
    const pods = cluster.client.resource<Pod>(ref('pods', 'Pod'))
    await pods.delete('goes', { namespace: 'default', gracePeriodSeconds: 0 })
    const goesAt = await addressOf(goes)
    assert.equal(await (await fetch(`http://${goesAt}:8080/`)).text(), 'hello')
    agents = new AsyncDisposableStack()
    agents.use(await cluster.openAgent())
    await waitFor(
      'the end of the forgotten pod',
      async () => !(await fetch(`http://${goesAt}:8080/`).catch(() => undefined)),
    )
    await waitFor('the log', async () => (await cluster.logs('stays').catch(() => '')).includes('alone'))
    const pod = await cluster.pod('stays')
    assert.equal(pod.status?.containerStatuses?.[0]?.restartCount, 0)
    assert.equal(pod.status?.containerStatuses?.[0]?.state?.running?.startedAt, startedAt)
    assert.equal((await cluster.logs('stays')).match(/starting/g)?.length, 1)
    await cluster.remove('stays')
  },
)

test('a status that somebody else has changed is put right', { timeout: 60_000 }, async () => {
  await cluster.run('slandered', { containers: [{ name: 'c', image }], terminationGracePeriodSeconds: 5 })
  const pod = await cluster.until('slandered', isReady)
  const conditions = pod.status?.conditions?.map((condition) =>
    condition.type === 'Ready' ? { ...condition, status: 'False', reason: 'NodeNotReady' } : condition,
  )
  const pods = cluster.client.resource<Pod>(ref('pods', 'Pod'))
  const where = { namespace: 'default', subresource: 'status' }
  const changed = await pods.patch('slandered', 'merge', { status: { conditions } }, where)
  assert.ok(!isReady(changed))
  const right = await cluster.until('slandered', isReady)
  assert.equal(right.status?.conditions?.find(({ type }) => type === 'Ready')?.reason, undefined)
  await cluster.remove('slandered')
})
