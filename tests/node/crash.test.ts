import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { realClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/ids.ts'
import { testSeed } from '../../src/base/test-seed.ts'
import type { Node, Pod } from '../../src/api/schema/types.gen.ts'
import { openProcessRuntime } from '../../src/runtime/process/process-runtime.ts'
import { killAgent, startAgent } from './agent-process.ts'
import { isReady, nodeName, openTestCluster, podCIDR, podsRef, waitFor } from './harness.ts'

const kills = 24
const withinMs = 250 // from the pod's creation: its start takes about half as long
/** For an agent that hangs: each start takes half a second of processor time or less, and each wait has a limit of its own. */
const timeout = kills * 30_000

/** Notes each of its starts in one file, which nobody else writes. */
const app = (file: string) => `
require('node:fs').appendFileSync(${JSON.stringify(file)}, process.env.POD_UID + ' ' + process.pid + '\\n')
require('node:http').createServer((q, s) => s.end('x')).listen(8080)
`

test(
  `an agent killed ${kills} times while it starts and ends pods starts each exactly once and leaves none behind`,
  { timeout },
  async (t) => {
    t.diagnostic(`SEED=${testSeed}`)
    const random = seededRandom(testSeed)
    await using cluster = await openTestCluster()
    const file = join(cluster.folder, 'starts')
    const image = await cluster.app('counter', app(file))
    const nodes = cluster.client.resource<Node>({
      group: '',
      version: 'v1',
      plural: 'nodes',
      kind: 'Node',
      namespaced: false,
    })
    let agent = await startAgent(cluster)
    // Before the cluster is disposed of, also when an assertion fails.
    await using _end = { [Symbol.asyncDispose]: () => killAgent(agent) }
    await waitFor('the node', async () => (await nodes.get(nodeName).catch(() => undefined)) !== undefined)
    await nodes.patch(nodeName, 'merge', { spec: { podCIDR, podCIDRs: [podCIDR] } })

    const names: string[] = []
    for (let n = 0; n < kills; n++) {
      const name = `pod-${n}`
      names.push(name)
      const env = [{ name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } }]
      await cluster.run(name, { containers: [{ name: 'c', image, env }], terminationGracePeriodSeconds: 5 })
      await realClock.sleep(random.float() * withinMs)
      await killAgent(agent)
      agent = await startAgent(cluster)
    }
    const uids: string[] = []
    for (const name of names) {
      const pod = await cluster.until(name, isReady)
      assert.equal(pod.status?.containerStatuses?.[0]?.restartCount, 0, `${name} was restarted`)
      uids.push(pod.metadata.uid ?? '')
    }
    const starts = async () => (existsSync(file) ? (await readFile(file, 'utf8')).trim().split('\n') : [])
    await waitFor('all apps', async () => (await starts()).length >= kills)
    const ids = new Set((await starts()).map((line) => line.split(' ')[0]))
    assert.equal((await starts()).length, kills)
    assert.deepEqual(ids, new Set(uids))

    const pods = cluster.client.resource<Pod>(podsRef)
    for (const name of names) {
      await pods.delete(name, { namespace: 'default' })
      if (random.float() < 0.5) continue
      await realClock.sleep(random.float() * withinMs)
      await killAgent(agent)
      agent = await startAgent(cluster)
    }
    await waitFor(
      'all pods to go',
      async () => (await pods.list({ namespace: 'default' })).items.length === 0,
    )
    const runtime = openProcessRuntime({ clock: realClock })
    await waitFor(
      'the last process',
      async () => (await runtime.orphans(join(cluster.folder, 'node/pods'))).length === 0,
    )
    for (const line of await starts())
      assert.ok(!existsSync(`/proc/${line.split(' ')[1]}/cwd`) || !(await isOurs(line)), line)
    assert.equal((await starts()).length, kills)
  },
)

/** Whether the pid still is the app that wrote the line, and not a later process with its number. */
async function isOurs(line: string): Promise<boolean> {
  const [uid = '', pid] = line.split(' ')
  return (await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')).includes(uid)
}
