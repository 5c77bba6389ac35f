import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Container } from '../api/schema/types.gen.ts'
import { writeSpec } from '../runtime/process/records.ts'
import type { Mount } from './mounts.ts'
import { makePermission, permittedCommand } from './permission.ts'
import { podPaths } from './pod-records.ts'
import type { SandboxPolicy } from './sandbox-level.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sampan-permission-'))
  await mkdir(join(folder, 'app'))
})
after(() => rm(folder, { recursive: true }))

const mount = (mountPath: string, readOnly = false): Mount => ({
  source: folder,
  mountPath,
  readOnly,
  isFile: false,
})

interface Facts {
  readonly argv?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly mounts?: readonly Mount[]
  readonly version?: string
  readonly asks?: string
  readonly policy?: SandboxPolicy
  readonly securityContext?: Container['securityContext']
}

function make({ argv, asks, env, mounts, policy, securityContext, version }: Facts) {
  const container: Container = { name: 'c', image: 'dir:/x', ...(securityContext && { securityContext }) }
  const annotations = { ...(asks !== undefined && { 'sampan.dev/permissions': asks }) }
  return makePermission({
    context: { ...(policy && { sandboxPolicy: policy }) },
    pod: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', annotations },
      spec: { containers: [container] },
    },
    container,
    paths: podPaths(folder, 'uid'),
    prepared: {
      scheme: 'dir',
      folder: join(folder, 'app'),
      name: 'app',
      version: '',
      integrity: '',
      skippedScripts: [],
      node: { path: process.execPath, version: version ?? process.versions.node },
    },
    mounts: mounts ?? [],
    attempt: 1,
    argv: argv ?? [process.execPath, 'main.js'],
    env: env ?? {},
  })
}

test('a container has its package, its volumes, its home and a folder for temporary files', () => {
  const { permission, temporary } = make({ mounts: [mount('/data/'), mount('/config', true)] })
  const { home } = podPaths(folder, 'uid')
  assert.deepEqual(permission.read, [join(folder, 'app'), process.execPath, '/config'])
  assert.deepEqual(permission.write, ['/data', home, temporary])
  assert.deepEqual(permission.extra, [])
  assert.ok(existsSync(temporary))
})

test('a root that is only read takes its home and its temporary files with it', () => {
  const { permission } = make({
    mounts: [mount('/data')],
    securityContext: { readOnlyRootFilesystem: true },
  })
  assert.deepEqual(permission.write, ['/data'])
})

test('it gets what it asks for beyond that, where pods may do without a sandbox', () => {
  const { permission } = make({ asks: 'worker, child-process' })
  assert.deepEqual(permission.extra, ['child-process', 'worker'])
})

const least: SandboxPolicy = { usual: 'permission', least: 'permission' }
const rows: readonly { readonly name: string; readonly facts: Facts; readonly why: RegExp }[] = [
  {
    name: 'another program',
    facts: { argv: ['/bin/sh', '-c', 'x'] },
    why: /sh is not Node\.js; leave that out, or/,
  },
  { name: 'another Node.js', facts: { argv: ['/usr/bin/node', 'x'] }, why: /node is not Node\.js/ },
  { name: 'an option', facts: { argv: [process.execPath, '--no-permission', 'x'] }, why: /--no-permission/ },
  {
    name: 'an option by the environment',
    facts: { env: { NODE_OPTIONS: '--allow-worker' } },
    why: /--allow-worker/,
  },
  { name: 'native code', facts: { env: { LD_PRELOAD: '/x.so' } }, why: /LD_PRELOAD/ },
  {
    name: 'a volume over everything',
    facts: { mounts: [mount('/')] },
    why: /a volume at \/ would stand in for/,
  },
  ...[
    '/usr/bin',
    '/lib',
    '/etc/ld.so.preload',
    '/etc/ssl/openssl.cnf',
    '/proc/self',
    process.execPath,
    dirname(process.execPath),
    '/data/..',
  ].map((path) => ({
    name: `a volume over ${path === dirname(process.execPath) ? 'the folder of Node.js' : path}`,
    facts: { mounts: [mount(path)] },
    why: /would stand in for what the system and Node\.js run/,
  })),
  {
    name: 'a volume within another one, in which a link may come up',
    facts: { mounts: [mount('/data/within'), mount('/data')] },
    why: /the volume at \/data\/within lies within the one at \/data/,
  },
  { name: 'a volume with a wildcard', facts: { mounts: [mount('/*')] }, why: /"\/\*" is a path/ },
  {
    name: 'a Node.js whose model has holes',
    facts: { version: '20.20.2' },
    why: /20\.20\.2 does not hold/,
  },
  { name: 'privileges', facts: { securityContext: { privileged: true } }, why: /can not have privileged/ },
  { name: 'something unknown', facts: { asks: 'network' }, why: /has "network"; write some of addons/ },
  {
    name: 'more than the node lets pods have',
    facts: { asks: 'worker', policy: least },
    why: /leads around/,
  },
]
for (const { name, facts, why } of rows)
  test(`refused with its reason: ${name}`, () => assert.throws(() => make(facts), why))

test('a link of the machine leads no volume over its programs; what else there is may be covered', async () => {
  await symlink('/usr', join(folder, 'link'))
  const over = (path: string) => () => make({ mounts: [mount(path)] })
  for (const below of ['link', 'link/bin', 'link/bin/new'])
    assert.throws(over(join(folder, below)), /would stand in for/, below)
  for (const path of ['/usr/src/app', '/etc/ssl/certs', '/srv', join(folder, 'new', 'er')]) over(path)()
  const agents = { ...mount('/var/run'), isAgents: true }
  assert.ok(make({ mounts: [agents, mount('/var/run/in')] }))
})

test('a command beside the program is its Node.js, with options that leave the model alone', async () => {
  const stateDir = await mkdtemp(join(folder, 'state-'))
  const handle = { id: 'x', runtime: 'process', stateDir, bootId: '', pid: 1, startTicks: 1, startedAt: '' }
  assert.deepEqual(await permittedCommand(handle, ['ls']), ['ls'], 'without the model everything goes')
  const { permission } = make({})
  const shared = { id: 'x', argv: ['node'], cwd: '/', env: {}, address: '', node: true, stateDir }
  writeSpec({ ...shared, stdoutPath: '', stderrPath: '', permission }, 'boot')
  const asked = [
    ['node', '-p', '1'],
    [process.execPath, 'probe.js', '--allow-worker'],
  ]
  for (const argv of asked)
    assert.deepEqual(await permittedCommand(handle, argv), [process.execPath, ...argv.slice(1)])
  await assert.rejects(permittedCommand(handle, ['sh', '-c', 'x']), /but sh is not Node\.js: run node, or/)
  await assert.rejects(permittedCommand(handle, ['./node']), /is not Node\.js/)
  await assert.rejects(permittedCommand(handle, ['node', '--allow-worker', '-p', '1']), /--allow-worker/)
})
