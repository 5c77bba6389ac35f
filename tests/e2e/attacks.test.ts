/** What a hostile package gets at, at each level of the sandbox. The table that it yields is the one in docs/security.md. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { memoryDirOf } from '../../src/node/memory-dir.ts'
import { isPresent } from '../../tools/parts.ts'
import { openCluster, root, until, type Cluster } from '../support/cluster.ts'
import { install, mountByLink, openTarget, pod, type Target } from '../support/attacks.ts'
import { openHosts } from '../support/hosts.ts'
import { image, yaml } from '../support/manifests.ts'

type Verdicts = Record<string, 'held' | 'broken'>
/** As an operator would ask for it, who need not ask for the last. */
const levels = { none: 'none', permission: 'permission', 'bubblewrap (the default)': '' }
const page = join(root, 'docs', 'security.md')
const marker = 'hidden'
const secret = `${marker}-of-the-victim`
const missing = ['bwrap', 'iptables', 'ip'].find((program) => !isPresent(program))
const skip =
  process.getuid?.() !== 0
    ? 'the table is that of an agent that is root'
    : missing !== undefined
      ? `${missing} is not installed`
      : false
const found = new Map<string, Verdicts>()

for (const [level, setting] of Object.entries(levels)) {
  test(`attacks at level ${level}`, { skip, timeout: 400_000 }, async (t) => {
    await using hosts = await openHosts()
    await using target = await openTarget(hosts.hub)
    const { dataDir, planted, registry } = target
    const env = { SAMPAN_SANDBOX: setting, npm_config_registry: registry }
    await using cluster = await openCluster({ env, host: hosts.hub, dataDir })
    startVictim(cluster)
    await until('the victim runs', () => isRunning(cluster, 'victim'))
    startFill(cluster)
    const verdicts = {
      ...(await attack(cluster, target, setting || 'bubblewrap')),
      'takes memory without end': await takeMemory(cluster),
      'mounts a place of the node by a link in its volume': await mountByLink(cluster),
      'writes logs without end': await floodLog(cluster),
      'fills the disk': await hasFilled(cluster),
      'writes elsewhere by a path in its tarball': await install(cluster, planted, 'by-path'),
      'writes elsewhere by a link in its tarball': await install(cluster, planted, 'by-link'),
      'runs a script as it is installed': await install(cluster, planted, 'by-script'),
    }
    found.set(level, verdicts)
    t.diagnostic(JSON.stringify(verdicts))
  })
}

after(() => {
  const names = Object.keys(levels)
  const [first] = found.values()
  if (!first || found.size < names.length) return
  const rows = Object.keys(first).map(
    (name) => `| ${name} | ${names.map((level) => found.get(level)?.[name] ?? '?').join(' | ')} |`,
  )
  const table = [`| a hostile package … | ${names.join(' | ')} |`, '| --- | --- | --- |', ...rows].join('\n')
  const text = readFileSync(page, 'utf8')
  const updated = text.replace(/^\| a hostile package[^]*?\n(?=\n)/m, () => `${table}\n`)
  if (process.env['UPDATE'] === '1') writeFileSync(page, updated)
  else assert.equal(text, updated, 'docs/security.md says something else; UPDATE=1 writes it anew')
})

function startVictim(cluster: Cluster): void {
  const wait = `require('node:fs').writeFileSync(process.env.HOME + '/note', process.env.TOKEN); setInterval(() => {}, 1000)`
  const container = {
    name: 'victim',
    image: image('hello'),
    command: ['node', '--eval', wait],
    env: [{ name: 'TOKEN', value: secret }],
    volumeMounts: [{ name: 'secret', mountPath: '/secret' }],
  }
  const objects = yaml(
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'victim' }, stringData: { token: secret } },
    pod('victim', {
      containers: [container],
      volumes: [{ name: 'secret', secret: { secretName: 'victim' } }],
    }),
  )
  cluster.ok('apply -f -', { input: objects })
}

async function attack(
  cluster: Cluster,
  { loopback, metadata, shared }: Target,
  level: string,
): Promise<Verdicts> {
  const env = {
    MARKER: marker,
    DATA_DIR: cluster.dataDir,
    MEMORY_DIRS: memoryDirOf(join(cluster.dataDir, 'node')),
    AGENT_PID: String(cluster.pidOf('agent')),
    LOOPBACK_PORT: String(loopback),
    METADATA_PORT: String(metadata),
    SHARED_PORT: String(shared),
  }
  const start = (name: string, more: Record<string, string>, spec: object) => {
    const container = {
      name,
      image: image('hostile'),
      env: Object.entries({ ...env, ...more }).map(([key, value]) => ({ name: key, value })),
    }
    const { metadata: own, ...rest } = pod(name, { containers: [container], ...spec })
    // By itself a pod with a user of its own gets bubblewrap, wherever it is.
    const annotations = { 'sampan.dev/sandbox': level }
    cluster.ok('apply -f -', { input: yaml({ ...rest, metadata: { ...own, annotations } }) })
  }
  start('hostile', {}, {})
  const own = await results(cluster, 'hostile')
  // As a user and a group of its choice a pod gets no further.
  start('disguised', { ONLY: 'reaches' }, { securityContext: { runAsUser: 1_000, runAsGroup: 1_000 } })
  const disguised = await results(cluster, 'disguised')
  assert.deepEqual(disguised, Object.fromEntries(Object.keys(disguised).map((name) => [name, own[name]])))
  return own
}

async function results(cluster: Cluster, name: string): Promise<Verdicts> {
  const said = () => /^RESULTS (.*)$/m.exec(cluster.kubectl(['logs', name]).stdout)?.[1]
  const line = await until(`the attacks of ${name} are over`, said, 150_000)
  assert.match(cluster.ok(['logs', name]), /^API reached$/m)
  return JSON.parse(line) as Verdicts
}

async function takeMemory(cluster: Cluster): Promise<'held' | 'broken'> {
  const take = `const kept = []; while (kept.length < 512) kept.push(Buffer.alloc(1024 * 1024, 1)); console.log('taken')`
  const container = {
    name: 'glutton',
    image: image('hello'),
    command: ['node', '--eval', take],
    resources: { limits: { memory: '128Mi' } },
  }
  cluster.ok('apply -f -', { input: yaml(pod('glutton', { containers: [container] })) })
  const path = 'jsonpath={.status.containerStatuses[0].state.terminated.reason}'
  const reason = await until(
    'it has ended',
    () => cluster.ok(['get', 'pod', 'glutton', '-o', path]) || undefined,
  )
  return reason === 'OOMKilled' ? 'held' : 'broken'
}

/** More than is kept of it is written; held when what is left of it stays within what is said. */
async function floodLog(cluster: Cluster): Promise<'held' | 'broken'> {
  const flood = `
    const chunk = Buffer.alloc(1024 * 1024, 'A line of nothing in particular.\\n')
    for (let written = 0; written < ${floodMiB}; written++) require('node:fs').writeSync(1, chunk)
    setInterval(() => {}, 1000)`
  const container = { name: 'flood', image: image('hello'), command: ['node', '--eval', flood] }
  cluster.ok('apply -f -', { input: yaml(pod('flood', { containers: [container] })) })
  const uid = cluster.ok(['get', 'pod', 'flood', '-o', 'jsonpath={.metadata.uid}'])
  const folder = join(cluster.dataDir, 'node', 'pods', uid)
  const isWritten = () => sizeOf(folder, 'size') >= floodMiB * 1024 * 1024 || undefined
  const isSmall = () => sizeOf(folder, 'blocks') * 512 <= logMiBMax * 1024 * 1024 || undefined
  await until('the flood is written', isWritten)
  return await until('little is left of it', isSmall, 100_000).then(
    () => 'held' as const,
    () => 'broken' as const,
  )
}

/**
 * It has a limit, and writes where it can without being told where: to the folder for temporary files. The file stays for longer than
 * an agent on a busy machine takes to look.
 */
function startFill(cluster: Cluster): void {
  const fill = `
    const fs = require('node:fs'), file = require('node:os').tmpdir() + '/sampan-attack-' + process.pid
    fs.writeFileSync(file, Buffer.alloc(256 * 1024 * 1024, 1))
    setTimeout(() => fs.rmSync(file), 30_000)`
  const resources = { limits: { 'ephemeral-storage': '64Mi' } }
  const container = { name: 'fill', image: image('hello'), command: ['node', '--eval', fill], resources }
  cluster.ok('apply -f -', { input: yaml(pod('fill', { containers: [container] })) })
}

async function hasFilled(cluster: Cluster): Promise<'held' | 'broken'> {
  const path = 'jsonpath={.status.phase} {.status.reason}'
  return await until('it is evicted or through', () => {
    const status = cluster.ok(['get', 'pod', 'fill', '-o', path])
    if (status === 'Failed Evicted') return 'held' as const
    return status.startsWith('Succeeded') ? ('broken' as const) : undefined
  })
}

const floodMiB = 512
/** Five segments of 10 MiB, twice that of what is not yet read, and something for everything else. */
const logMiBMax = 160

/** Files with holes take less room than their size says. */
function sizeOf(folder: string, what: 'size' | 'blocks'): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files.reduce(
    (sum, file) => sum + (statSync(join(folder, file), { throwIfNoEntry: false })?.[what] ?? 0),
    0,
  )
}

const isRunning = (cluster: Cluster, name: string): true | undefined =>
  cluster.ok(['get', 'pod', name, '-o', 'jsonpath={.status.phase}']) === 'Running' ? true : undefined
