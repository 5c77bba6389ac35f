/** All that a hostile package tries, as pods of one level of the sandbox (`attacks.test.ts`, `attacks-guest.ts`). */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { memoryDirOf } from '../../src/node/memory-dir.ts'
import { install, mountByLink, pod, type Target } from './attacks.ts'
import { until, type Cluster } from './cluster.ts'
import { image, yaml } from './manifests.ts'

export type Verdicts = Record<string, 'held' | 'broken'>

export interface AttackOptions {
  /** By itself a pod with a user of its own gets bubblewrap, wherever it is. */
  readonly level: string
  /** Again as a user and a group of the pod's choice, which only an agent of root can give. */
  readonly isDisguised: boolean
  readonly sizes?: Sizes
  /** What is not tried. */
  readonly without?: readonly string[]
}

export interface Sizes {
  readonly floodMiB: number
  /** Five segments of a log, twice that of what is not yet read, and something for everything else. */
  readonly logMiBMax: number
  readonly fillMiB: number
}

const marker = 'hidden'
const secret = `${marker}-of-the-victim`
/** Those of a log with segments of 10 MiB. */
const defaultSizes: Sizes = { floodMiB: 512, logMiBMax: 160, fillMiB: 256 }

export async function attackAll(cluster: Cluster, target: Target, options: AttackOptions): Promise<Verdicts> {
  const { sizes = defaultSizes, without = [] } = options
  const fills = !without.includes('fills the disk')
  startVictim(cluster)
  await until('the victim runs', () => isRunning(cluster, 'victim'))
  if (fills) startFill(cluster, sizes)
  return {
    ...(await attack(cluster, target, options)),
    'takes memory without end': await takeMemory(cluster),
    'mounts a place of the node by a link in its volume': await mountByLink(cluster),
    'writes logs without end': await floodLog(cluster, sizes),
    ...(fills && { 'fills the disk': await hasFilled(cluster) }),
    'writes elsewhere by a path in its tarball': await install(cluster, target.planted, 'by-path'),
    'writes elsewhere by a link in its tarball': await install(cluster, target.planted, 'by-link'),
    'runs a script as it is installed': await install(cluster, target.planted, 'by-script'),
  }
}

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
  { isDisguised, level, without = [] }: AttackOptions,
): Promise<Verdicts> {
  const env = {
    MARKER: marker,
    WITHOUT: without.join(),
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
  if (!isDisguised) return own
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
async function floodLog(cluster: Cluster, { floodMiB, logMiBMax }: Sizes): Promise<'held' | 'broken'> {
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
function startFill(cluster: Cluster, { fillMiB }: Sizes): void {
  const fill = `
    const fs = require('node:fs'), file = require('node:os').tmpdir() + '/sampan-attack-' + process.pid
    fs.writeFileSync(file, Buffer.alloc(${fillMiB} * 1024 * 1024, 1))
    setTimeout(() => fs.rmSync(file), 30_000)`
  const resources = { limits: { 'ephemeral-storage': `${fillMiB / 4}Mi` } }
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
