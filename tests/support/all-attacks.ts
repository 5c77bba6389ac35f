/** All that a hostile package tries, as pods of each level of the sandbox on one node (`attack-run.ts`). */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { sandboxLevels, type SandboxLevel } from '../../src/api/sandbox-level.ts'
import { memoryDirOf } from '../../src/node/memory-dir.ts'
import { program, type AttackPods } from './attack-pods.ts'
import type { Target } from './attacks.ts'
import { fillDisks, floodLog, podFolder, takeMemory, type Attacked } from './bombs.ts'
import { until } from './cluster.ts'
import { image } from './manifests.ts'
import type { Verdict, Verdicts, VerdictsByLevel } from './verdict-table.ts'

export interface AttackOptions extends Attacked {
  readonly target: Target
  /** Again as a user and a group of the pod's choice, which only an agent of root can give. */
  readonly isDisguised: boolean
}

const patience = Number(process.env['SAMPAN_TEST_PATIENCE'] ?? 1)

/** Level by level, so that none of them disturbs another; filling disks and installing take their time beside them. */
export async function attackAll(options: AttackOptions): Promise<VerdictsByLevel> {
  const [tried, filled, installed] = await Promise.all([
    tryLevels(options),
    fillDisks(options),
    installAll(options),
  ])
  const all = (level: SandboxLevel): Verdicts => ({
    ...tried.get(level),
    'fills the disk': filled.get(level) ?? 'broken',
    ...installed,
  })
  return { none: all('none'), permission: all('permission'), bubblewrap: all('bubblewrap') }
}

async function tryLevels(options: AttackOptions): Promise<ReadonlyMap<SandboxLevel, Verdicts>> {
  const found = new Map<SandboxLevel, Verdicts>()
  for (const level of sandboxLevels) {
    await startVictim(options, level)
    found.set(level, {
      ...(await attack(options, level)),
      'takes memory without end': await takeMemory(options.pods, level),
      'mounts a place of the node by a link in its volume': await mountByLink(options, level),
      'writes logs without end': await floodLog(options, level),
    })
  }
  return found
}

/** What nobody but the victim of that level has. */
const marker = (level: SandboxLevel) => `hidden-${level}`

async function startVictim({ cluster, pods }: Attacked, level: SandboxLevel): Promise<void> {
  const name = `victim-${level}`
  const secret = `${marker(level)}-of-the-victim`
  const wait = `require('node:fs').writeFileSync(process.env.HOME + '/note', process.env.TOKEN); setInterval(() => {}, 1000)`
  await pods.addSecret(name, { token: secret })
  const { metadata } = await pods.start(name, level, {
    containers: [
      {
        ...program('victim', wait),
        env: [{ name: 'TOKEN', value: secret }],
        volumeMounts: [{ name: 'secret', mountPath: '/secret' }],
      },
    ],
    volumes: [{ name: 'secret', secret: { secretName: name } }],
  })
  const folder = podFolder(cluster, metadata.uid)
  const files = () => readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const hasHidden = () => files().some((file) => file.endsWith('/note')) || undefined
  await until(`${name} has something to hide`, hasHidden)
}

async function attack(options: AttackOptions, level: SandboxLevel): Promise<Verdicts> {
  const { cluster, isDisguised, pods, target } = options
  const env = {
    MARKER: marker(level),
    DATA_DIR: cluster.dataDir,
    MEMORY_DIRS: memoryDirOf(join(cluster.dataDir, 'node')),
    AGENT_PID: String(cluster.pidOf('agent')),
    LOOPBACK_PORT: String(target.loopback),
    METADATA_PORT: String(target.metadata),
    SHARED_PORT: String(target.shared),
    PATIENCE: String(patience),
  }
  const results = async (name: string, more: Readonly<Record<string, string>>, spec: object) => {
    const variables = Object.entries({ ...env, ...more }).map(([key, value]) => ({ name: key, value }))
    const containers = [{ name: 'hostile', image: image('hostile'), env: variables }]
    await pods.start(name, level, { containers, ...spec })
    const isOver = () => phaseOf(pods, name) === 'Succeeded' || undefined
    await until(`the attacks of ${name} are over`, isOver, 150_000)
    const said = await pods.log(name)
    assert.match(said, /^API reached$/m)
    // At the level between nothing can be started.
    if (level !== 'permission' && more['ONLY'] === undefined) assert.match(said, /^[1-9]\d+ processes made$/m)
    return JSON.parse(/^RESULTS (.*)$/m.exec(said)?.[1] ?? '') as Verdicts
  }
  const own = await results(`hostile-${level}`, {}, {})
  if (!isDisguised) return own
  // As a user and a group of its choice a pod gets no further.
  const other = { securityContext: { runAsUser: 1_000, runAsGroup: 1_000 } }
  const disguised = await results(`disguised-${level}`, { ONLY: 'reaches' }, other)
  assert.deepEqual(disguised, Object.fromEntries(Object.keys(disguised).map((name) => [name, own[name]])))
  return own
}

async function mountByLink({ cluster, pods }: AttackOptions, level: SandboxLevel): Promise<Verdict> {
  const name = `link-${level}`
  const plant = `require('node:fs').symlinkSync(${JSON.stringify(cluster.dataDir)}, '/shared/way')`
  const look = `console.log('SAW ' + require('node:fs').readdirSync('/way').join(' '))`
  const planted = { name: 'shared', mountPath: '/shared' }
  await pods.start(name, level, {
    initContainers: [{ ...program('plant', plant), volumeMounts: [planted] }],
    containers: [
      {
        ...program('look', look),
        volumeMounts: [{ name: 'shared', mountPath: '/way', subPath: 'way' }],
      },
    ],
    volumes: [{ name: 'shared', emptyDir: {} }],
  })
  return await until(`${name} is refused or has looked`, async () => {
    const phase = phaseOf(pods, name)
    if (phase === 'Succeeded' && (await pods.log(name)).includes('SAW')) return 'broken' as const
    // Or no link could be made.
    if (phase === 'Failed') return 'held' as const
    return (await pods.messages(name)).includes('leads over a symbolic link') ? ('held' as const) : undefined
  })
}

/** Packages, and what they try as they are installed: before there is a pod with a level. */
const installs = {
  'by-path': 'writes elsewhere by a path in its tarball',
  'by-link': 'writes elsewhere by a link in its tarball',
  'by-script': 'runs a script as it is installed',
}

/** What they try to write is a file of their name in a folder that is not their own. */
async function installAll({ pods, target }: AttackOptions): Promise<Verdicts> {
  const names = Object.keys(installs)
  const containers = names.map((name) => ({ name, image: `npm:${name}@1.0.0` }))
  await pods.start('installs', 'bubblewrap', { containers })
  await until('all are installed or refused', () => {
    const statuses = pods.get('installs')?.status?.containerStatuses ?? []
    const reasons = statuses.map(({ state }) => state?.terminated?.reason ?? state?.waiting?.reason ?? '')
    const through = reasons.filter((reason) => /Completed|Error|ErrImagePull|BackOff/.test(reason))
    return through.length === names.length || undefined
  })
  return Object.fromEntries(
    Object.entries(installs).map(([name, what]) => [
      what,
      existsSync(join(target.planted, name)) ? 'broken' : 'held',
    ]),
  )
}

const phaseOf = (pods: AttackPods, name: string) => pods.get(name)?.status?.phase
