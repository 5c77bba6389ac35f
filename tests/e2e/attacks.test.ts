/** What a hostile package gets at, at each level of the sandbox. The table that it yields is the one in docs/security.md. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { memoryDirOf } from '../../src/node/agent.ts'
import { isPresent } from '../../tools/parts.ts'
import { openCluster, root, until, type Cluster } from '../support/cluster.ts'
import { image, yaml } from '../support/manifests.ts'

type Verdicts = Record<string, 'held' | 'broken'>
const levels = ['none', 'bubblewrap'] as const
const page = join(root, 'docs', 'security.md')
const marker = 'hidden'
const secret = `${marker}-of-the-victim`
const isRoot = process.getuid?.() === 0
const hasSandbox = isPresent('bwrap')
const found = new Map<string, Verdicts>()

for (const level of levels) {
  const skip = !isRoot ? 'the table is that of an agent that is root' : level === 'bubblewrap' && !hasSandbox
  test(`attacks at level ${level}`, { skip, timeout: 240_000 }, async () => {
    await using cluster = await openCluster({ env: { SAMPAN_SANDBOX: level } })
    await using decoy = await openDecoy()
    startVictim(cluster)
    await until('the victim runs', () => isRunning(cluster, 'victim'))
    const verdicts = await attack(cluster, decoy.port)
    verdicts['takes memory without end'] = await takeMemory(cluster)
    verdicts['mounts a place of the node by a link in its volume'] = await mountByLink(cluster)
    found.set(level, verdicts)
  })
}

after(() => {
  const first = found.get('none')
  if (!first || levels.some((level) => !found.has(level))) return
  const rows = Object.keys(first).map(
    (name) => `| ${name} | ${levels.map((level) => found.get(level)?.[name] ?? '?').join(' | ')} |`,
  )
  const table = [`| a hostile package … | ${levels.join(' | ')} |`, '| --- | --- | --- |', ...rows].join('\n')
  const text = readFileSync(page, 'utf8')
  const updated = text.replace(/^\| a hostile package[^]*?\n(?=\n)/m, () => `${table}\n`)
  if (process.env['UPDATE'] === '1') writeFileSync(page, updated)
  else assert.equal(text, updated, 'docs/security.md says something else; UPDATE=1 writes it anew')
})

/** A service of the node's own on its loopback address. */
async function openDecoy() {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return { port: address.port, [Symbol.asyncDispose]: async () => void server.close() }
}

const pod = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, ...spec },
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

async function attack(cluster: Cluster, port: number): Promise<Verdicts> {
  const node = join(cluster.dataDir, 'node')
  const env = {
    MARKER: marker,
    DATA_DIR: cluster.dataDir,
    MEMORY_DIRS: memoryDirOf(node),
    AGENT_PID: String(cluster.pidOf('agent')),
    LOOPBACK_PORT: String(port),
  }
  const container = {
    name: 'hostile',
    image: image('hostile'),
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
  }
  cluster.ok('apply -f -', { input: yaml(pod('hostile', { containers: [container] })) })
  const line = await until(
    'the attacks are over',
    () => /^RESULTS (.*)$/m.exec(cluster.kubectl('logs hostile').stdout)?.[1],
    150_000,
  )
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

async function mountByLink(cluster: Cluster): Promise<'held' | 'broken'> {
  const volumeMounts = [{ name: 'shared', mountPath: '/shared' }]
  const plant = `require('node:fs').symlinkSync(${JSON.stringify(cluster.dataDir)}, '/shared/way')`
  const look = `console.log('SAW ' + require('node:fs').readdirSync('/way').join(' '))`
  const spec = {
    initContainers: [
      { name: 'plant', image: image('hello'), command: ['node', '--eval', plant], volumeMounts },
    ],
    containers: [
      {
        name: 'look',
        image: image('hello'),
        command: ['node', '--eval', look],
        volumeMounts: [{ name: 'shared', mountPath: '/way', subPath: 'way' }],
      },
    ],
    volumes: [{ name: 'shared', emptyDir: {} }],
  }
  cluster.ok('apply -f -', { input: yaml(pod('link', spec)) })
  return await until('it is refused or has looked', () => {
    if (cluster.kubectl('logs link -c look').stdout.includes('SAW')) return 'broken' as const
    return cluster.ok('get events').includes('leads over a symbolic link') ? ('held' as const) : undefined
  })
}

const isRunning = (cluster: Cluster, name: string): true | undefined =>
  cluster.ok(['get', 'pod', name, '-o', 'jsonpath={.status.phase}']) === 'Running' ? true : undefined
