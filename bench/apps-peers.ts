/**
 * From asking for a hello-world app to its first answer over HTTP: as a pod of Sampan, as `node server.js`, under pm2
 * and in a container of podman. They take turns, one at a time. The app of the peers reads its port from PORT; it is
 * examples/hello otherwise.
 */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { realClock } from '../src/base/clock.ts'
import { localAddressOf, loopbackBlockAnnotation } from '../src/api/pod-address.ts'
import { nodes } from '../src/api/resources/nodes.ts'
import { pods } from '../src/api/resources/pods.ts'
import type { Node, Pod } from '../src/api/schema/types.gen.ts'
import type { Client } from '../src/client/client.ts'
import { readKubeconfig } from '../src/client/kubeconfig.ts'
import { restClient } from '../src/client/rest-client.ts'
import { httpTransport } from '../src/client/transport-http.ts'
import { kubectlPath } from '../tests/support/kubectl.ts'
import { freePort, untilAnswers } from './ports.ts'
import { median, type Row } from './report.ts'
import { freePorts, root, sampanDown, startSampan } from './sampan.ts'

const rounds = 9
const pm2Version = '7.0.4'
const hello = join(root, 'examples', 'hello')
const run = promisify(execFile)

/** Starts the app once, and ends it. Resolves with milliseconds to the first answer, and what else it measured. */
type Starter = (round: number) => Promise<Readonly<Record<string, number>>>

export async function measureAppStarts(folder: string, progress: (line: string) => void): Promise<Row[]> {
  const app = join(folder, 'app')
  copyApp(app)
  const dataDir = join(folder, 'apps')
  const sampan = await startSampan({
    dataDir,
    ports: await freePorts(),
    build: 'compiled',
    withExample: false,
  })
  await using transport = httpTransport(await readKubeconfig(join(dataDir, 'kubeconfig')))
  const client = restClient(transport, 'bench')
  const pm2 = await preparePm2(folder, app, progress)
  const podman = await preparePodman(folder, app, progress)
  const starters: Readonly<Record<string, Starter>> = {
    'node server.js': nodeStarter(app),
    'sampan, POST of a pod': podStarter(client),
    'sampan, kubectl apply': kubectlStarter(client, dataDir),
    ...(pm2 && { 'pm2 start': pm2.start }),
    ...(podman && { 'podman run': podman.start }),
  }
  try {
    return await takeTurns(starters, progress)
  } finally {
    await pm2?.end()
    await podman?.end()
    await sampan.stop()
    sampanDown(dataDir)
  }
}

async function takeTurns(
  starters: Readonly<Record<string, Starter>>,
  progress: (line: string) => void,
): Promise<Row[]> {
  const times = new Map<string, number[]>()
  for (let round = 0; round <= rounds; round++) {
    const said: string[] = []
    for (const [name, start] of Object.entries(starters)) {
      for (const [what, ms] of Object.entries(await start(round))) {
        const key = `${name}, ${what}`
        // The first round warms caches.
        if (round > 0) times.set(key, [...(times.get(key) ?? []), ms])
        said.push(`${key} ${Math.round(ms)}`)
      }
    }
    progress(`apps ${round}/${rounds}: ${said.join('; ')} ms`)
  }
  const bare = median(times.get('node server.js, first answer') ?? [])
  return [...times].map(([what, all]) => ({
    what,
    median: Math.round(median(all)),
    best: Math.round(Math.min(...all)),
    unit: 'ms',
    toNode: Number((median(all) / bare).toFixed(2)),
  }))
}

function copyApp(app: string): void {
  cpSync(hello, app, { recursive: true })
  const server = join(app, 'server.js')
  writeFileSync(
    server,
    readFileSync(server, 'utf8').replace('listen(3000', 'listen(Number(process.env.PORT)'),
  )
}

function nodeStarter(app: string): Starter {
  return async () => {
    const port = await freePort()
    const startMs = realClock.monotonicMs()
    const env = { ...process.env, PORT: String(port) }
    const child = spawn(process.execPath, ['server.js'], { cwd: app, env, stdio: 'ignore' })
    await untilAnswers(`http://127.0.0.1:${port}/`)
    const ms = realClock.monotonicMs() - startMs
    child.kill()
    await once(child, 'exit')
    return { 'first answer': ms }
  }
}

const podOf = (name: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'hello', image: `dir:${hello}`, ports: [{ containerPort: 3000 }] }] },
})

function podStarter(client: Client): Starter {
  return (round) => {
    const pod = podOf(`post-${round}`)
    return followPod(client, pod.metadata.name ?? '', async () => {
      await client.resource<Pod>(pods).create(pod)
    })
  }
}

function kubectlStarter(client: Client, dataDir: string): Starter {
  const kubeconfig = join(dataDir, 'kubeconfig')
  const cache = join(dataDir, 'kubectl-cache')
  return (round) => {
    const pod = podOf(`apply-${round}`)
    const file = join(dataDir, 'pod.json')
    writeFileSync(file, JSON.stringify(pod))
    return followPod(client, pod.metadata.name ?? '', async () => {
      await run(kubectlPath(), ['--kubeconfig', kubeconfig, '--cache-dir', cache, 'apply', '-f', file])
    })
  }
}

async function followPod(client: Client, name: string, create: () => Promise<void>) {
  const resource = client.resource<Pod>(pods)
  const [node] = (await client.resource<Node>(nodes).list()).items
  const found = new AbortController()
  const query = { namespace: 'default', fieldSelector: `metadata.name=${name}`, signal: found.signal }
  const startMs = realClock.monotonicMs()
  const created = create()
  let readyMs = Number.NaN
  let answer: Promise<number> | undefined
  for await (const { object } of resource.watch({ ...query, resourceVersion: '0' })) {
    const { podIP, conditions } = object.status ?? {}
    if (podIP && !answer) answer = answerOf(podIP, node).then(() => realClock.monotonicMs() - startMs)
    if (conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) {
      readyMs = realClock.monotonicMs() - startMs
      break
    }
  }
  found.abort()
  const answerMs = (await answer) ?? Number.NaN
  await created
  await resource.delete(name, { namespace: 'default', gracePeriodSeconds: 0 })
  return { 'first answer': answerMs, Ready: readyMs }
}

/** Past the gateway, as the peers are asked: at the loopback address behind the pod's IP. */
function answerOf(podIP: string, node: Node | undefined): Promise<string> {
  const podCIDR = node?.spec?.podCIDR ?? ''
  const loopbackBlock = node?.metadata.annotations?.[loopbackBlockAnnotation] ?? ''
  return untilAnswers(`http://${localAddressOf({ podIP, podCIDR, loopbackBlock })}:3000/`)
}

interface Peer {
  readonly start: Starter
  end(): Promise<void>
}

/** pm2 from npm, its daemon already running. */
async function preparePm2(
  folder: string,
  app: string,
  progress: (line: string) => void,
): Promise<Peer | undefined> {
  const place = join(folder, 'pm2')
  mkdirSync(place)
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-save']
  const installed = spawnSync('npm', ['install', ...flags, `pm2@${pm2Version}`], {
    cwd: place,
    encoding: 'utf8',
  })
  if (installed.status !== 0) {
    progress(`pm2 can't be installed and is left out: ${installed.stderr ?? installed.error?.message}`)
    return undefined
  }
  const script = join(place, 'node_modules', 'pm2', 'bin', 'pm2')
  const pm2 = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    run(process.execPath, [script, ...args], {
      cwd: app,
      env: { ...process.env, PM2_HOME: join(place, 'home'), ...env },
    })
  await pm2(['ping'])
  return {
    async start() {
      const port = await freePort()
      const startMs = realClock.monotonicMs()
      const started = pm2(['start', 'server.js', '--name', 'hello'], { PORT: String(port) })
      await untilAnswers(`http://127.0.0.1:${port}/`)
      const ms = realClock.monotonicMs() - startMs
      await started
      await pm2(['delete', 'hello'])
      return { 'first answer': ms }
    },
    async end() {
      await pm2(['kill'])
    },
  }
}

/**
 * podman with an image of nothing but Node.js, its libraries and the app, on the host's network. Images and containers
 * lie in the benchmark's folder. Where cgroups are of both versions crun refuses to start, so podman runs in a mount
 * namespace of its own that shows only those of version 1.
 */
async function preparePodman(
  folder: string,
  app: string,
  progress: (line: string) => void,
): Promise<Peer | undefined> {
  const place = join(folder, 'podman')
  const storage = ['--root', join(place, 'storage'), '--runroot', join(place, 'run'), '--log-level', 'error']
  const script = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec podman --cgroup-manager=cgroupfs "$@"'
  const podman = (args: readonly string[]) =>
    run('unshare', ['--mount', 'sh', '-c', script, 'podman', ...storage, ...args])
  const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096']
  const start: Starter = async (round) => {
    const port = await freePort()
    const name = `hello-${round}`
    const startMs = realClock.monotonicMs()
    const options = [
      '--detach',
      '--name',
      name,
      '--network',
      'host',
      '--workdir',
      '/app',
      '--env',
      `PORT=${port}`,
    ]
    await podman(['run', ...options, ...limits, 'bench-hello', '/usr/bin/node', 'server.js'])
    await untilAnswers(`http://127.0.0.1:${port}/`)
    const ms = realClock.monotonicMs() - startMs
    await podman(['rm', '--force', '--time', '0', name])
    return { 'first answer': ms }
  }
  try {
    const image = rootFilesystem(join(place, 'image'), app)
    await podman(['import', image, 'bench-hello'])
    await start(-1)
  } catch (error) {
    progress(
      `podman can't run here and is left out: ${error instanceof Error ? error.message : String(error)}`,
    )
    return undefined
  }
  return {
    start,
    async end() {
      await podman(['rmi', '--force', 'bench-hello'])
    },
  }
}

/** A tar of the interpreter, the libraries it names, and the app. */
function rootFilesystem(place: string, app: string): string {
  const { stdout } = spawnSync('ldd', [process.execPath], { encoding: 'utf8' })
  const libraries = [...stdout.matchAll(/\/\S+/g)].map(([path]) => path)
  for (const library of libraries) {
    mkdirSync(join(place, dirname(library)), { recursive: true })
    copyFileSync(library, join(place, library))
  }
  mkdirSync(join(place, 'usr', 'bin'), { recursive: true })
  copyFileSync(process.execPath, join(place, 'usr', 'bin', 'node'))
  cpSync(app, join(place, 'app'), { recursive: true })
  const { status, stderr } = spawnSync('tar', ['-C', place, '-cf', `${place}.tar`, '.'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`tar failed: ${stderr}`)
  return `${place}.tar`
}
