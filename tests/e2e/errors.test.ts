/**
 * What can be wrong before Sampan runs: addresses, folders, databases. Each time the cause and the next step are named,
 * nothing is changed, and the Sampan that runs beside goes on.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, test } from 'node:test'
import { openCluster, runSampan, startSampan, until, type Cluster } from '../support/cluster.ts'
import { ask } from '../support/http.ts'
import { configMap, deployment, ingress, service, yaml } from '../support/manifests.ts'

let cluster: Cluster
const folder = mkdtempSync(join(tmpdir(), 'sampan-errors-'))
const witness = () => ask(cluster.gatewayUrl, { host: 'witness.localhost' })

before(async () => {
  cluster = await openCluster()
  const witnessed = [
    deployment({ name: 'witness' }),
    service('witness'),
    ingress('witness', 'witness.localhost'),
  ]
  cluster.ok('apply -f -', { input: yaml(...witnessed) })
  cluster.ok('rollout status deployment/witness --timeout=60s')
  await until('the witness answers', async () => ((await witness()).status === 200 ? true : undefined))
})
after(async () => {
  await cluster[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(async () => {
  assert.equal((await witness()).body, 'hello /\n', 'another app on the same machine goes on')
})

const anyPorts = ['--listen', '127.0.0.1:0', '--tls-listen', '127.0.0.1:0', '--gateway-listen', '127.0.0.1:0']
const up = (dataDir: string, ...more: readonly string[]) =>
  runSampan(['up', '--data-dir', dataDir, ...anyPorts, ...more])

/** It ended by itself, with one line of explanation and without a stack. */
function assertRefusal(
  { code, stdout, stderr }: ReturnType<typeof runSampan>,
  message: string | RegExp,
): void {
  assert.equal(code, 1, `exit code; it said: ${stderr}${stdout}`)
  if (typeof message === 'string') assert.equal(stderr, `sampan: ${message}\n`)
  else assert.match(stderr, message)
  assert.doesNotMatch(stderr, /^ +at /m, 'no stack')
  assert.doesNotMatch(stdout, /^ready$/m)
}

test('an address in use is named with its flag', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => server.close())
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const flag of ['--listen', '--tls-listen', '--gateway-listen']) {
    const dataDir = join(folder, `ports${flag}`)
    assertRefusal(
      up(dataDir, flag, address),
      `can't listen on ${address}: another program listens there. Choose another address with ${flag} HOST:PORT`,
    )
    assert.equal(existsSync(join(dataDir, 'run', 'up.json')), false, 'nothing is left running')
  }
})

test('an address of another machine', () => {
  assertRefusal(
    up(join(folder, 'foreign'), '--listen', '198.51.100.7:8888'),
    "can't listen on 198.51.100.7:8888: this machine has no such address. Choose another address with --listen HOST:PORT",
  )
})

for (const text of [
  'nonsense',
  '127.0.0.1:',
  '127.0.0.1:65536',
  '127.0.0.1:80a',
  ':-1',
  'http://127.0.0.1:80',
  '',
]) {
  test(`--listen ${JSON.stringify(text)}`, () => {
    const dataDir = join(folder, 'never')
    assertRefusal(
      up(dataDir, '--listen', text),
      `--listen ${JSON.stringify(text)} is no address: write HOST:PORT, for example 127.0.0.1:8888`,
    )
    assert.equal(existsSync(dataDir), false)
  })
}

test('unknown commands, flags and values', () => {
  assertRefusal(runSampan(['sail']), /^sampan: unknown command 'sail'/)
  assertRefusal(up(join(folder, 'never'), '--colour', 'red'), /^sampan: unknown option '--colour'/)
  assertRefusal(up(join(folder, 'store'), '--store', 'paper:'), /^sampan: .*paper:.*sqlite:/)
  assertRefusal(
    up(join(folder, 'name'), '--name', 'Not A Name'),
    /^sampan: .*--name "Not A Name".*lower case/,
  )
})

test('a second Sampan in the same data directory', () => {
  const [api = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(cluster.output()) ?? []
  const pid = cluster.pidOf('supervisor')
  const message = `Sampan already runs here, as process ${pid}, with its API at ${api}. End it with \`kill ${pid}\`, which leaves its apps running, or with \`sampan down --data-dir ${cluster.dataDir}\`, which ends them, too; or start another one with a different --data-dir`
  assertRefusal(up(cluster.dataDir), message)
  const join = ['join', 'https://127.0.0.1:1', '--token', 'none', '--data-dir', cluster.dataDir]
  assertRefusal(runSampan(join), message)
  assert.equal(cluster.kubectl('get deployment witness').code, 0)
})

test('of five that start at once on one data directory one runs, and the next when that was killed', async (t) => {
  const dataDir = join(folder, 'at-once')
  const ends: (() => Promise<void>)[] = []
  t.after(() => Promise.all(ends.map((end) => end())))
  const started = () => {
    const one = startSampan(['server', '--data-dir', dataDir, '--store', 'memory:', ...anyPorts.slice(0, 4)])
    ends.push(one.end)
    return one
  }
  const all = Array.from({ length: 5 }, started)
  const isDecided = () => all.every(({ code, output }) => code() !== undefined || /^ready$/m.test(output()))
  await until('each runs or was refused', () => isDecided() || undefined)
  const runs = all.filter(({ code }) => code() === undefined)
  assert.equal(runs.length, 1, all.map(({ output }) => output()).join('\n'))
  const [winner] = runs
  for (const refused of all.filter((one) => one !== winner)) {
    assert.equal(refused.code(), 1)
    assert.match(refused.output(), new RegExp(`already runs here, as process ${winner?.pid}\\b.*sampan down`))
  }
  process.kill(winner?.pid ?? 0, 'SIGKILL')
  await until('it is gone', () => winner?.code() !== undefined || undefined)
  const next = started()
  await until('the next one is ready', () => /^ready$/m.test(next.output()) || undefined)
})

test('a data directory that is none', () => {
  const file = join(folder, 'file')
  writeFileSync(file, 'precious')
  assertRefusal(
    up(file),
    new RegExp(`^sampan: can't use ${file} as the data directory: .*Choose another with --data-dir\n$`),
  )
  assertRefusal(
    up(join(file, 'below')),
    /can't use .*\/file\/below as the data directory: ENOTDIR.*--data-dir/,
  )
  assert.equal(readFileSync(file, 'utf8'), 'precious')
})

test('a data directory that cannot be written to', (t) => {
  if (process.getuid?.() !== 0) return t.skip('mounting a read-only folder needs root')
  const dataDir = join(folder, 'read-only')
  mkdirSync(dataDir)
  run('mount', '-t', 'tmpfs', '-o', 'ro', 'tmpfs', dataDir)
  t.after(() => run('umount', dataDir))
  assertRefusal(up(dataDir), /can't use .*\/read-only as the data directory: EROFS.*--data-dir/)
})

test('databases that are none of ours, damaged, or of a later Sampan', async (t) => {
  const good = join(folder, 'good')
  await makeDatabase(good)
  const damage = (name: string, change: (file: string) => void): string => {
    const dataDir = join(folder, name)
    cpSync(good, dataDir, { recursive: true })
    change(join(dataDir, 'store.db'))
    return dataDir
  }
  const foreign = damage('foreign-db', (file) => writeFileSync(file, 'a diary, not a database\n'.repeat(50)))
  const broken = damage('broken-db', (file) => {
    const bytes = readFileSync(file)
    // Every page but the first: the header is fine, what it leads to is not.
    bytes.fill(0xa5, 4096)
    writeFileSync(file, bytes)
  })
  const short = damage('short-db', (file) => writeFileSync(file, readFileSync(file).subarray(0, 5_000)))
  const newer = damage('newer-db', (file) => {
    using database = new DatabaseSync(file)
    database.exec('PRAGMA user_version = 99')
  })
  const cases = [
    {
      dataDir: foreign,
      says: /^sampan: (.*) is not a Sampan database, .*Nothing was changed\. .*restore a backup/,
    },
    { dataDir: broken, says: /^sampan: The database (.*) is damaged: .*keep a copy.*restore a backup/ },
    { dataDir: short, says: /^sampan: The database (.*) is damaged: .*keep a copy.*restore a backup/ },
    {
      dataDir: newer,
      says: /^sampan: (.*) has format 99, written by a later Sampan; .*Nothing was changed\. Start the later version/,
    },
  ]
  for (const { dataDir, says } of cases) {
    await t.test(dataDir.slice(folder.length + 1), () => {
      const file = join(dataDir, 'store.db')
      const bytes = readFileSync(file)
      const outcome = up(dataDir)
      assertRefusal(outcome, says)
      assert.equal(says.exec(outcome.stderr)?.[1], file)
      assert.ok(readFileSync(file).equals(bytes), 'not a byte of it has changed')
    })
  }
})

/** A data directory that has been used and left. */
async function makeDatabase(dataDir: string): Promise<void> {
  mkdirSync(dataDir)
  await using used = await openCluster({ dataDir })
  for (let i = 0; i < 20; i++) used.ok(`create configmap c${i} --from-literal=a=${'x'.repeat(2_000)}`)
}

test('a kubeconfig that was deleted is written again', async (t) => {
  const dataDir = join(folder, 'kubeconfig')
  mkdirSync(dataDir)
  const own = await openCluster({ dataDir })
  t.after(() => own[Symbol.asyncDispose]())
  own.ok('apply -f -', { input: yaml(configMap('kept', {})) })
  rmSync(own.kubeconfig)
  const without = own.kubectl('get cm kept')
  assert.equal(without.code, 1)
  await own.stop()
  await own.start()
  own.ok('get cm kept')
  assert.ok(readdirSync(dataDir).includes('kubeconfig'))
})

test('down where nothing runs', () => {
  const nothing = join(folder, 'nothing')
  const { code, stdout } = runSampan(['down', '--data-dir', nothing])
  assert.equal(code, 0)
  assert.equal(stdout, `no app was running in ${nothing}, which is not there\n`)
})

function run(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`)
}
