/** Sampan as a service of the machine: the unit of systemd, and what is there again after a reboot. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { memoryDirOf } from '../../src/node/memory-dir.ts'
import { dataDir } from '../../src/main/data-dir.ts'
import { isPresent } from '../../tools/parts.ts'
import { openCluster, runSampan, until } from '../support/cluster.ts'
import { image, yaml } from '../support/manifests.ts'
import { workloadProcesses } from '../support/workloads.ts'

test('a service is installed once, says nothing secret, and is gone again', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-service-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const where = ['--unit-dir', join(folder, 'units')]
  const dir = join(folder, 'data')
  const service = (...args: readonly string[]) => runSampan(['service', ...args])
  const install = ['install', ...where, 'join', 'https://a.test:1', '--token', 'secret', '--data-dir', dir]
  const unit = join(folder, 'units', 'sampan.service')

  const printed = service(...install.toSpliced(1, 0, '--print'))
  assert.equal(printed.code, 0, printed.stderr)
  assert.ok(!existsSync(unit) && !existsSync(dir))

  assert.match(service(...install).stdout, /sampan\.service written/)
  const text = readFileSync(unit, 'utf8')
  assert.equal(text, printed.stdout)
  assert.ok(!text.includes('secret'))
  const environment = join(dir, 'service.env')
  assert.match(readFileSync(environment, 'utf8'), /^SAMPAN_JOIN_TOKEN="secret"$/m)
  assert.equal(statSync(environment).mode & 0o777, 0o600)
  assert.match(service(...install).stdout, /sampan\.service is as it should be/)
  if (isPresent('systemd-analyze')) {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    assert.doesNotMatch(stderr, /sampan\.service/)
  } else
    t.diagnostic('systemd-analyze is not here: the unit was looked at by src/main/service/unit.test.ts only')

  const status = service('status', ...where)
  assert.equal(status.code, 1)
  assert.match(status.stdout, /sampan join https:\/\/a\.test:1/)
  assert.match(service('uninstall', ...where).stdout, /removed; apps go on/)
  assert.ok(!existsSync(unit) && !existsSync(environment))
  assert.equal(service('uninstall', ...where).code, 0)
  assert.match(service('install', ...where, 'down').stderr, /there is no service of "down"/)
})

test('what its command would not take is refused before a unit is written', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-service-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const install = (...args: readonly string[]) =>
    runSampan(['service', 'install', '--unit-dir', join(folder, 'units'), ...args])
  const dir = ['--data-dir', join(folder, 'data')]
  const rows: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [
      ['up', '--colour', ...dir],
      /`sampan up` does not take "--colour": `sampan up --help` says what it takes/,
    ],
    [['up', '--unit-dir', 'elsewhere', ...dir], /does not take "--unit-dir".* itself stands before up/],
    [['server', 'https://a.test', ...dir], /`sampan server` does not take "https:\/\/a\.test"/],
    [['join', ...dir], /`sampan join` needs <url>: https:\/\/HOST:PORT/],
    [['up', '--listen'], /option '--listen <host:port>' argument missing/],
  ]
  for (const [args, says] of rows) {
    const { code, stderr } = install(...args)
    assert.equal(code, 1)
    assert.match(stderr, says)
  }
  const printed = install('up', ...dir, '--print')
  assert.match(printed.stdout, /^ExecStart=.* up --data-dir \S+data$/m, 'also behind the command it is ours')
  assert.ok(!existsSync(join(folder, 'units')) && !existsSync(join(folder, 'data')))
})

test('after a reboot pods are started again, and those that end with their machine have failed', async () => {
  await using cluster = await openCluster()
  const pod = (name: string, restartPolicy: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy,
      containers: [{ name: 'app', image: image('hello'), env: [{ name: 'PORT', value: '3000' }] }],
    },
  })
  cluster.ok('apply -f -', { input: yaml(pod('always', 'Always'), pod('never', 'Never')) })
  cluster.ok('wait --for=condition=Ready pod/always pod/never --timeout=60s')
  const ids = (name: string) =>
    cluster.ok(`get pod ${name} -o jsonpath={.status.containerStatuses[0].containerID}`)
  const before = ids('always')
  await cluster.stop()
  reboot(cluster.dataDir)
  await cluster.start()
  await until('it runs again', () => (ids('always') !== before ? true : undefined))
  cluster.ok('wait --for=condition=Ready pod/always --timeout=60s')
  assert.match(cluster.ok('get pod always --no-headers'), /1\/1 +Running +1 /)
  cluster.ok('wait --for=jsonpath={.status.phase}=Failed pod/never --timeout=60s')
})

/** What a reboot leaves: no process, nothing in memory, and records of another boot. */
function reboot(root: string): void {
  for (const { pid } of workloadProcesses(root)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It went with its parent.
    }
  }
  const { node, run } = dataDir(root)
  for (const folder of ['', '.net']) rmSync(`${memoryDirOf(node)}${folder}`, { recursive: true, force: true })
  const files = [...globSync(join(node, 'pods', '**', '*.json')), ...globSync(join(run, '*.json'))]
  const changed = files.filter((file) => {
    const text = readFileSync(file, 'utf8')
    const other = text.replaceAll(/"bootId":"[^"]+"/g, '"bootId":"an-earlier-boot"')
    if (other !== text) writeFileSync(file, other)
    return other !== text
  })
  assert.ok(changed.length >= 2, 'each container has a record of its boot')
}
