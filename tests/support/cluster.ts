/** A whole Sampan for a test: the real executable on free ports and in a folder of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Host } from './hosts.ts'
import { kubectlPath, type KubectlVersion } from './kubectl.ts'

export const root = join(import.meta.dirname, '..', '..')
const executable = join(root, 'bin', 'sampan')
/** Where everything takes longer, in a user-mode Linux, waiting does so, too. */
const patience = Number(process.env['SAMPAN_TEST_PATIENCE'] ?? 1)
/** A quiet machine takes a second, one where ten others start at once has taken more than a minute. */
const readyWithinMs = 180_000 * patience

export interface Cluster extends AsyncDisposable {
  readonly dataDir: string
  readonly kubeconfig: string
  /** `http://127.0.0.1:PORT` of the gateway. */
  readonly gatewayUrl: string
  readonly apiUrl: string
  /** Everything that `sampan up` has printed. */
  readonly output: () => string
  /** The pid of one of its processes. */
  pidOf(name: 'server' | 'agent' | 'gateway' | 'supervisor'): number
  kubectl(args: readonly string[] | string, options?: KubectlOptions): Output
  /** As `kubectl`, while the test goes on. */
  run(args: readonly string[] | string, options?: KubectlOptions): Promise<Output>
  /** As `kubectl`, but throws when it fails. Answers what it printed. */
  ok(args: readonly string[] | string, options?: KubectlOptions): string
  /** kubectl beside the test, for commands that go on until something happens. Disposing of it ends it. */
  follow(args: readonly string[] | string, options?: KubectlOptions): Following
  /** SIGTERM to the supervisor: the apps go on. */
  stop(): Promise<void>
  /** `sampan up` again on the same folder and ports. */
  start(): Promise<void>
}

export interface KubectlOptions {
  readonly input?: string
  readonly timeoutMs?: number
  readonly env?: NodeJS.ProcessEnv
}

export interface Following extends AsyncDisposable {
  /** What it has printed on stdout so far. */
  readonly stdout: () => string
  readonly ended: Promise<Output>
}

export interface Output {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Executable {
  /** The interpreter. */
  readonly node: string
  /** `bin/sampan`. */
  readonly file: string
}

export interface ClusterOptions {
  /** Default: `up`. A server alone has no gateway and no node. */
  readonly command?: 'up' | 'server'
  /** More arguments for it. */
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** What runs; default: the sources. */
  readonly sampan?: Executable
  /** Where its processes and kubectl run; default: here. */
  readonly host?: Host
  /** A folder of the caller's; default: one of its own, which goes in the end. */
  readonly dataDir?: string
  /** Which kubectl asks; default: the newest. */
  readonly kubectl?: KubectlVersion
}

/** Runs `sampan` to its end, for commands that end by themselves; one that doesn't is killed and has no exit code. */
export function runSampan(args: readonly string[], timeoutMs = 30_000): Output {
  const result = spawnSync(process.execPath, [executable, ...args], {
    encoding: 'utf8',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  return { code: result.status, stdout: result.stdout, stderr: result.stderr }
}

/** Runs `sampan` beside the test. */
export function startSampan(args: readonly string[]): StartedSampan {
  const child = spawn(process.execPath, [executable, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  let code: number | null | undefined
  const ended = new Promise<void>((resolve) =>
    child.once('close', (found) => {
      code = found
      resolve()
    }),
  )
  return {
    pid: child.pid ?? 0,
    code: () => code,
    output: () => output,
    async end() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

export interface StartedSampan {
  readonly pid: number
  /** Undefined while it runs, null when a signal has ended it. */
  readonly code: () => number | null | undefined
  /** Everything that it has printed so far. */
  readonly output: () => string
  /** SIGTERM; resolves when it has ended. */
  readonly end: () => Promise<void>
}

/** Resolves once it has printed `ready`. Disposing of it stops the apps too and removes the folder. */
export async function openCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'sampan-e2e-'))
  const kubeconfig = join(dataDir, 'kubeconfig')
  // The machine's packet filter is not a test's: only in a network of its own a cluster may write to it.
  const wall = options.host ? '' : (process.env['SAMPAN_NETWORK_WALL'] ?? 'none')
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    SAMPAN_NETWORK_WALL: wall,
    ...(options.sampan && { NODE_COMPILE_CACHE: undefined }), // of the sources; what is published is as it is
    ...options.env,
  }
  let output = ''
  let ports = { api: '127.0.0.1:0', tls: '127.0.0.1:0', gateway: '127.0.0.1:0' }
  let child: ChildProcess | undefined
  const placed = (program: string, args: readonly string[]): [string, readonly string[]] => {
    const [first, rest] = options.host?.command(program, args) ?? [program, args]
    return [first, rest]
  }
  const start = async () => {
    const { command = 'up' } = options
    const own = command === 'up' ? ['--gateway-listen', ports.gateway, '--name', 'node-1'] : []
    const listen = ['--listen', ports.api, '--tls-listen', ports.tls, ...own]
    const args = [command, '--data-dir', dataDir, ...listen, ...(options.args ?? [])]
    const { node, file } = options.sampan ?? { node: process.execPath, file: executable }
    child = spawn(...placed(node, [file, ...args]), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    })
    output = ''
    child.stdout?.on('data', (chunk) => (output += String(chunk)))
    child.stderr?.on('data', (chunk) => (output += String(chunk)))
    await isReady(child, () => output)
    const find = (pattern: RegExp) => pattern.exec(output)?.[1] ?? ''
    ports = {
      api: find(/http:\/\/([\d.]+:\d+)/),
      tls: find(/https:\/\/([\d.]+:\d+)/),
      gateway: find(/gateway\s+http:\/\/([\d.]+:\d+)/),
    }
  }
  const stop = async () => {
    const running = child
    if (!running || running.exitCode !== null || running.signalCode !== null) return
    const ended = new Promise((resolve) => running.once('exit', resolve))
    running.kill('SIGTERM')
    await ended
  }
  const argsOf = (args: readonly string[] | string) => (typeof args === 'string' ? args.split(' ') : args)
  const envOf = (more: NodeJS.ProcessEnv = {}) => ({
    PATH: env['PATH'],
    HOME: dataDir, // where kubectl's cache is, too
    KUBECONFIG: kubeconfig,
    TZ: 'UTC',
    ...more,
  })
  const client = kubectlPath(options.kubectl)
  const spawnKubectl = (args: readonly string[] | string, more?: NodeJS.ProcessEnv, timeoutMs?: number) =>
    spawn(...placed(client, argsOf(args)), { env: envOf(more), timeout: timeoutMs })
  const kubectl = (
    args: readonly string[] | string,
    { input, timeoutMs = 60_000 * patience, env: more }: KubectlOptions = {},
  ): Output => {
    const result = spawnSync(...placed(client, argsOf(args)), {
      env: envOf(more),
      encoding: 'utf8',
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
      ...(input !== undefined && { input }),
    })
    return { code: result.status, stdout: result.stdout, stderr: result.stderr }
  }
  try {
    await start()
  } catch (error) {
    child?.kill('SIGKILL')
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    throw error
  }
  return {
    dataDir,
    kubeconfig,
    get gatewayUrl() {
      return `http://${ports.gateway}`
    },
    get apiUrl() {
      return `https://${ports.tls}`
    },
    output: () => output,
    pidOf: (name) => pidOf(dataDir, name),
    kubectl,
    run(args, { input = '', timeoutMs = 60_000, env: more } = {}) {
      const running = spawnKubectl(args, more, timeoutMs)
      running.stdin.on('error', () => {}) // it may end before it has read everything
      running.stdin.end(input)
      return followed(running).ended
    },
    ok: (args, kubectlOptions) => printed(args, kubectl(args, kubectlOptions)),
    follow(args, { env: more } = {}) {
      const running = spawnKubectl(args, more)
      running.stdin.end()
      return followed(running)
    },
    stop,
    start,
    async [Symbol.asyncDispose]() {
      await stop()
      const { code, stderr } = runSampan(['down', '--data-dir', dataDir], 60_000)
      if (code !== 0) throw new Error(`sampan down failed: ${stderr}`)
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** What a command has printed; throws when it failed. */
export function printed(args: readonly string[] | string, { code, stdout, stderr }: Output): string {
  if (code !== 0) throw new Error(`kubectl ${String(args)} failed with ${code}: ${stderr}${stdout}`)
  return stdout
}

function followed(child: ChildProcess): Following {
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)))
  const ended = new Promise<Output>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
  return {
    stdout: () => stdout,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

function isReady(child: ChildProcess, output: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => finish(new Error(`not ready within ${readyWithinMs} ms: ${output()}`)),
      readyWithinMs,
    )
    const onExit = (code: number | null) => finish(new Error(`sampan up ended with ${code}: ${output()}`))
    const onData = () => {
      if (/^ready$/m.test(output())) finish()
    }
    const finish = (error?: Error) => {
      clearTimeout(timer)
      child.off('exit', onExit)
      child.stdout?.off('data', onData)
      if (error) reject(error)
      else resolve()
    }
    child.on('exit', onExit)
    child.stdout?.on('data', onData)
  })
}

function pidOf(dataDir: string, name: string): number {
  const running = JSON.parse(readFileSync(join(dataDir, 'run', 'up.json'), 'utf8')) as {
    readonly supervisor: { readonly pid: number }
    readonly processes: readonly { readonly pid: number; readonly name: string }[]
  }
  const pid =
    name === 'supervisor' ? running.supervisor.pid : running.processes.find((one) => one.name === name)?.pid
  if (pid === undefined) throw new Error(`no process ${name} in ${dataDir}`)
  return pid
}

/** Asks until `probe` yields something; throws with the last answer after `withinMs`. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  withinMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + withinMs * patience
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const answer = await probe()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 25 * patience ** 2))
  }
  throw new Error(`${what}: not within ${withinMs} ms`, { cause: last })
}
