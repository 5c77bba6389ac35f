/** Real applications, unmodified, from the npm registry: each by one `kubectl apply` of its manifest in `examples/`. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'
import { WebSocket } from 'ws'
import { openCluster, root, until, type Cluster } from '../support/cluster.ts'
import { ask } from '../support/http.ts'
import { isMissing } from '../support/needs.ts'
import { workloadProcesses } from '../support/workloads.ts'

let cluster: Cluster
before(async () => void (cluster = await openCluster()))
after(() => cluster[Symbol.asyncDispose]())

/** A first install brings a few hundred packages. */
const installMs = 240_000

const apply = (app: string) => {
  cluster.ok(['apply', '-f', join(root, 'examples', app, 'app.yaml')])
  cluster.ok(`rollout status deployment/${app} --timeout=${installMs / 1000}s`, { timeoutMs: installMs })
  // The API has said that it is available; the gateway hears of it in the same moment, not before.
  return until(`${app} is on its URL`, async () => {
    const { status } = await ask(`${cluster.gatewayUrl}/`, { host: `${app}.localhost` })
    return status < 500 ? true : undefined
  })
}

test('peer: a WebSocket client gets its OPEN message through the gateway', async () => {
  await apply('peer')
  const url = `${cluster.gatewayUrl.replace('http', 'ws')}/peerjs?key=peerjs&id=tester&token=t1`
  const socket = new WebSocket(url, { headers: { host: 'peer.localhost' } })
  const message = await new Promise<string>((resolve, reject) => {
    socket.on('message', (bytes: Buffer) => resolve(bytes.toString()))
    socket.on('error', reject)
    socket.on('unexpected-response', (_request, response) =>
      reject(new Error(`answered ${response.statusCode}`)),
    )
  })
  socket.close()
  assert.deepEqual(JSON.parse(message), { type: 'OPEN' })
})

test('json-server: three replicas on the port they hard-code share the requests', async () => {
  await apply('json-server')
  const url = `${cluster.gatewayUrl}/posts`
  const answer = await ask(url, { host: 'json-server.localhost' })
  assert.equal(answer.status, 200)
  assert.deepEqual(JSON.parse(answer.body), [{ id: 1, title: 'Sampan' }])

  for (let i = 0; i < 60; i++) await ask(`${url}?from=test-${i}`, { host: 'json-server.localhost' })
  const pods = cluster.ok('get pods -l app=json-server -o name').trim().split('\n')
  assert.equal(pods.length, 3)
  for (const pod of pods) assert.match(cluster.ok(['logs', pod]), /from=test-/, `${pod} answered something`)

  const body = JSON.stringify({ title: 'written through the gateway' })
  const written = await ask(url, {
    host: 'json-server.localhost',
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'content-length': String(body.length) },
  })
  assert.equal(written.status, 201)
})

test('json-server: one replica killed, no request fails later than a second after', async () => {
  const url = `${cluster.gatewayUrl}/posts`
  const failures: number[] = []
  let killedAt = 0
  const deadline = performance.now() + 6_000
  const load = async () => {
    while (performance.now() < deadline) {
      const answer = await ask(url, { host: 'json-server.localhost' }).catch((error: unknown) => ({
        status: 0,
        body: String(error),
      }))
      if (answer.status !== 200) failures.push(performance.now())
    }
  }
  const running = Promise.all([load(), load(), load(), load()])
  const pod = cluster.ok('get pods -l app=json-server -o name').trim().split('\n')[0] ?? ''
  const uid = cluster.ok(['get', pod, '-o', 'jsonpath={.metadata.uid}'])
  const pids = workloadProcesses(cluster.dataDir)
    .filter(({ id }) => id.startsWith(uid))
    .map((found) => found.pid)
  assert.ok(pids.length > 0, 'the replica has processes')
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  killedAt = performance.now()
  await running
  const late = failures.filter((at) => at > killedAt + 1_000)
  assert.deepEqual(late, [], `${failures.length} failed at all`)
})

test('node-red: the editor loads in a browser through the gateway, a flow is deployed, its WebSocket stays', async (t) => {
  if (isMissing(t, 'chromium', 'loading the editor as a person would')) return
  await apply('node-red')
  const profile = mkdtempSync(join(tmpdir(), 'sampan-chromium-'))
  const { port } = new URL(cluster.gatewayUrl)
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP node-red.localhost 127.0.0.1, MAP * ~NOTFOUND',
    ],
  })
  try {
    const page = await browser.newPage()
    const sockets: { readonly url: string; isClosed: boolean; received: number }[] = []
    page.on('websocket', (socket) => {
      const seen = { url: socket.url(), isClosed: false, received: 0 }
      sockets.push(seen)
      socket.on('framereceived', () => seen.received++)
      socket.on('close', () => (seen.isClosed = true))
    })
    const host = `node-red.localhost:${port}`
    await page.goto(`http://${host}/`)
    await page.waitForSelector('#red-ui-header-button-deploy', { timeout: 60_000 })
    assert.match(await page.title(), /^Node-RED/)

    // What "Deploy" sends: a flow that answers over HTTP.
    const flows = [
      { id: 't', type: 'tab', label: 'test' },
      { id: 'in', type: 'http in', z: 't', url: '/from-flow', method: 'get', wires: [['f']] },
      {
        id: 'f',
        type: 'function',
        z: 't',
        func: 'msg.payload = "deployed"; return msg',
        outputs: 1,
        wires: [['out']],
      },
      { id: 'out', type: 'http response', z: 't', wires: [] },
    ]
    const comms = await until('the editor has its WebSocket', () =>
      sockets.find(({ url }) => url.includes('/comms')),
    )
    const receivedBefore = comms.received
    const deployed = await page.evaluate(async (body) => {
      const response = await fetch('/flows', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      return response.status
    }, JSON.stringify(flows))
    assert.equal(deployed, 204)
    const answer = await until('the flow answers', async () => {
      const got = await ask(`${cluster.gatewayUrl}/from-flow`, { host })
      return got.status === 200 ? got : undefined
    })
    assert.equal(answer.body, 'deployed')
    await until('the editor hears of the deployment', () =>
      comms.received > receivedBefore ? true : undefined,
    )
    assert.equal(comms.isClosed, false)
  } finally {
    await browser.close()
    rmSync(profile, { recursive: true, force: true })
  }
})
