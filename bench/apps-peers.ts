/**
 * From asking for an app to its first answer over HTTP: as a pod of Sampan at each sandbox level, as `node server.js`, under
 * pm2 and in containers of podman and docker. They take turns, one at a time. The app is examples/hello, fifteen lines
 * without a package; beside it, as pods and as `node server.js`, the same as CommonJS, and two small ones on frameworks, as most apps
 * are. Outside of a pod an app reads its port from PORT; it is the same otherwise. A pod's address is told when it is ready, so that
 * its first answer, as whoever has asked for it can have it, follows `Ready`.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
import { prepareApp } from '../tests/support/frameworks.ts'
import { kubectlPath } from '../tests/support/kubectl.ts'
import { copyApp, hello, helloAsCommonJs } from './hello.ts'
import { prepareDocker, preparePodman } from './peer-containers.ts'
import { preparePm2 } from './peer-pm2.ts'
import type { Starter } from './peer.ts'
import { freePort, untilAnswers } from './ports.ts'
import { median, type Row } from './report.ts'
import { freePorts, sampanDown, startSampan } from './sampan.ts'

const rounds = 9
/** What the end of an app leaves to do is over by then, and not the next one's burden. */
const settleMs = 400
const others = ['hello-commonjs', 'express', 'fastify'] as const
const bare = 'node server.js'
const run = promisify(execFile)

export async function measureAppStarts(folder: string, progress: (line: string) => void): Promise<Row[]> {
  const app = join(folder, 'app')
  copyApp(app)
  const dataDir = join(folder, 'apps')
  const sampan = await startSampan({
    dataDir,
    ports: await freePorts(),
    build: 'compiled',
    withExample: false,
    env: { SAMPAN_SANDBOX: 'none' }, // a pod can ask for more, never for less
  })
  await using transport = httpTransport(await readKubeconfig(join(dataDir, 'kubeconfig')))
  const client = restClient(transport, 'bench')
  const pm2 = await preparePm2(folder, app, progress)
  const podman = await preparePodman(folder, app, progress)
  const docker = await prepareDocker(folder, app, progress)
  const starters: Readonly<Record<string, Starter>> = {
    [bare]: nodeStarter(app),
    ...Object.fromEntries(
      levels.map((level) => [
        `sampan, POST of a pod, sandbox ${level}`,
        podStarter(client, { app: 'hello', folder: hello, level }),
      ]),
    ),
    ...Object.fromEntries(
      levels.map((level) => [
        `sampan, kubectl apply, sandbox ${level}`,
        kubectlStarter({ client, dataDir, level }),
      ]),
    ),
    ...(pm2 && { 'pm2 start': pm2.start }),
    ...(podman && { 'podman run': podman.start }),
    ...(docker && { 'docker run': docker.start }),
    ...(await otherStarters(folder, client)),
  }
  try {
    return await takeTurns(starters, progress)
  } finally {
    await pm2?.end()
    await podman?.end()
    await docker?.end()
    await sampan.stop()
    sampanDown(dataDir)
  }
}

/** Each as `node server.js` and as a pod at the level that is the default where it is there. */
async function otherStarters(folder: string, client: Client): Promise<Record<string, Starter>> {
  const [level] = levels
  const starters: Record<string, Starter> = {}
  for (const app of others) {
    const source = app === 'hello-commonjs' ? helloAsCommonJs(folder) : await prepareApp({ name: app })
    const copy = join(folder, app)
    copyApp(copy, source)
    starters[`${app}: ${bare}`] = nodeStarter(copy)
    starters[`${app}: sampan, POST of a pod, sandbox ${level}`] = podStarter(client, {
      app,
      folder: source,
      level,
    })
  }
  return starters
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
      await realClock.sleep(settleMs)
    }
    progress(`apps ${round}/${rounds}: ${said.join('; ')} ms`)
  }
  return [...times].map(([what, all]) => ({
    what,
    median: Math.round(median(all)),
    best: Math.round(Math.min(...all)),
    unit: 'ms',
    toNode: Number((median(all) / median(times.get(yardstickOf(what)) ?? [])).toFixed(2)),
  }))
}

const yardstickOf = (what: string): string =>
  [...others.map((app) => `${app}: `).filter((app) => what.startsWith(app)), bare, ', first answer'].join('')

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

const levels = existsSync('/usr/bin/bwrap') ? (['bubblewrap', 'none'] as const) : (['none'] as const)
type Level = (typeof levels)[number]

interface Wanted {
  readonly app: string
  readonly folder: string
  readonly level: Level
}

const podOf = (name: string, { app, folder, level }: Wanted): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', annotations: { 'sampan.dev/sandbox': level } },
  spec: { containers: [{ name: app, image: `dir:${folder}`, ports: [{ containerPort: 3000 }] }] },
})

function podStarter(client: Client, wanted: Wanted): Starter {
  return (round) => {
    const pod = podOf(`post-${wanted.app}-${wanted.level}-${round}`, wanted)
    return followPod(client, pod.metadata.name ?? '', async () => {
      await client.resource<Pod>(pods).create(pod)
    })
  }
}

function kubectlStarter({
  client,
  dataDir,
  level,
}: {
  readonly client: Client
  readonly dataDir: string
  readonly level: Level
}): Starter {
  const kubeconfig = join(dataDir, 'kubeconfig')
  const cache = join(dataDir, 'kubectl-cache')
  return (round) => {
    const pod = podOf(`apply-${level}-${round}`, { app: 'hello', folder: hello, level })
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
