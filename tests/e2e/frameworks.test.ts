/**
 * Apps on frameworks, unmodified: each on two versions of Node.js and at every sandbox level, pods that all listen on
 * the same port of one machine, behind one Service and on one URL.
 */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { sandboxLevels, type SandboxLevel } from '../../src/api/sandbox-level.ts'
import { openCluster, root, until, type Cluster } from '../support/cluster.ts'
import { prepareApp, type Framework } from '../support/frameworks.ts'
import { ask } from '../support/http.ts'
import { isMissing } from '../support/needs.ts'

const types = `${root}/node_modules/@types`
const frameworks: readonly Framework[] = [
  { name: 'express' },
  { name: 'fastify' },
  { name: 'nest', build: ['tsc', '-p', '.', '--typeRoots', types] },
  { name: 'next', build: ['next', 'build'] },
]

const nodeVersions = ['22', '24']
interface Variant {
  readonly version: string
  readonly level: SandboxLevel
}
/** `next start` is a line for a shell, which is no Node.js. */
const levelsOf = (app: string) => sandboxLevels.filter((level) => app !== 'next' || level !== 'permission')
const variantsOf = (app: string): readonly Variant[] =>
  nodeVersions.flatMap((version) => levelsOf(app).map((level) => ({ version, level })))
const readyMs = 120_000

let cluster: Cluster
const folders = new Map<string, string>()

before(async () => {
  await Promise.all(
    frameworks.map(async (framework) => folders.set(framework.name, await prepareApp(framework))),
  )
  cluster = await openCluster({ env: { SAMPAN_SANDBOX: 'none' } })
})
after(() => cluster[Symbol.asyncDispose]())

const port = 3000
const podName = (app: string, { version, level }: Variant) => `${app}-${level}-${version}`

function manifestsOf(app: string) {
  const service = { name: app, port: { number: port } }
  const paths = [{ path: '/', pathType: 'Prefix', backend: { service } }]
  const pods = variantsOf(app).map((variant) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: podName(app, variant),
      labels: { app },
      annotations: { 'sampan.dev/node-version': variant.version, 'sampan.dev/sandbox': variant.level },
    },
    spec: {
      containers: [{ name: app, image: `dir:${folders.get(app)}`, ports: [{ containerPort: port }] }],
    },
  }))
  return [
    ...pods,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: app },
      spec: { selector: { app }, ports: [{ port, targetPort: port }] },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: app },
      spec: { rules: [{ host: `${app}.localhost`, http: { paths } }] },
    },
  ]
}

/** What each pod says that answers on the app's URL: its name and the version of its Node.js. Waits until all have. */
async function openApp(app: string): Promise<string> {
  const items = manifestsOf(app)
  cluster.ok('apply -f -', { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) })
  const wait = `wait pod --selector app=${app} --for=condition=Ready --timeout=${readyMs / 1000}s`
  cluster.ok(wait, { timeoutMs: readyMs })
  const variants = variantsOf(app)
  const seen = new Map<string, string>()
  let page = ''
  await until(`all pods of ${app} answer`, async () => {
    const { status, body } = await ask(`${cluster.gatewayUrl}/`, { host: `${app}.localhost` })
    if (status !== 200) return undefined
    page = body
    // React parts two texts in one element by a comment.
    const [, name, major] = /([a-z0-9-]+)(?: |<!-- -->)+v(\d+)\.\d+\.\d+/.exec(body) ?? []
    assert.ok(name && major, body)
    seen.set(name, major)
    return seen.size === variants.length || undefined
  })
  for (const variant of variants) assert.equal(seen.get(podName(app, variant)), variant.version)
  return page
}

const get = (app: string, path: string) => ask(`${cluster.gatewayUrl}${path}`, { host: `${app}.localhost` })

/** The first events of a stream that has no end. */
function eventsOf(app: string, count: number): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${cluster.gatewayUrl}/ticks`,
      { headers: { host: `${app}.localhost` } },
      (incoming) => {
        let text = ''
        incoming.on('data', (chunk) => {
          text += String(chunk)
          const events = text.match(/^data: .*$/gm) ?? []
          if (events.length < count) return
          outgoing.destroy()
          resolve(events.slice(0, count))
        })
        incoming.on('end', () => reject(new Error(`the stream ended: ${incoming.statusCode} ${text}`)))
      },
    )
    outgoing.on('error', reject)
    outgoing.end()
  })
}

test('Express: pages, files and streams', async (t) => {
  if (isMissing(t, 'bwrap', 'the sandbox of apps')) return
  assert.match(await openApp('express'), /Hello from Express/)
  const { headers, body } = await get('express', '/style.css')
  assert.match(`${headers['content-type']} ${body}`, /^text\/css.* body \{ color: teal \}/)
  assert.deepEqual(await eventsOf('express', 3), ['data: 1', 'data: 2', 'data: 3'])
})

test('Fastify: pages and WebSockets', async (t) => {
  if (isMissing(t, 'bwrap', 'the sandbox of apps')) return
  assert.match(await openApp('fastify'), /Hello from Fastify/)
  const url = `${cluster.gatewayUrl.replace('http', 'ws')}/echo`
  const socket = new WebSocket(url, { headers: { host: 'fastify.localhost' } })
  const message = await new Promise((resolve, reject) => {
    socket.on('open', () => socket.send('hello'))
    socket.on('message', (bytes: Buffer) => resolve(bytes.toString()))
    socket.on('error', reject)
  })
  socket.close()
  assert.equal(message, 'echo of hello')
})

test('NestJS: pages and streams', async (t) => {
  if (isMissing(t, 'bwrap', 'the sandbox of apps')) return
  assert.match(await openApp('nest'), /Hello from NestJS/)
  assert.deepEqual(await eventsOf('nest', 3), ['data: 0', 'data: 0', 'data: 1'])
})

test('Next.js: pages, what they load, and streams', async (t) => {
  if (isMissing(t, 'bwrap', 'the sandbox of apps')) return
  const page = await openApp('next')
  assert.match(page, /Hello from Next\.js/)
  assert.match(page, /clicked (?:<!-- -->)?0/, 'what the browser takes over is there before it does')
  const [script = ''] = /\/_next\/static\/[^"\\]+\.js/.exec(page) ?? []
  const { status, headers, body } = await get('next', script)
  assert.equal(status, 200)
  assert.match(String(headers['content-type']), /javascript/)
  assert.match(String(headers['cache-control']), /immutable/)
  assert.ok(body.length > 100)
  assert.match((await get('next', '/robots.txt')).body, /User-agent/)
  assert.deepEqual(await eventsOf('next', 3), ['data: 1', 'data: 2', 'data: 3'])
})
