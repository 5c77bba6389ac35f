/** The same Sampan on each store that is a server of its own: kubectl, an app, a restart, and the store gone for a while. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { realClock } from '../../src/base/clock.ts'
import { findPostgres, startTestServer } from '../../src/store/postgres/test-server.ts'
import { isPresent } from '../../tools/parts.ts'
import { openCluster, until } from '../support/cluster.ts'
import { startEtcdCluster } from '../support/etcd.ts'
import { deployment, ingress, service, yaml } from '../support/manifests.ts'
import { ask } from '../support/http.ts'

interface StoreServer extends AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  /** As a power loss takes it away. */
  kill(): Promise<void>
  start(): Promise<void>
}

interface Backend {
  readonly name: string
  readonly isInstalled: () => boolean
  readonly open: () => Promise<StoreServer>
}

const backends: readonly Backend[] = [
  { name: 'etcd', isInstalled: () => isPresent('etcd'), open: openEtcd },
  { name: 'PostgreSQL', isInstalled: () => findPostgres() !== undefined, open: openPostgres },
]

for (const { name, isInstalled, open } of backends) {
  const skip = isInstalled() ? false : `${name} is not installed, needed for Sampan on it`
  if (skip !== false && process.env['CI'] === 'true') throw new Error(skip)
  describe(`Sampan on ${name}`, { skip }, () => {
    test('kubectl works, an app runs, and both outlive Sampan and the store', { timeout: 300_000 }, () =>
      tour(open),
    )
    test('put back to an earlier state, it is served as it is now, by a server that began anew', () =>
      goBack(open))
  })
}

async function tour(open: Backend['open']): Promise<void> {
  await using store = await open()
  await using cluster = await openCluster({ env: { SAMPAN_STORE: store.url } })
  await using watching = cluster.follow('get configmaps -l made-by=tour -w -o name')
  cluster.ok('create configmap first --from-literal=a=1')
  cluster.ok('label configmap first made-by=tour')
  cluster.ok('patch configmap first --type=merge -p {"data":{"b":"2"}}')
  assert.equal(cluster.ok('get configmap first -o jsonpath={.data.a}{.data.b}'), '12')
  assert.match(cluster.kubectl('create configmap first').stderr, /already exists/)
  await until('the watch tells of it', () => watching.stdout().includes('configmap/first') || undefined)
  const [page] = cluster.ok('get configmaps -A --chunk-size=1 -o name').split('\n')
  assert(page)

  const app = yaml(deployment({ name: 'web', replicas: 2 }), service('web'), ingress('web', 'web.test'))
  cluster.ok('apply -f -', { input: app })
  cluster.ok('rollout status deployment/web --timeout=60s')
  cluster.ok('scale deployment/web --replicas=3')
  cluster.ok('rollout status deployment/web --timeout=60s')
  const pids = () =>
    cluster
      .ok('get pods -l app=web -o jsonpath={range.items[*]}{.metadata.uid}{"\\n"}{end}')
      .split('\n')
      .toSorted()
  const before = pids()
  assert.match(cluster.ok('get events'), /Started|Scheduled|Scaled/)

  await cluster.stop()
  await cluster.start()
  assert.deepEqual(pids(), before)

  await store.kill()
  const refused = cluster.kubectl('create configmap second --request-timeout=30s')
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /not available|ServiceUnavailable|timeout|too many|unable/i)
  const { status } = await ask(cluster.gatewayUrl, { host: 'web.test' })
  assert.equal(status, 200, 'the app goes on')
  await store.start()
  await until('writes work again', () =>
    cluster.kubectl('create configmap third').code === 0 ? true : undefined,
  )
  assert.equal(cluster.ok('get configmap first third -o name').trim().split('\n').length, 2)
  assert.deepEqual(pids(), before)
  cluster.ok('delete deployment/web --timeout=60s')
  await until('its pods are gone', () =>
    cluster.ok('get pods -l app=web -o name') === '' ? true : undefined,
  )
}

async function goBack(open: Backend['open']): Promise<void> {
  await using store = await open()
  await using cluster = await openCluster({ command: 'server', env: { SAMPAN_STORE: store.url } })
  const copy = `${store.dataDir}.copy`
  const create = (name: string) =>
    until(`${name} is created`, () => cluster.kubectl(`create configmap ${name}`).code === 0 || undefined)
  await create('kept')
  await store.kill()
  command('cp', '-a', store.dataDir, copy) // the owner stays the same
  await store.start()
  await create('lost')
  const before = cluster.pidOf('server')
  await store.kill()
  rmSync(store.dataDir, { recursive: true })
  command('mv', copy, store.dataDir)
  await store.start()
  await until('a new server is ready', () => /\(again\)/.test(cluster.output()) || undefined)
  assert.match(cluster.output(), /no longer has the revision \d+.*start anew/)
  assert.notEqual(cluster.pidOf('server'), before)
  cluster.ok('get configmap kept')
  assert.match(cluster.kubectl('get configmap lost').stderr, /NotFound/)
  await create('lost')
}

function command(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}

async function openEtcd(): Promise<StoreServer> {
  const etcd = await startEtcdCluster()
  const [member] = etcd.members
  assert(member)
  return {
    url: `etcd://${etcd.endpoints}`,
    dataDir: member.dataDir,
    kill: () => member.signal('SIGKILL'),
    start: async () => member.start(),
    [Symbol.asyncDispose]: () => etcd[Symbol.asyncDispose](),
  }
}

async function openPostgres(): Promise<StoreServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-stores-'))
  chmodSync(folder, 0o755) // PostgreSQL may run as another user
  const server = await startTestServer({ clock: realClock, folder })
  return {
    url: `postgres:${server.url('sampan')}`,
    dataDir: globSync(join(folder, 'pg-*', 'data'))[0] ?? '',
    kill: () => server.kill(),
    start: () => server.start(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
