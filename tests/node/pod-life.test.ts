/** What happens to the containers of a pod, in which order: init containers, sidecars, hooks, probes, last words. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Container } from '../../src/api/schema/types.gen.ts'
import { findMountSupport } from '../../src/node/mount-support.ts'
import { isReady, openTestCluster, waitFor, type TestCluster } from './harness.ts'

/** Writes down what happens to it. Ends at once, or with LINGER when it is told to. */
const diary = `
const { appendFileSync, writeFileSync } = require('node:fs')
const { createServer } = require('node:http')
const { DIARY, NAME, LINGER, UP, CODE, PORT, LATER_MS } = process.env
const write = (what) => appendFileSync(DIARY, NAME + ' ' + what + '\\n')
write('starts')
if (UP) setTimeout(() => { write('is up'); writeFileSync(UP, '') }, 200)
const server = createServer((request, response) => { write(request.url); response.end() })
if (PORT) setTimeout(() => server.listen(PORT, () => write('listens')), Number(LATER_MS ?? 0))
if (LINGER) {
  setInterval(() => {}, 1000)
  process.on('SIGTERM', () => setTimeout(() => { write('ends'); process.exit(0) }, 50))
} else process.exitCode = Number(CODE ?? 0)
`
/** A gRPC server of one answer: it serves. */
const grpc = `
const server = require('node:http2').createServer()
server.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]))
})
server.listen(9000)
`
const timeout = 60_000
let cluster: TestCluster
let image: string
let agent: AsyncDisposable
before(async () => {
  cluster = await openTestCluster()
  image = await cluster.app('diary', diary)
  agent = await cluster.openAgent()
})
after(async () => {
  await agent[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

const fileOf = (pod: string) => join(cluster.folder, `${pod}.diary`)
const entries = (pod: string): readonly string[] =>
  existsSync(fileOf(pod)) ? readFileSync(fileOf(pod), 'utf8').split('\n').filter(Boolean) : []

interface More extends Partial<Container> {
  readonly set?: Readonly<Record<string, string>>
}

/** A container of `pod`, which writes into its diary. */
const writer = (pod: string, name: string, { set = {}, ...more }: More = {}): Container => ({
  name,
  image,
  env: Object.entries({ DIARY: fileOf(pod), NAME: name, ...set }).map(([key, value]) => ({
    name: key,
    value,
  })),
  ...more,
})
const lingering = (pod: string, name: string, more: More = {}) =>
  writer(pod, name, { ...more, set: { LINGER: '1', ...more.set } })
const sidecar = (pod: string, name: string, more: More = {}) =>
  lingering(pod, name, { ...more, restartPolicy: 'Always' })

test('sidecars start in order, run beside the others, and end after them', { timeout }, async () => {
  const up = join(cluster.folder, 'proxy-is-up')
  const startupProbe = { exec: { command: ['test', '-e', up] }, periodSeconds: 1, failureThreshold: 30 }
  await cluster.run('order', {
    restartPolicy: 'Never',
    initContainers: [
      writer('order', 'one'),
      sidecar('order', 'proxy', { set: { UP: up }, startupProbe }),
      writer('order', 'two'),
      sidecar('order', 'logger'),
    ],
    containers: [writer('order', 'main')],
  })
  const pod = await cluster.until('order', ({ status }) => status?.phase === 'Succeeded')
  const seen = entries('order')
  const order = ['one starts', 'proxy starts', 'proxy is up', 'two starts', 'logger starts']
  assert.deepEqual(
    seen.filter((entry) => order.includes(entry)),
    order,
  )
  assert.deepEqual(seen.slice(-2), ['logger ends', 'proxy ends'])
  assert.ok(seen.includes('main starts'))
  assert.deepEqual(
    pod.status?.initContainerStatuses?.map(({ restartCount, state }) => [
      state?.terminated?.reason,
      restartCount,
    ]),
    [
      ['Completed', 0],
      ['Completed', 0],
      ['Completed', 0],
      ['Completed', 0],
    ],
  )
  await cluster.remove('order')
})

test('a sidecar counts for readiness and is the last to go', { timeout }, async () => {
  const up = join(cluster.folder, 'mesh-is-up')
  const readinessProbe = { exec: { command: ['test', '-e', up] }, periodSeconds: 1 }
  await cluster.run('beside', {
    restartPolicy: 'Never',
    initContainers: [
      sidecar('beside', 'log'),
      sidecar('beside', 'mesh', { readinessProbe, set: { UP: up } }),
    ],
    containers: [lingering('beside', 'main')],
  })
  const pod = await cluster.until('beside', isReady)
  assert.ok(entries('beside').includes('mesh is up'))
  assert.deepEqual(
    pod.status?.initContainerStatuses?.map(({ name, ready, started }) => [name, ready, started]),
    [
      ['log', true, true],
      ['mesh', true, true],
    ],
  )
  await cluster.remove('beside')
  assert.deepEqual(
    entries('beside').filter((entry) => entry.endsWith('ends')),
    ['main ends', 'mesh ends', 'log ends'],
  )
})

test('a failing init container is run again, and under Never fails the pod', { timeout }, async () => {
  await cluster.run('fails', {
    restartPolicy: 'Never',
    initContainers: [sidecar('fails', 'side'), writer('fails', 'one', { set: { CODE: '3' } })],
    containers: [writer('fails', 'main')],
  })
  await cluster.until('fails', ({ status }) => status?.phase === 'Failed')
  await waitFor('the end of the sidecar', async () => entries('fails').includes('side ends'))
  assert.ok(!entries('fails').includes('main starts'))
  await cluster.run('again', {
    restartPolicy: 'OnFailure',
    initContainers: [writer('again', 'one', { set: { CODE: '3' } })],
    containers: [writer('again', 'main')],
  })
  const pod = await cluster.until(
    'again',
    ({ status }) => (status?.initContainerStatuses?.[0]?.restartCount ?? 0) > 0,
  )
  assert.equal(pod.status?.phase, 'Pending')
  for (const name of ['fails', 'again']) await cluster.remove(name)
})

test('hooks: after the start, before the signal', { timeout }, async () => {
  const say = (what: string) => ({ exec: { command: ['sh', '-c', `echo ${what} >> ${fileOf('hooks')}`] } })
  await cluster.run('hooks', {
    containers: [
      lingering('hooks', 'main', {
        set: { PORT: '8080' },
        lifecycle: { postStart: say('postStart'), preStop: { httpGet: { path: '/goodbye', port: 8080 } } },
        readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
      }),
    ],
  })
  await cluster.until('hooks', isReady)
  assert.ok(entries('hooks').includes('postStart'))
  await cluster.remove('hooks')
  assert.deepEqual(entries('hooks').slice(-2), ['main /goodbye', 'main ends'])
})

test('a container that declares a port and no probe is ready when it listens', { timeout }, async () => {
  await cluster.run('port', {
    containers: [
      lingering('port', 'main', {
        set: { PORT: '8080', LATER_MS: '300' },
        ports: [{ containerPort: 9999 }, { containerPort: 8080 }],
      }),
    ],
  })
  await cluster.until('port', isReady)
  assert.ok(entries('port').includes('main listens'))
  await cluster.remove('port')
})

test('a container that listens nowhere it said is ready all the same', { timeout }, async () => {
  const deaf = { set: { PORT: '' }, ports: [{ containerPort: 8080 }] }
  await cluster.run('mute', { containers: [lingering('mute', 'main', deaf)] })
  await cluster.until('mute', isReady)
  await cluster.remove('mute')
})

test('a pod is not ready before its postStart hook is through', { timeout }, async () => {
  const wait = { exec: { command: ['sh', '-c', `until [ -e ${fileOf('slow')}.go ]; do sleep 0.05; done`] } }
  await cluster.run('slow', {
    initContainers: [sidecar('slow', 'side', { lifecycle: { postStart: wait } })],
    containers: [lingering('slow', 'main', { lifecycle: { preStop: { sleep: { seconds: 1 } } } })],
  })
  await waitFor('the sidecar', async () => entries('slow').includes('side starts'))
  assert.equal((await cluster.pod('slow')).status?.phase, 'Pending')
  assert.deepEqual(entries('slow'), ['side starts'])
  const { writeFile } = await import('node:fs/promises')
  await writeFile(`${fileOf('slow')}.go`, '')
  await cluster.until('slow', isReady)
  const startMs = performance.now()
  await cluster.remove('slow')
  assert.ok(performance.now() - startMs >= 1_000, 'the pause before the signal')
})

test('a hook that fails ends its container, and tcpSocket always does', { timeout }, async () => {
  const lifecycle = { postStart: { tcpSocket: { port: 8080 } }, preStop: { exec: { command: ['false'] } } }
  await cluster.run('refused', { containers: [lingering('refused', 'main', { lifecycle })] })
  await cluster.until('refused', ({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0)
  const find = async (reason: string) =>
    (await cluster.events('refused')).find((event) => event.reason === reason)?.message ?? ''
  await waitFor('the event', async () => (await find('FailedPostStartHook')) !== '')
  assert.match(await find('FailedPostStartHook'), /^PostStartHook failed: tcpSocket does nothing in a hook/)
  await cluster.remove('refused')
  await cluster.run('grumpy', {
    containers: [lingering('grumpy', 'main', { lifecycle: { preStop: lifecycle.preStop } })],
  })
  await cluster.until('grumpy', isReady)
  await waitFor('the start', async () => entries('grumpy').length > 0)
  await cluster.remove('grumpy')
  assert.ok(entries('grumpy').includes('main ends'), 'and a preStop hook that fails changes nothing')
})

test('a hook that hangs does not outlast the grace period', { timeout }, async () => {
  const lifecycle = { preStop: { exec: { command: ['sleep', '1000'] } } }
  await cluster.run('hangs', {
    terminationGracePeriodSeconds: 1,
    containers: [lingering('hangs', 'main', { lifecycle })],
  })
  await cluster.until('hangs', isReady)
  await waitFor('the start', async () => entries('hangs').length > 0)
  const startMs = performance.now()
  await cluster.remove('hangs')
  assert.ok(performance.now() - startMs < 10_000)
})

test('a gRPC probe', { timeout }, async () => {
  const server = await cluster.app('grpc', grpc)
  const readinessProbe = { grpc: { port: 9000 }, periodSeconds: 1 }
  await cluster.run('rpc', { containers: [{ name: 'c', image: server, readinessProbe }] })
  await cluster.until('rpc', isReady)
  await cluster.remove('rpc')
})

test('an image that may never be pulled and is not here', { timeout }, async () => {
  await cluster.run('never', {
    containers: [{ name: 'c', image: 'npm:left-pad@1.3.0', imagePullPolicy: 'Never' }],
  })
  const waiting = (pod: Awaited<ReturnType<TestCluster['pod']>>) =>
    pod.status?.containerStatuses?.[0]?.state?.waiting
  const pod = await cluster.until('never', (one) => waiting(one)?.reason === 'ErrImageNeverPull')
  assert.equal(
    waiting(pod)?.message,
    'Container image "npm:left-pad@1.3.0" is not present with pull policy of Never',
  )
  await cluster.remove('never')
})

test('the last words of a container', { timeout }, async (t) => {
  if (!(await findMountSupport()).usable) return t.skip('this machine allows no mounts')
  const speaker = await cluster.app(
    'speaker',
    `const { WORDS, CODE } = process.env
    console.log('a line of its log')
    if (WORDS) require('node:fs').writeFileSync(WORDS, 'words in ' + WORDS)
    process.exitCode = Number(CODE)`,
  )
  const volumeMounts = [{ name: 'any', mountPath: '/any' }]
  const speak = (name: string, words: string, code: string, more: Partial<Container> = {}): Container => ({
    name,
    image: speaker,
    env: [
      { name: 'WORDS', value: words },
      { name: 'CODE', value: code },
    ],
    ...more,
  })
  await cluster.run('words', {
    restartPolicy: 'Never',
    volumes: [{ name: 'any', emptyDir: {} }],
    containers: [
      speak('usual', '/dev/termination-log', '1', { volumeMounts }),
      speak('other', '/tmp/my-words', '0', { terminationMessagePath: '/any/../tmp/./my-words' }),
      speak('none', '', '2', { volumeMounts, terminationMessagePolicy: 'FallbackToLogsOnError' }),
    ],
  })
  const pod = await cluster.until('words', ({ status }) => status?.phase === 'Failed')
  assert.deepEqual(
    pod.status?.containerStatuses?.map(({ state }) => state?.terminated?.message),
    ['words in /dev/termination-log', 'words in /tmp/my-words', 'a line of its log\n'],
  )
  assert.ok(!existsSync('/tmp/my-words'), 'nothing of it on the machine')
  assert.equal(readFileSync('/dev/termination-log', 'utf8'), '')
  await cluster.remove('words')
})
