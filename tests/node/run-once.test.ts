import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Node, Pod } from '../../src/api/schema/types.gen.ts'
import { killAgent, startAgent } from './agent-process.ts'
import { isReady, nodeName, openTestCluster, podCIDR, podsRef, waitFor, type TestCluster } from './harness.ts'

/** Notes its starts, and heeds no warning. */
const app = (file: string) => `
const line = process.pid + ' ' + process.env.SAMPAN_EPOCH + '\\n'
require('node:fs').appendFileSync(${JSON.stringify(file)}, line)
process.on('SIGTERM', () => {})
require('node:http').createServer((q, s) => s.end()).listen(8080)
`
const runOnceTiming = { leaseSeconds: 8, warnSeconds: 3 }

test(
  'a pod that runs once ends with its lease, whether its server is gone or its agent hangs; one beside it runs on',
  { timeout: 180_000 },
  async () => {
    await using cluster = await openTestCluster()
    const agent = await startAgent(cluster, { runOnceTiming })
    await using _end = { [Symbol.asyncDispose]: () => killAgent(agent) }
    await giveAddresses(cluster)
    const once = await openPod(cluster, 'once')
    const plain = await openPod(cluster, 'plain')
    const { epoch, pid: first } = await once.latest()
    assert.equal(epoch, (await cluster.pod('once')).metadata.annotations?.['sampan.dev/epoch'])
    assert.ok(Number(epoch) > 0)
    const { pid: neighbour } = await plain.latest()

    await cluster.disconnect()
    await waitFor('its end without a server', async () => !runs(first))
    const ended = await uptime()
    await waitFor('some attempts to start it', async () => (await uptime()) > ended + 3)
    assert.equal((await once.latest()).pid, first)
    assert.ok(runs(neighbour))

    await cluster.reconnect()
    const again = await cluster.until('once', (pod) => isReady(pod) && wasExpired(pod))
    assert.equal(again.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 137)
    const { epoch: same, pid: second } = await once.latest()
    assert.notEqual(second, first)
    assert.equal(same, epoch)
    await waitFor('its event', async () =>
      (await cluster.events('once')).some(({ reason }) => reason === 'LeaseExpired'),
    )

    agent.kill('SIGSTOP')
    await waitFor('its end without an agent', async () => !runs(second))
    assert.ok(runs(neighbour))
    agent.kill('SIGCONT')
    await cluster.until('once', (pod) => !isReady(pod) && wasExpired(pod))
    assert.equal((await plain.latest()).pid, neighbour)
    await cluster.remove('once')
    await cluster.remove('plain')
  },
)

async function giveAddresses({ client }: TestCluster): Promise<void> {
  const nodes = client.resource<Node>({
    group: '',
    version: 'v1',
    plural: 'nodes',
    kind: 'Node',
    namespaced: false,
  })
  await waitFor('the node', async () => (await nodes.get(nodeName).catch(() => undefined)) !== undefined)
  await nodes.patch(nodeName, 'merge', { spec: { podCIDR, podCIDRs: [podCIDR] } })
}

/** A pod of that name that is ready, as a scheduler places it. */
async function openPod(cluster: TestCluster, name: string) {
  const file = join(cluster.folder, `${name}.notes`)
  const image = await cluster.app(name, app(file))
  await cluster.client.resource<Pod>(podsRef).create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      annotations: { 'sampan.dev/run-once': String(name === 'once') },
    },
    spec: {
      containers: [{ name: 'c', image, readinessProbe: { httpGet: { port: 8080 } } }],
      terminationGracePeriodSeconds: 1,
    },
  })
  await cluster.client.request({
    method: 'POST',
    path: `/api/v1/namespaces/default/pods/${name}/binding`,
    body: {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name },
      target: { kind: 'Node', name: nodeName },
    },
  })
  await cluster.until(name, isReady)
  return {
    /** Of its last start. */
    async latest() {
      const line = (await readFile(file, 'utf8')).trim().split('\n').at(-1) ?? ''
      const [pid = '', epoch = ''] = line.split(' ')
      return { pid, epoch }
    },
  }
}

/** Not for one that has ended and that nobody waits for. */
const runs = (pid: string): boolean => existsSync(`/proc/${pid}/cwd`)

const uptime = async (): Promise<number> => Number.parseFloat(await readFile('/proc/uptime', 'utf8'))

const wasExpired = ({ status }: Pod): boolean =>
  status?.containerStatuses?.[0]?.lastState?.terminated?.reason === 'LeaseExpired'
