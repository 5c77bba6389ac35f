/** What two tests attack, and some of the attacks (`attacks.test.ts`, `attacks-ordinary.test.ts`). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, until, type Cluster } from './cluster.ts'
import type { Host } from './hosts.ts'
import { image, yaml } from './manifests.ts'

export interface Target extends AsyncDisposable {
  readonly loopback: number
  readonly metadata: number
  readonly shared: number
  readonly registry: string
  readonly dataDir: string
  /** What hostile packages try to write into. */
  readonly planted: string
}

/** What there is to attack on a host, which has the address of a cloud's metadata for itself. */
export async function openTarget(host: Host): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-e2e-'))
  const [dataDir, planted] = [join(folder, 'sampan'), join(folder, 'planted')]
  for (const path of [dataDir, planted]) mkdirSync(path)
  host.run('ip', ['addr', 'add', '169.254.169.254/32', 'dev', 'lo'])
  const script = join(root, 'tests', 'support', 'attacked-host.ts')
  const [program, args] = host.command(process.execPath, [script, planted])
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const line = await Promise.race([
    once(child.stdout, 'data').then(([chunk]) => String(chunk)),
    ended.then(() => Promise.reject(new Error('what is to be attacked could not be started'))),
  ])
  return {
    ...(JSON.parse(line) as Pick<Target, 'loopback' | 'metadata' | 'registry' | 'shared'>),
    dataDir,
    planted,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const pod = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, ...spec },
})

export async function mountByLink(cluster: Cluster): Promise<'held' | 'broken'> {
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
    // Or no link could be made.
    if (cluster.ok('get pod link -o jsonpath={.status.phase}') === 'Failed') return 'held' as const
    return cluster.ok('get events').includes('leads over a symbolic link') ? ('held' as const) : undefined
  })
}

/** Starts a package; what it tries to write is `planted` in the folder that is not its own. */
export async function install(cluster: Cluster, folder: string, name: string): Promise<'held' | 'broken'> {
  cluster.ok('apply -f -', { input: yaml(pod(name, { containers: [{ name, image: `npm:${name}@1.0.0` }] })) })
  const path =
    'jsonpath={.status.containerStatuses[0].state.terminated.reason}{.status.containerStatuses[0].state.waiting.reason}'
  await until(
    `${name} is through or refused`,
    () => /Completed|Error|ErrImagePull|BackOff/.exec(cluster.ok(['get', 'pod', name, '-o', path]))?.[0],
  )
  return existsSync(join(folder, name)) ? 'broken' : 'held'
}
