/** Services as pods see them: by name, by address, on this node and on another one. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openCluster, root, runSampan, until, type Cluster } from '../support/cluster.ts'
import { ask } from '../support/http.ts'
import { deployment, ingress, service, yaml } from '../support/manifests.ts'

const other = mkdtempSync(join(tmpdir(), 'sampan-network-'))
let cluster: Cluster
let joined: ChildProcess

/** A Deployment on one node, its Service, and a host of the gateway to speak to it. */
function on(nodeName: string, name: string): readonly object[] {
  const { spec, ...rest } = deployment({ name, app: 'caller' })
  const template = { ...spec.template, spec: { ...spec.template.spec, nodeName } }
  return [{ ...rest, spec: { ...spec, template } }, service(name), ingress(name, `${name}.test`)]
}
const plainService = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec,
})

before(async () => {
  cluster = await openCluster()
  const { stdout } = runSampan(['token', 'create', '--data-dir', cluster.dataDir])
  const own = ['--data-dir', other, '--name', 'node-2', '--data-listen', '127.0.0.1:0']
  const args = ['join', cluster.apiUrl, '--token', stdout.trim(), ...own]
  joined = spawn(process.execPath, [join(root, 'bin', 'sampan'), ...args], { stdio: 'ignore' })
  await until('both nodes are ready', () =>
    cluster.kubectl('wait --for=condition=Ready node/node-1 node/node-2 --timeout=5s').code === 0
      ? true
      : undefined,
  )
  const headless = plainService('each', {
    clusterIP: 'None',
    selector: { app: 'far' },
    ports: [{ port: 3000 }],
  })
  const alias = plainService('alias', {
    type: 'ExternalName',
    externalName: 'near.default.svc.cluster.local',
  })
  const empty = plainService('empty', { selector: { app: 'nobody' }, ports: [{ port: 80 }] })
  cluster.ok('apply -f -', {
    input: yaml(...on('node-1', 'near'), ...on('node-2', 'far'), headless, alias, empty),
  })
  for (const name of ['near', 'far']) cluster.ok(`rollout status deployment/${name} --timeout=60s`)
})
after(async () => {
  const ended = new Promise((resolve) => joined.once('exit', resolve))
  joined.kill('SIGTERM')
  await ended
  runSampan(['down', '--data-dir', other], 60_000)
  await cluster[Symbol.asyncDispose]()
  rmSync(other, { recursive: true, force: true })
})

/** What a pod of `from` answers. */
const at = async (from: string, path: string) => {
  const { body } = await until(`${from} answers`, async () => {
    const answer = await ask(`${cluster.gatewayUrl}${path}`, { host: `${from}.test` })
    return answer.status === 503 || answer.status === 404 ? undefined : answer
  })
  return body
}
const calls = (from: string, url: string, how = 'call') => at(from, `/${how}?url=${encodeURIComponent(url)}`)
const ipOf = (name: string) => cluster.ok(`get service ${name} -o jsonpath={.spec.clusterIP}`)
const podIpOf = (name: string) => cluster.ok(`get pods -l app=${name} -o jsonpath={.items[0].status.podIP}`)

describe('services', () => {
  const names = {
    'by its name': () => 'http://far/',
    'by name and namespace': () => 'http://far.default/',
    'by its whole name': () => 'http://far.default.svc.cluster.local/',
    'by its address': () => `http://${ipOf('far')}/`,
    'a headless one': () => 'http://each:3000/',
    'a pod of it by its address': () => `http://${podIpOf('far')}:3000/`,
  }
  for (const [what, url] of Object.entries(names))
    for (const how of ['call', 'get'])
      test(`of another node, ${what}, by ${how === 'call' ? 'fetch' : 'http.get'}`, async () =>
        assert.match(await calls('near', url(), how), /^I am far-/))

  test('of this node, and back from the other node', async () => {
    assert.match(await calls('near', 'http://near/'), /^I am near-/)
    assert.match(await calls('far', 'http://near/'), /^I am near-/)
    assert.match(await calls('far', 'http://alias/'), /^I am near-/)
  })

  test('variables name an address that works', async () => {
    const host = await at('near', '/env?name=FAR_SERVICE_HOST')
    if (host !== 'undefined') assert.match(await calls('near', `http://${host}/`), /^I am far-/)
    assert.equal(await at('near', '/env?name=SAMPAN_NAMESPACE'), 'default')
  })

  test('names resolve to what a cluster’s DNS would say', async () => {
    assert.deepEqual(JSON.parse(await at('near', '/lookup?name=far')), [ipOf('far'), ipOf('far')])
    assert.deepEqual(JSON.parse(await at('near', '/lookup?name=each')), [podIpOf('far'), podIpOf('far')])
    assert.deepEqual(JSON.parse(await at('near', '/lookup?name=localhost')).slice(0, 1), ['127.0.0.1'])
  })

  test('where nodes reach each other no server is in between, and one that is gone is no loss', async () => {
    const isDirect = (dir: string, node: string) =>
      until(`${node} is reached directly`, () => {
        const log = readFileSync(join(dir, 'logs', 'agent.log'), 'utf8').split('\n')
        return (
          log.some((line) => line.includes('a node is reached directly') && line.includes(node)) || undefined
        )
      })
    assert.match(await calls('near', 'http://far/'), /^I am far-/)
    assert.match(await calls('far', 'http://near/'), /^I am near-/)
    await isDirect(cluster.dataDir, 'node-2')
    await isDirect(other, 'node-1')
    const server = cluster.pidOf('server')
    process.kill(server, 'SIGSTOP')
    try {
      // Names that nobody has used: connections that are kept alive may be of the time before.
      assert.match(await calls('near', 'http://far.default.svc/'), /^I am far-/)
      assert.match(await calls('far', 'http://near.default.svc/'), /^I am near-/)
    } finally {
      process.kill(server, 'SIGCONT')
    }
  })

  test('a Service without endpoints refuses, an unknown name is unknown', async () => {
    assert.match(await calls('near', 'http://empty/'), /^ECONNREFUSED/)
    assert.match(await calls('near', 'http://unknown-name.default.svc/'), /^(ENOTFOUND|EAI_AGAIN)/)
  })
})
