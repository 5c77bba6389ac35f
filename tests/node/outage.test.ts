import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { localAddressOf } from '../../src/api/pod-address.ts'
import { isReady, openTestCluster, podCIDR, waitFor } from './harness.ts'

/** Ends with code 7 when told to. */
const app = `
console.log('up')
require('node:http').createServer((request, response) => {
  if (request.url === '/exit') process.exit(7)
  response.end(String(process.pid))
}).listen(8080)
`

test(
  'without an API server pods run on, are restarted, and are adopted by a new agent',
  { timeout: 90_000 },
  async () => {
    await using cluster = await openTestCluster()
    await using agents = new AsyncDisposableStack() // ends before the cluster, also when an assertion fails
    agents.use(await cluster.openAgent())
    const image = await cluster.app('app', app)
    await cluster.run('p', {
      containers: [{ name: 'c', image, readinessProbe: { httpGet: { port: 8080 } } }],
    })
    const pod = await cluster.until('p', isReady)
    const identity = JSON.parse(await readFile(join(cluster.folder, 'node/node.json'), 'utf8')) as {
      loopbackBlock: string
    }
    const address = localAddressOf({
      podIP: pod.status?.podIP ?? '',
      podCIDR,
      loopbackBlock: identity.loopbackBlock,
    })
    const ask = async (path = '/') =>
      (await fetch(`http://${address}:8080${path}`).catch(() => undefined))?.text()
    const first = await ask()

    await cluster.disconnect()
    assert.equal(await ask(), first)
    await ask('/exit').catch(() => {}) // it ends before it answers
    let second: string | undefined
    await waitFor('the restart', async () => (second = await ask()) !== undefined && second !== first)

    await agents.disposeAsync()
    assert.equal(await ask(), second)
    await using _agent = await cluster.openAgent({ isOffline: true })
    assert.equal(await ask(), second)

    await cluster.reconnect()
    const later = await cluster.until(
      'p',
      (p) => isReady(p) && p.status?.containerStatuses?.[0]?.restartCount === 1,
    )
    assert.equal(later.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 7)
    assert.equal(await ask(), second)
    await waitFor('the log', async () => (await cluster.logs('p').catch(() => '')) === 'up\n')
    await cluster.remove('p')
    assert.equal(await ask(), undefined)
  },
)
