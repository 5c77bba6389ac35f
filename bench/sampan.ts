/** A whole Sampan for a benchmark: the executable, compiled or from source, with times taken as it starts. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { realClock } from '../src/base/clock.ts'
import { freePort, untilAnswers } from './ports.ts'

export const root = join(import.meta.dirname, '..')
const executable = join(root, 'bin', 'sampan')
/** Its supervisor starts a failing process again and again: a benchmark rather gives up. */
const readyWithinMs = 30_000

export interface Ports {
  readonly api: number
  readonly tls: number
  readonly gateway: number
}

export interface StartOptions {
  readonly dataDir: string
  readonly ports: Ports
  readonly build: 'compiled' | 'source'
  /** Also deploy examples/hello, and wait until the gateway answers with it. */
  readonly withExample: boolean
  /** The interpreter; by default that of the benchmark. */
  readonly node?: string
  /** More variables of its environment. */
  readonly env?: NodeJS.ProcessEnv
}

export interface Started {
  /** From the start of the process to its line `ready`. */
  readonly readyMs: number
  /** Processor time that all its processes had used by then: the same number however busy the machine is. */
  readonly cpuMs: number
  /** From the start of the process to the first 200; NaN without the example. */
  readonly answerMs: number
  readonly pid: number
  /** Ends Sampan; apps go on. */
  readonly stop: () => Promise<void>
}

export const freePorts = async (): Promise<Ports> => ({
  api: await freePort(),
  tls: await freePort(),
  gateway: await freePort(),
})

/** Compiles `src/` to `dist/`. Throws when there is nothing to run afterwards. */
export function buildSampan(): void {
  spawnSync(process.execPath, [join(root, 'tools', 'build.ts')], { stdio: 'inherit' })
  if (!existsSync(join(root, 'dist', 'main', 'cli.cjs')))
    throw new Error('the build made no dist/main/cli.cjs')
}

export async function startSampan(options: StartOptions): Promise<Started> {
  const { dataDir, ports, withExample, node = process.execPath } = options
  const addresses = [
    `--listen=127.0.0.1:${ports.api}`,
    `--tls-listen=127.0.0.1:${ports.tls}`,
    `--gateway-listen=127.0.0.1:${ports.gateway}`,
  ]
  const args = [executable, 'up', '--data-dir', dataDir, '--name', 'bench', ...addresses]
  const startMs = realClock.monotonicMs()
  const child = spawn(node, [...args, ...(withExample ? ['--example'] : [])], {
    env: { ...process.env, ...environmentOf(options) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ready = new Promise<number>((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
      if (/^ready$/m.test(output)) resolve(realClock.monotonicMs() - startMs)
    })
    child.once('exit', (code) => reject(new Error(`sampan up ended with ${code}: ${output}`)))
  })
  const cancel = realClock.after(readyWithinMs, () => child.kill())
  const readyMs = await ready
  cancel()
  const cpuMs = processesOf(child.pid ?? 0).reduce((sum, pid) => sum + cpuMsOf(pid), 0)
  if (withExample) await untilAnswers(`http://127.0.0.1:${ports.gateway}/`)
  return {
    readyMs,
    cpuMs,
    answerMs: withExample ? realClock.monotonicMs() - startMs : Number.NaN,
    pid: child.pid ?? 0,
    stop() {
      child.kill('SIGTERM')
      return exited
    },
  }
}

/** Ends Sampan, if it runs, and its apps. */
export function sampanDown(dataDir: string): void {
  spawnSync(process.execPath, [executable, 'down', '--data-dir', dataDir], { stdio: 'ignore' })
}

const environmentOf = ({ build, env }: StartOptions) => ({
  ...env,
  SAMPAN_COMPILED: build === 'compiled' ? '1' : '0',
})

export interface Memory {
  readonly name: string
  /** Pages of its own, and its share of those it shares: the sum over processes is what they take together. */
  readonly pssMiB: number
  /** Pages of its own: what its end would free. */
  readonly privateMiB: number
}

/** The memory of `sampan up` and its processes. */
export function memoryOf(pid: number): Memory[] {
  return processesOf(pid).map((one, i) => {
    const argv = readFileSync(`/proc/${one}/cmdline`, 'utf8').split('\0').filter(Boolean)
    return { name: i === 0 ? 'up' : (argv.at(-1) ?? String(one)), ...memoryOfProcess(one) }
  })
}

export function memoryOfProcess(pid: number): Omit<Memory, 'name'> {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kiB = (field: RegExp) =>
    [...rollup.matchAll(field)].reduce((sum, [, value]) => sum + Number(value), 0)
  return {
    pssMiB: kiB(/^Pss:\s+(\d+)/gm) / 1024,
    privateMiB: kiB(/^Private_(?:Clean|Dirty):\s+(\d+)/gm) / 1024,
  }
}

/** The process and its children. */
export const processesOf = (pid: number): number[] => [
  pid,
  ...readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number),
]

/** utime and stime of proc(5), in ticks of 10 ms. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
