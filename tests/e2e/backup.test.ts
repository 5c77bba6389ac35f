/** Backups as their users meet them: taken while writes go on, proved, restored into another data directory, refused when damaged. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openCluster, root, runSampan, type Cluster } from '../support/cluster.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-backup-'))
const file = join(folder, 'mine.backup')
const scheduled = join(folder, 'scheduled')
const plaintext = 'nobody-may-find-this'
const written = 300

let cluster: Cluster
before(async () => {
  const args = ['--backup-dir', scheduled, '--backup-every', '1h', '--backup-keep', '2']
  cluster = await openCluster({ command: 'server', args })
  cluster.ok(`create secret generic one --from-literal=password=${plaintext}`)
})
after(async () => {
  await cluster[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

function sampan(...args: readonly string[]): string {
  const { code, stderr, stdout } = runSampan(args, 60_000)
  assert.equal(code, 0, stderr)
  return stdout
}

const configMap = (i: number) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `load-${String(i).padStart(4, '0')}` },
  })

test('a backup under load is a point in time: each object in it follows all that were written before', async () => {
  const items = Array.from({ length: written }, (_, i) => configMap(i))
  // kubectl sends them one after the other, in this order.
  const loading = cluster.run('create -f -', { input: items.join('\n---\n') })
  while (!cluster.ok('get configmaps -o name').includes('load-0010')); // the load is under way
  const said = sampan('backup', file, '--data-dir', cluster.dataDir)
  assert.match(said, /mine\.backup: \d+ entries as of revision \d+/)
  const { code, stderr } = await loading
  assert.equal(code, 0, stderr)
})

test('it is proved by a control plane of its own, and that is noted beside it', () => {
  assert.match(
    sampan('backup', 'verify', file, '--data-dir', cluster.dataDir),
    /objects came back as they were/,
  )
  const proof = JSON.parse(readFileSync(`${file}.proved.json`, 'utf8')) as Record<string, unknown>
  assert.equal(proof['backup'], 'mine.backup')
  assert.equal(proof['sealed'], 0)
  assert(Number(proof['objects']) > 10)
  assert(Date.now() - Date.parse(String(proof['provedAt'])) < 60_000)
})

test('restored into another data directory, with its keys, the cluster is as it was', async () => {
  const dataDir = join(folder, 'restored')
  cpSync(join(cluster.dataDir, 'pki'), join(dataDir, 'pki'), { recursive: true })
  assert.match(sampan('restore', file, '--data-dir', dataDir), /entries restored, as of 20/)
  const again = runSampan(['restore', file, '--data-dir', dataDir])
  assert.equal(again.code, 1)
  assert.match(again.stderr, /not empty: choose another one, or replace what it holds with --force/)
  await using restored = await openCluster({ command: 'server', dataDir })
  const password = restored.ok('get secret one -o jsonpath={.data.password}')
  assert.equal(Buffer.from(password, 'base64').toString(), plaintext)
  const uid = 'get namespace default -o jsonpath={.metadata.uid}'
  assert.equal(restored.ok(uid), cluster.ok(uid))
  const names = restored
    .ok('get configmaps -o name')
    .split('\n')
    .filter((name) => name.includes('load-'))
  assert(names.length > 10)
  assert.equal(names.at(-1), `configmap/load-${String(names.length - 1).padStart(4, '0')}`)
  // A client of the lost control plane, which has seen more than was backed up.
  const path = '/api/v1/configmaps?watch=1&resourceVersion=500&timeoutSeconds=5'
  const { stdout, stderr } = restored.kubectl(['get', '--raw', path])
  assert.match(stdout + stderr, /too old resource version|410|Expired/i)
})

test('on a terminal a restore says how far it is, and leaves only its result', () => {
  const words = [process.execPath, join(root, 'bin', 'sampan'), 'restore', file]
  const command = [...words, '--data-dir', join(folder, 'watched')].join(' ')
  const { status, stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' })
  assert.equal(status, 0, stdout)
  const lines = stdout.split(`\u001b[K`)
  assert.ok(
    lines.some((line) => /^\d+ of \d+ entries restored \(\d+%\)/.test(line)),
    stdout,
  )
  assert.match(lines.at(-1) ?? '', /^\d+ entries restored, as of 20.*\r\n$/)
})

test('a damaged backup is refused by name, and nothing is restored from it', () => {
  const damaged = join(folder, 'damaged.backup')
  const content = readFileSync(file)
  const at = Math.floor(content.length / 2)
  content[at] = (content[at] ?? 0) ^ 1
  writeFileSync(damaged, content)
  for (const args of [
    ['backup', 'verify', damaged],
    ['restore', damaged, '--data-dir', join(folder, 'nothing')],
  ]) {
    const { code, stderr } = runSampan(args)
    assert.equal(code, 1)
    assert.match(stderr, /damaged\.backup: /)
  }
  assert(!existsSync(`${damaged}.proved.json`))
})

test('what can not work says why before it changes anything', () => {
  const rows: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [
      ['restore', file, '--force', '--data-dir', cluster.dataDir],
      /^sampan: Sampan runs in \S+, as process \d+, and nobody else may open its store meanwhile: end it with `kill \d+`, which leaves apps running/,
    ],
    [
      ['restore', file, '--store', 'memory:'],
      /^sampan: a store in memory is gone when this command ends: write sqlite:/,
    ],
    [['store', 'migrate', `sqlite:${join(folder, 'from.db')}`, 'memory:'], /a store in memory is gone/],
  ]
  for (const [args, says] of rows) {
    const { code, stderr } = runSampan(args)
    assert.equal(code, 1)
    assert.match(stderr, says)
  }
})

test('the server backs up by itself', () => {
  const [name = '', ...others] = readdirSync(scheduled)
  assert.match(name, /^sampan-20.*Z\.backup$/)
  assert.deepEqual(others, [])
  assert.match(sampan('backup', 'verify', join(scheduled, name), '--data-dir', cluster.dataDir), /came back/)
})

test('Secrets lie encrypted, and a rotation brings them under a new key', () => {
  const database = () =>
    ['store.db', 'store.db-wal']
      .map((name) => readFileSync(join(cluster.dataDir, name)).toString('latin1'))
      .join('')
  for (const text of [plaintext, Buffer.from(plaintext).toString('base64')])
    assert(!database().includes(text))
  const [before = ''] = sampan('encryption', 'status', '--data-dir', cluster.dataDir).split('\n')
  assert.match(before, /^k\w+ {2}1 object {2}seals new ones$/)
  const rotated = sampan('encryption', 'rotate', '--data-dir', cluster.dataDir)
  assert.match(rotated, /^k\w+ {2}1 object {2}seals new ones\n1 older key seals nothing\n$/)
  assert.equal(
    Buffer.from(cluster.ok('get secret one -o jsonpath={.data.password}'), 'base64').toString(),
    plaintext,
  )
})

test('who may not, gets no backup', () => {
  cluster.ok('create serviceaccount robot')
  const { code, stderr } = cluster.kubectl(
    'get --raw /sampan/backup --as=system:serviceaccount:default:robot',
  )
  assert.equal(code, 1)
  assert.match(stderr, /cannot get path "\/sampan\/backup"/)
})
