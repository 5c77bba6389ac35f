/**
 * Sampan as a whole: how long until it is ready and an app answers, what it takes when idle, and how soon an app answers
 * beside `node`, pm2, podman and docker.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realClock } from '../src/base/clock.ts'
import { measureAppStarts } from './apps-peers.ts'
import { median, type Bench, type Row } from './report.ts'
import { buildSampan, freePorts, memoryOf, sampanDown, startSampan, type StartOptions } from './sampan.ts'

const rounds = 3
/** What a start leaves to do is over by then. */
const settleMs = 8_000

export const benchApps: Bench = async (progress) => {
  buildSampan()
  const folder = mkdtempSync(join(tmpdir(), 'sampan-bench-apps-'))
  chmodSync(folder, 0o755) // pods have users of their own, and an app of theirs is in it
  try {
    return [
      ...(await coldStarts(folder, progress)),
      ...(await idleMemory(folder)),
      ...(await measureAppStarts(folder, progress)),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * First start: an empty data directory. Second: what the first left, its app running on. A start of Node.js that does
 * nothing is the yardstick for how busy the machine is.
 */
async function coldStarts(folder: string, progress: (line: string) => void): Promise<Row[]> {
  const times = new Map<string, number[]>()
  const note = (what: string, ms: number) => times.set(what, [...(times.get(what) ?? []), ms])
  for (let round = 0; round < rounds; round++) {
    note(yardstick, nodeStartMs())
    for (const build of ['compiled', 'source'] as const) {
      const dataDir = join(folder, `start-${build}-${round}`)
      const ports = await freePorts()
      for (const start of ['first', 'second']) {
        const { readyMs, cpuMs, answerMs, stop } = await startSampan({
          dataDir,
          ports,
          build,
          withExample: true,
        })
        await stop()
        note(`${build}, ${start} start, ready`, readyMs)
        note(`${build}, ${start} start, processor time until ready`, cpuMs)
        note(`${build}, ${start} start, first answer`, answerMs)
      }
      sampanDown(dataDir)
      rmSync(dataDir, { recursive: true, force: true })
    }
    const last = [...times].map(([what, all]) => `${what} ${Math.round(all.at(-1) ?? 0)}`)
    progress(`starts ${round + 1}/${rounds}: ${last.join('; ')} ms`)
  }
  const bare = median(times.get(yardstick) ?? [])
  return [...times].map(([what, all]) => ({
    what,
    median: Math.round(median(all)),
    best: Math.round(Math.min(...all)),
    unit: 'ms',
    toNode: Number((median(all) / bare).toFixed(1)),
  }))
}

const yardstick = 'node -e 0'

function nodeStartMs(): number {
  const startMs = realClock.monotonicMs()
  spawnSync(process.execPath, ['-e', '0'])
  return realClock.monotonicMs() - startMs
}

/**
 * The interpreter's own pages are shared by every Node.js process of a machine, apps among them. So there are two
 * numbers: with the interpreter as it is, beside what else runs here; and with a copy of it that only Sampan uses,
 * which counts those pages wholly.
 */
async function idleMemory(folder: string): Promise<Row[]> {
  const copy = join(folder, 'node')
  copyFileSync(process.execPath, copy)
  const rows: Row[] = []
  for (const [where, node] of [
    ['beside other Node.js processes', process.execPath],
    ['alone on the machine', copy],
  ] as const) {
    const dataDir = join(folder, 'idle')
    const ports = await freePorts()
    const options: StartOptions = { dataDir, node, ports, build: 'compiled', withExample: false }
    // The second start is the usual one: the first makes certificates and a database.
    await (await startSampan(options)).stop()
    const { pid, stop } = await startSampan(options)
    await realClock.sleep(settleMs)
    const processes = memoryOf(pid)
    await stop()
    const sum = (field: 'pssMiB' | 'privateMiB') =>
      processes.reduce((total, process) => total + process[field], 0)
    const each = processes.map(({ name, privateMiB }) => `${name} ${privateMiB.toFixed(0)}`)
    rows.push({
      what: `idle, ${where}, PSS of all four processes`,
      median: Math.round(sum('pssMiB')),
      unit: 'MiB',
    })
    rows.push({
      what: `idle, ${where}, private (${each.join(', ')})`,
      median: Math.round(sum('privateMiB')),
      unit: 'MiB',
    })
  }
  return rows
}
