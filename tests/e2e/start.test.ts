/** The life of a Sampan on one machine, as its user sees it: start, end, start again, down. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { memoryDirOf, networkDirOf } from '../../src/node/memory-dir.ts'
import { openCluster, root, runSampan, startSampan, until } from '../support/cluster.ts'
import { ask } from '../support/http.ts'
import { workloadProcesses } from '../support/workloads.ts'

test('apps go on when Sampan ends, are adopted when it comes back, and end with down', async () => {
  await using cluster = await openCluster({ args: ['--example'] })
  const said = await until('the example is deployed', () =>
    /^app/m.test(cluster.output()) ? cluster.output() : undefined,
  )
  // A slow machine says that it is slow.
  const lines = said.split('\n').filter((line) => line !== '' && !line.startsWith('waiting '))
  assert.deepEqual(
    lines.map((line) => line.replace(/ .*/, '')).toSorted(),
    ['agent', 'api', 'app', 'gateway', 'kubeconfig', 'ready'],
    said,
  )
  assert.ok(lines.indexOf('ready') === 4, 'a line for each part, where the kubeconfig is, and then ready')
  assert.ok(lines.includes(`kubeconfig  ${join(cluster.dataDir, 'kubeconfig')}`))

  const hello = await ask(`${cluster.gatewayUrl}/`)
  assert.match(hello.body, /^Hello from hello-/)
  const before = workloadProcesses(cluster.dataDir)
  assert.ok(before.length > 0)

  await cluster.stop()
  assert.match(cluster.output(), /^ended; apps go on: `sampan down --data-dir \S+` ends them, too$/m)
  await assert.rejects(ask(`${cluster.gatewayUrl}/`), 'the gateway ended with Sampan')
  assert.deepEqual(workloadProcesses(cluster.dataDir), before, 'the app did not')

  await cluster.start()
  const again = await until('the app is on its URL', async () => {
    const answer = await ask(`${cluster.gatewayUrl}/`)
    return answer.status === 200 ? answer : undefined
  })
  assert.equal(again.body, hello.body, 'the same process answers')
  assert.match(cluster.ok('get pods -l app=hello --no-headers'), /1\/1 +Running +0 /)

  await cluster.stop()
  const down = runSampan(['down', '--data-dir', cluster.dataDir])
  assert.equal(down.code, 0, down.stderr)
  assert.match(down.stdout, /1 app process stopped/)
  assert.deepEqual(workloadProcesses(cluster.dataDir), [])
  const memoryDir = memoryDirOf(join(cluster.dataDir, 'node'))
  const left = [memoryDir, networkDirOf(memoryDir)].filter((folder) => existsSync(folder))
  assert.deepEqual(left, [], "nothing of the pods' Secrets stays in memory")
})

test('the plain port takes the token of the first start, and nobody without one', async () => {
  await using cluster = await openCluster()
  const url = /and (http:\S+)/.exec(cluster.output())?.[1] ?? ''
  const token = readFileSync(join(cluster.dataDir, 'credentials', 'admin.token'), 'utf8').trim()
  const path = `${url}/api/v1/namespaces/default`
  assert.equal((await ask(path)).status, 401)
  assert.equal((await ask(path, { headers: { authorization: `Bearer ${token}x` } })).status, 401)
  const answer = await ask(path, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(answer.status, 200)
  assert.equal(statSync(join(cluster.dataDir, 'credentials', 'admin.token')).mode & 0o777, 0o600)
  const logs = readFileSync(join(cluster.dataDir, 'logs', 'server.log'), 'utf8')
  assert.ok(!logs.includes(token), 'no secret in a log')
})

test('a killed supervisor takes its processes along and no app', async () => {
  await using cluster = await openCluster({ args: ['--example'] })
  await until('the example is deployed', () => (/^app/m.test(cluster.output()) ? true : undefined))
  const apps = workloadProcesses(cluster.dataDir)
  const parts = (['server', 'agent', 'gateway'] as const).map((name) => cluster.pidOf(name))
  process.kill(cluster.pidOf('supervisor'), 'SIGKILL')
  await until('the parts have ended', () => (parts.every((pid) => !isAlive(pid)) ? true : undefined))
  assert.deepEqual(workloadProcesses(cluster.dataDir), apps)
  await cluster.start()
  assert.match(cluster.ok('get pods -l app=hello --no-headers'), /1\/1 +Running +0 /)
})

test('a signal that comes again and again ends Sampan once, and in order', async () => {
  await using cluster = await openCluster()
  const pid = cluster.pidOf('supervisor')
  await until('it has ended', () => {
    if (!isAlive(pid)) return true
    process.kill(pid, 'SIGINT')
    return undefined
  })
  assert.match(cluster.output(), /^ended; /m)
  assert.ok(!existsSync(join(cluster.dataDir, 'run', 'up.json')), 'nobody has to clear up after it')
})

test('all parts killed at once come back', async () => {
  await using cluster = await openCluster({ args: ['--example'] })
  await until('the example is deployed', () => (/^app/m.test(cluster.output()) ? true : undefined))
  const parts = (['server', 'agent', 'gateway'] as const).map((name) => cluster.pidOf(name))
  for (const pid of parts) process.kill(pid, 'SIGKILL')
  await until('the parts have ended', () => (parts.every((pid) => !isAlive(pid)) ? true : undefined))
  const answer = await until('the app is on its URL', async () => {
    const got = await ask(`${cluster.gatewayUrl}/`)
    return got.status === 200 ? got : undefined
  })
  assert.match(answer.body, /^Hello from hello-/)
  assert.match(cluster.ok('get pods -l app=hello --no-headers'), /1\/1 +Running +0 /)
})

test('who waits is told what for, and the end comes at once all the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-silent-'))
  const silent = createServer(() => {}).listen(0, '127.0.0.1') // takes connections and says nothing
  try {
    await once(silent, 'listening')
    const store = `etcd://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const listen = ['--listen', '127.0.0.1:0', '--tls-listen', '127.0.0.1:0']
    const started = startSampan(['server', '--data-dir', folder, ...listen, '--store', store])
    await until('it says what it waits for', () =>
      started.output().includes(`waiting     for the server: ${join(folder, 'logs', 'server.log')} says`)
        ? true
        : undefined,
    )
    assert.match(readFileSync(join(folder, 'logs', 'server.log'), 'utf8'), /opening the store.*"kind":"etcd"/)
    await started.end()
    assert.doesNotMatch(started.output(), /^ready$/m)
  } finally {
    silent.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a part that can not start ends sampan up with a reason, not in a loop', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-broken-'))
  try {
    const saboteur = join(folder, 'saboteur.cjs')
    writeFileSync(saboteur, "if (process.argv[2] === 'server') process.exit(5)")
    const listen = [
      '--listen',
      '127.0.0.1:0',
      '--tls-listen',
      '127.0.0.1:0',
      '--gateway-listen',
      '127.0.0.1:0',
    ]
    const args = [join(root, 'bin', 'sampan'), 'up', '--data-dir', join(folder, 'data'), ...listen]
    const env = { ...process.env, NODE_OPTIONS: `--require ${saboteur}` }
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 60_000 })
    assert.equal(status, 1, stderr)
    assert.match(stderr, /^sampan: the server ended 4 times before it was ready: its log says why$/m)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the package as it is published runs; idle it takes less than twice what four bare processes take', async () => {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'sampan-package-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const build = spawnSync(process.execPath, [join(root, 'tools', 'build.ts'), folder], { encoding: 'utf8' })
  assert.equal(build.status, 0, build.stderr)
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  // Pages of the interpreter count by how many share them: nobody else uses this one.
  const node = join(folder, 'node')
  copyFileSync(process.execPath, node)
  const bare = await bareProcessesMiB(node)

  const sampan = { node, file: join(folder, 'bin', 'sampan') }
  const cluster = stack.use(await openCluster({ sampan }))
  await cluster.stop()
  await cluster.start() // the second start is the usual one: the first makes certificates
  await until('the node is ready', () =>
    /^node-1 +Ready/.test(cluster.ok('get nodes --no-headers')) ? true : undefined,
  )
  const taken = await until('memory of the start is given back', () => {
    const mib = processesOf(cluster.pidOf('supervisor')).reduce((sum, pid) => sum + pssMiB(pid), 0)
    return mib < 1.9 * bare ? mib : undefined
  })
  console.log(`idle ${taken.toFixed(0)} MiB, four bare processes ${bare.toFixed(0)} MiB`)
})

async function bareProcessesMiB(node: string): Promise<number> {
  const code = 'setInterval(() => {}, 1e9); console.log()'
  const processes = Array.from({ length: 4 }, () => spawn(node, ['-e', code]))
  await Promise.all(processes.map(({ stdout }) => once(stdout, 'data')))
  const mib = processes.reduce((sum, { pid = 0 }) => sum + pssMiB(pid), 0)
  for (const bare of processes) bare.kill('SIGKILL')
  await Promise.all(processes.map((bare) => once(bare, 'exit')))
  return mib
}

/** The process and its children. */
const processesOf = (pid: number): readonly number[] => [
  pid,
  ...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number),
]

/** What is its own, and its share of what it shares. */
const pssMiB = (pid: number): number =>
  Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // no such process
  }
}
