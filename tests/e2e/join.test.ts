/** Machines that join: by a token that pins the cluster's CA, under a name that stays theirs. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Report } from '../../src/main/preflight/report.ts'
import { openCluster, root, runSampan, until, type Cluster } from '../support/cluster.ts'
import { image } from '../support/manifests.ts'

const executable = join(root, 'bin', 'sampan')
const folders = mkdtempSync(join(tmpdir(), 'sampan-join-'))
let cluster: Cluster
let token: string
before(async () => {
  cluster = await openCluster()
  token = createToken()
})
after(async () => {
  await cluster[Symbol.asyncDispose]()
  rmSync(folders, { recursive: true, force: true })
})

function createToken(...flags: readonly string[]): string {
  const { code, stderr, stdout } = runSampan(['token', 'create', '--data-dir', cluster.dataDir, ...flags])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /^until 20\S+Z, on the machine that joins: sampan join https:\S+ --token TOKEN\n/)
  assert.match(
    stderr,
    /no other machine reaches https:\/\/127\.0\.0\.1:\d+: .* --tls-listen 0\.0\.0\.0:18888/,
  )
  return stdout.trim()
}

interface Joining extends AsyncDisposable {
  readonly output: () => string
  readonly dataDir: string
  /** SIGTERM; the apps go on. */
  stop(): Promise<void>
}

function startJoin(folder: string, name: string, ...flags: readonly string[]): Joining {
  const dataDir = join(folders, folder)
  const args = [executable, 'join', cluster.apiUrl, '--data-dir', dataDir, '--name', name, ...flags]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (output += String(chunk)))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  return {
    output: () => output,
    dataDir,
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
      const { code, stderr } = runSampan(['down', '--data-dir', dataDir], 60_000)
      assert.equal(code, 0, stderr)
    },
  }
}
const isReady = ({ output }: Joining) =>
  until('the node is ready', () => (/^ready$/m.test(output()) ? true : undefined))
const readyNode = (name: string) => cluster.ok(`wait --for=condition=Ready node/${name} --timeout=60s`)

describe('joining', () => {
  test('a machine joins with a token, runs pods, and comes back without one', async () => {
    await using node = startJoin('b', 'node-b', '--token', token)
    await isReady(node)
    await until('the node is there', () => (cluster.kubectl('get node node-b').code === 0 ? true : undefined))
    readyNode('node-b')
    const manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'there' },
      spec: { nodeName: 'node-b', containers: [{ name: 'app', image: image('hello') }] },
    }
    cluster.ok('apply -f -', { input: JSON.stringify(manifest) })
    cluster.ok('wait --for=condition=Ready pod/there --timeout=60s')
    const uid = cluster.ok('get pod there -o jsonpath={.status.containerStatuses[0].containerID}')
    assert.equal(cluster.kubectl('exec there -- echo hello').stdout, 'hello\n')

    await node.stop()
    await using again = startJoin('b', 'node-b')
    await isReady(again)
    readyNode('node-b')
    assert.equal(cluster.ok('get pod there -o jsonpath={.status.containerStatuses[0].containerID}'), uid)
    cluster.ok('delete pod there')
  })

  test('another machine does not get a name that is taken, until a person says so', async () => {
    await using first = startJoin('c', 'node-c', '--token', token)
    await isReady(first)
    await until('its key is known', () => keyOf('node-c') || undefined)
    const key = keyOf('node-c')
    await using second = startJoin('d', 'node-c', '--token', token)
    const name = await until(
      'it waits',
      () =>
        /waiting: another machine has joined as node-c.*kubectl certificate approve (\S+)/.exec(
          second.output(),
        )?.[1],
    )
    assert.equal(keyOf('node-c'), key)
    assert.match(cluster.ok(`get csr ${name}`), /Pending/)
    await first.stop()
    cluster.ok(`certificate approve ${name}`)
    await isReady(second)
    await until('the name is the other machine’s', () => (keyOf('node-c') !== key ? true : undefined))
  })

  test('a machine that lost its disk and its certificate keeps its name by its password', async () => {
    const env = { NODE_UNIT_NAME: 'unit', NODE_UNIT_PASSWORD: 'correct horse battery' }
    Object.assign(process.env, env)
    try {
      {
        await using node = startJoin('e', 'node-e', '--token', token)
        await isReady(node)
        await until('its key is known', () => keyOf('node-e') || undefined)
      }
      const key = keyOf('node-e')
      await using again = startJoin('e2', 'node-e', '--token', token)
      await isReady(again)
      assert.equal(keyOf('node-e'), key)
      const kept = readFileSync(join(again.dataDir, 'credentials', 'agent.kubeconfig'), 'utf8')
      assert.ok(!kept.includes(env.NODE_UNIT_PASSWORD))
    } finally {
      for (const name of Object.keys(env)) delete process.env[name]
    }
  })

  test('a machine whose key is on the list joins without a token, under the name that it may have', async () => {
    const where = (folder: string) => ['--data-dir', join(folders, folder)]
    const identity = runSampan(['identity', ...where('k')])
    const key = identity.stdout.trim()
    assert.match(key, /^MCowBQYDK2VwAyEA/, identity.stderr)
    const hash = `sha256:${token.split('sha256:')[1]}`
    await using waiting = startJoin('k', 'node-k', '--ca-hash', hash)
    const hint = await until('it waits', () => /sampan (node allow \S+ --as \S+)/.exec(waiting.output())?.[1])
    assert.equal(hint, `node allow ${key} --as node-k`)
    const allow = [...hint.split(' '), '--data-dir', cluster.dataDir]
    const { stdout } = runSampan(allow)
    assert.match(stdout, new RegExp(`^1 key added\nsampan join ${cluster.apiUrl} --ca-hash ${hash}\n$`))
    assert.match(runSampan(allow).stdout, /^on the list already\n/)
    await isReady(waiting)
    await until('its key is known', () => (keyOf('node-k') === key ? true : undefined))
    const healthz = () => cluster.kubectl('get --raw /api/v1/nodes/node-k/proxy/healthz')
    await until('servers reach it', () => (healthz().stdout === 'ok' ? true : undefined))

    const sameKey = join(folders, 'k2')
    cpSync(join(folders, 'k', 'node', 'identity.key'), join(sameKey, 'node', 'identity.key'))
    const other = runSampan([
      'join',
      cluster.apiUrl,
      '--data-dir',
      sameKey,
      '--name',
      'node-l',
      '--ca-hash',
      hash,
    ])
    assert.equal(other.code, 1)
    assert.match(other.stderr, /the list of allowed keys does not let this key join as node-l/)

    const disallow = (what: string) => runSampan(['node', 'disallow', what, '--data-dir', cluster.dataDir])
    assert.equal(disallow('node-k').stdout, '1 key taken off\n')
    await until('it is cut off', () =>
      /it has no open connection to this server/.test(healthz().stderr) ? true : undefined,
    )
    const again = disallow(key)
    assert.equal(again.code, 1)
    assert.match(again.stderr, /is not on the list: .* a machine that joined with a token stays in/)
    // A folder is no file of keys; it may have the name of a node.
    assert.match(disallow(folders).stderr, /is not on the list/)
    assert.match(runSampan(['node', 'allow', folders, ...allow.slice(-2)]).stderr, /no file of them/)
    cluster.ok('delete node node-k')
    const kubeconfig = join(waiting.dataDir, 'credentials', 'agent.kubeconfig')
    const refused = cluster.kubectl('get node node-k', { env: { KUBECONFIG: kubeconfig } })
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /logged in|Unauthorized|taken off the list/)
    assert.match(runSampan(allow).stdout, /^1 key added\n/)
    await until('it is back', () => (healthz().stdout === 'ok' ? true : undefined))
    await until('it has registered anew', () => (keyOf('node-k') === key ? true : undefined))
  })

  test('preflight says whether a machine can join, and what is in the way', () => {
    const run = (url: string, ...flags: string[]) => {
      const args = ['preflight', url, '--data-dir', join(folders, 'pre'), '-o', 'json', ...flags]
      const { code, stderr, stdout } = runSampan(args, 60_000)
      assert.equal(stderr, '')
      const { canJoin, checks } = JSON.parse(stdout) as Report
      assert.equal(code, canJoin ? 0 : 1)
      return new Map(checks.map((check) => [check.name, check]))
    }
    const good = run(cluster.apiUrl, '--token', token)
    assert.equal(good.get('server')?.verdict, 'ok')
    assert.equal(good.get('clock')?.verdict, 'ok')
    for (const name of ['sandbox', 'limits', 'mounts', 'disk', 'memory', 'registry'])
      assert.match(good.get(name)?.verdict ?? '', /^(ok|limited|no)$/)
    assert.equal(run(cluster.apiUrl, '--ca-hash', `sha256:${'0'.repeat(64)}`).get('server')?.verdict, 'no')
    const away = run('https://127.0.0.1:1').get('server')
    assert.match(`${away?.found} ${away?.next}`, /ECONNREFUSED.*firewall/)
    assert.ok(!existsSync(join(folders, 'pre')), 'it changes nothing')
  })

  const refusals = {
    'a token of another cluster': [
      () => `${token.split('@')[0]}@sha256:${'0'.repeat(64)}`,
      /not a server of the cluster that the token \(or --ca-hash\) is for/,
    ],
    'a token that nobody made': [
      () => `abcdef.0123456789abcdef@${token.split('@')[1]}`,
      /does not know this token, or its time is over/,
    ],
    'no token at all': [() => undefined, /has not joined yet: give it a token.*--ca-hash/],
    'something else': [() => 'secret-thing', /has the form ID\.SECRET@sha256:DIGEST/],
  } as const
  for (const [what, [make, expected]] of Object.entries(refusals)) {
    test(`${what} is refused with the way out`, () => {
      const given = make()
      const flags = given === undefined ? [] : ['--token', given]
      const where = ['--data-dir', join(folders, 'refused'), '--name', 'node-r']
      const { code, stderr } = runSampan(['join', cluster.apiUrl, ...where, ...flags])
      assert.equal(code, 1)
      assert.match(stderr, expected)
      if (given !== undefined) assert.ok(!stderr.includes(given.split('@')[0] ?? given))
    })
  }

  test('an expired token lets nobody in', async () => {
    const short = createToken('--ttl', '1s')
    const secret = ['get', 'secret', `bootstrap-token-${short.slice(0, 6)}`, '-n', 'kube-system']
    const { expiration } = JSON.parse(cluster.ok([...secret, '-o', 'jsonpath={.data}'])) as {
      readonly expiration: string
    }
    const over = Date.parse(Buffer.from(expiration, 'base64').toString())
    await until('its time is over', () => Date.now() > over || undefined)
    const where = ['--data-dir', join(folders, 'late'), '--name', 'late']
    const { code, stderr } = runSampan(['join', cluster.apiUrl, ...where, '--token', short])
    assert.equal(code, 1)
    assert.match(stderr, /its time is over/)
  })
})

const keyOf = (node: string): string =>
  cluster.kubectl(['get', 'node', node, '-o', 'jsonpath={.metadata.annotations.sampan\\.dev/identity-key}'])
    .stdout
