/**
 * Many hello-world pods on one machine: how long until all are Ready, what each takes beside a bare `node server.js`, and what
 * Sampan itself takes with none, with some and with all of them. SAMPAN_BENCH_PODS is how many; 500 by default.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realClock } from '../src/base/clock.ts'
import { pods } from '../src/api/resources/pods.ts'
import type { Pod } from '../src/api/schema/types.gen.ts'
import type { Client } from '../src/client/client.ts'
import { readKubeconfig } from '../src/client/kubeconfig.ts'
import { restClient } from '../src/client/rest-client.ts'
import { httpTransport } from '../src/client/transport-http.ts'
import { workloadProcesses } from '../tests/support/workloads.ts'
import { copyApp, hello } from './hello.ts'
import { openInterruption } from './interruption.ts'
import { freePort, untilAnswers } from './ports.ts'
import type { Bench, Row } from './report.ts'
import {
  buildSampan,
  freePorts,
  memoryOf,
  memoryOfProcess,
  processesOf,
  sampanDown,
  startSampan,
} from './sampan.ts'

const podsWanted = Number(process.env['SAMPAN_BENCH_PODS'] ?? 500)
const podsSome = 20
const createsAtOnce = 16
/** Two processors need a minute for the starts of 500 Node.js alone. */
const readyWithinMs = 15 * 60_000
const progressEvery = 50
/** What a start leaves to do is over by then. */
const settleMs = 15_000
const idleMs = 30_000

interface Run {
  /** All that the benchmark leaves on the disk. */
  readonly folder: string
  readonly progress: (line: string) => void
  /** Aborts when somebody wants an end of it: what was started is ended then, too. */
  readonly signal: AbortSignal
}

export const benchDensity: Bench = async (progress) => {
  buildSampan()
  using interruption = openInterruption()
  const folder = mkdtempSync(join(tmpdir(), 'sampan-bench-density-'))
  const run = { folder, progress, signal: interruption.signal }
  try {
    return [...(await measureBare(run)), ...(await measureSampan(run))]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measureBare({ folder, progress, signal }: Run): Promise<Row[]> {
  const app = join(folder, 'app')
  copyApp(app)
  const children: ChildProcess[] = []
  try {
    const startMs = realClock.monotonicMs()
    while (children.length < podsWanted) {
      signal.throwIfAborted()
      const group = Array.from(
        { length: Math.min(createsAtOnce, podsWanted - children.length) },
        async () => {
          const port = await freePort()
          const env = { ...process.env, PORT: String(port) }
          children.push(spawn(process.execPath, ['server.js'], { cwd: app, env, stdio: 'ignore' }))
          await untilAnswers(`http://127.0.0.1:${port}/`)
        },
      )
      await Promise.all(group)
      if (children.length % progressEvery < createsAtOnce) progress(`${children.length} bare processes`)
    }
    const ms = realClock.monotonicMs() - startMs
    progress(`${podsWanted} bare processes answer after ${Math.round(ms)} ms`)
    await realClock.sleep(settleMs, signal)
    const { pssMiB, privateMiB } = sumOf(children.map(({ pid = 0 }) => pid))
    return [
      { what: `${podsWanted} × node server.js, all answer`, value: Math.round(ms), unit: 'ms' },
      { what: 'each, PSS', value: round(pssMiB / podsWanted), unit: 'MiB' },
      { what: 'each, private', value: round(privateMiB / podsWanted), unit: 'MiB' },
    ]
  } finally {
    const ended = children.map((child) => once(child, 'exit'))
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(ended)
  }
}

async function measureSampan(run: Run): Promise<Row[]> {
  const { folder, progress, signal } = run
  const dataDir = join(folder, 'sampan')
  const sampan = await startSampan({
    dataDir,
    ports: await freePorts(),
    build: 'compiled',
    withExample: false,
  })
  const rows: Row[] = []
  const note = (...more: Row[]) => {
    rows.push(...more)
    for (const { what, value, unit } of more) progress(`${what}: ${value} ${unit}`)
  }
  try {
    await using transport = httpTransport(await readKubeconfig(join(dataDir, 'kubeconfig')))
    const client = restClient(transport, 'bench')
    note(...(await idleRows(sampan.pid, 'without pods', signal)))
    await createPods(client, { from: 0, to: podsSome }, run)
    note(...(await idleRows(sampan.pid, `with ${podsSome} pods`, signal)))
    const startMs = realClock.monotonicMs()
    await createPods(client, { from: podsSome, to: podsWanted }, run)
    const ms = realClock.monotonicMs() - startMs
    note({ what: `${podsWanted - podsSome} more pods, all Ready`, value: Math.round(ms), unit: 'ms' })
    note(...(await idleRows(sampan.pid, `with ${podsWanted} pods`, signal)))
    const { pssMiB, privateMiB } = sumOf(workloadProcesses(dataDir).map(({ pid }) => pid))
    note(
      { what: 'each pod with its helpers, PSS', value: round(pssMiB / podsWanted), unit: 'MiB' },
      { what: 'each pod with its helpers, private', value: round(privateMiB / podsWanted), unit: 'MiB' },
    )
    return rows
  } finally {
    progress('ending all pods')
    const endMs = realClock.monotonicMs()
    await sampan.stop()
    sampanDown(dataDir)
    progress(`ended after ${Math.round(realClock.monotonicMs() - endMs)} ms`)
  }
}

/** Resolves when all are Ready; rejects when one fails, or when it takes too long. */
async function createPods(
  client: Client,
  { from, to }: { readonly from: number; readonly to: number },
  { progress, signal }: Run,
): Promise<void> {
  const resource = client.resource<Pod>(pods)
  const ready = new Set<string>()
  const stop = AbortSignal.any([signal, AbortSignal.timeout(readyWithinMs)])
  const left = Array.from({ length: to - from }, (_, i) => podOf(from + i))
  const create = async () => {
    for (let pod = left.shift(); pod && !stop.aborted; pod = left.shift()) await resource.create(pod)
  }
  const created = Promise.all(Array.from({ length: createsAtOnce }, create))
  for await (const { object } of resource.watch({
    namespace: 'default',
    resourceVersion: '0',
    signal: stop,
  })) {
    const { name = '' } = object.metadata
    const { conditions, phase, message } = object.status ?? {}
    if (phase === 'Failed') throw new Error(`pod ${name} failed: ${message}`)
    const isReady = conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
    if (!isReady || ready.has(name)) continue
    ready.add(name)
    if (ready.size % progressEvery === 0) progress(`${ready.size} pods are Ready`)
    if (ready.size === to) break
  }
  await created
  if (ready.size < to) throw new Error(`${ready.size} of ${to} pods became Ready`, { cause: stop.reason })
}

const podOf = (index: number): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `hello-${index}`, namespace: 'default' },
  spec: { containers: [{ name: 'hello', image: `dir:${hello}`, ports: [{ containerPort: 3000 }] }] },
})

/** Memory and processor time of Sampan's own processes while nothing happens. */
async function idleRows(pid: number, when: string, signal: AbortSignal): Promise<Row[]> {
  await realClock.sleep(settleMs, signal)
  const pids = processesOf(pid)
  const before = pids.map(cpuMsOf)
  await realClock.sleep(idleMs, signal)
  return memoryOf(pid).flatMap(({ name, pssMiB, privateMiB }, i) => {
    const cpuMs = cpuMsOf(pids[i] ?? 0) - (before[i] ?? 0)
    return [
      { what: `${name} ${when}, private`, value: round(privateMiB), unit: 'MiB' },
      { what: `${name} ${when}, PSS`, value: round(pssMiB), unit: 'MiB' },
      { what: `${name} ${when}, processor`, value: round((cpuMs / idleMs) * 100), unit: '% of one' },
    ]
  })
}

/** Finer than the ticks of `/proc/PID/stat`: in nanoseconds, for each thread. */
function cpuMsOf(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  return tasks.reduce((sum, task) => {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')
    return sum + Number(nanoseconds) / 1e6
  }, 0)
}

function sumOf(pids: readonly number[]) {
  const all = pids.map(memoryOfProcess)
  return {
    pssMiB: all.reduce((sum, { pssMiB }) => sum + pssMiB, 0),
    privateMiB: all.reduce((sum, { privateMiB }) => sum + privateMiB, 0),
  }
}

const round = (value: number): number => Number(value.toFixed(2))
