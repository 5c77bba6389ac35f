import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { realClock } from '../src/base/clock.ts'
import { caddyConfig, haproxyConfig, nginxProxyConfig, type Ports, upstreamConfig } from './gateway-peers.ts'
import { freePort } from './ports.ts'
import { median } from './report.ts'

/**
 * Requests per second on 64 kept connections, beside HAProxy, nginx and Caddy, each with one thread on one core;
 * `wrk` and the app (nginx, answering from memory) share the other core. The proxies take turns.
 *
 * The load side often is the bottleneck, and a machine is never idle, so beside requests per second there is what
 * one full core would do: requests per second of processor time that the proxy used. The goals are held against that.
 */

const connections = 64
const rounds = 5
const roundSeconds = 3
const proxyCore = '0'
const loadCore = '1'

export interface GatewayBenchRow {
  readonly scenario: string
  readonly proxy: string
  readonly perSecond: number
  readonly perCpuSecond: number
  readonly toHAProxy: number
  readonly toCaddy: number
  readonly [column: string]: string | number
}

interface Scenario {
  readonly name: string
  readonly bodyBytes: number
  readonly headers: readonly string[]
}

const scenarios: readonly Scenario[] = [
  { name: 'small', bodyBytes: 24, headers: [] },
  {
    name: 'browser',
    bodyBytes: 4_000,
    headers: [
      'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
      'Accept-Language: en-GB,en;q=0.9,fr;q=0.8',
      'Cookie: session=0123456789abcdef0123456789abcdef0123456789abcdef; theme=dark; consent=yes',
      'Referer: http://app.example.com/somewhere/else?with=a&query=string',
      'Sec-Fetch-Dest: document',
      'Sec-Fetch-Mode: navigate',
      'Sec-Fetch-Site: same-origin',
      'Upgrade-Insecure-Requests: 1',
    ],
  },
]

interface Running {
  readonly name: string
  readonly port: number
  readonly child: ChildProcess
  readonly perSecond: number[]
  readonly perCpuSecond: number[]
}

export async function benchGateway(report: (line: string) => void): Promise<GatewayBenchRow[]> {
  if (!existsSync('/usr/bin/wrk')) {
    report('wrk is not installed (apt-get install wrk): the gateway is not measured')
    return []
  }
  const folder = mkdtempSync(join(tmpdir(), 'sampan-bench-gateway-'))
  try {
    const rows: GatewayBenchRow[] = []
    for (const scenario of scenarios) rows.push(...(await runScenario(scenario, folder, report)))
    return rows
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runScenario(scenario: Scenario, folder: string, report: (line: string) => void) {
  const upstream = await freePort()
  const app = startNginx(join(folder, `app-${scenario.name}`), loadCore, (own) =>
    upstreamConfig(own, upstream, scenario.bodyBytes),
  )
  const proxies: Running[] = []
  try {
    await untilOpen(upstream)
    for (const [name, start] of Object.entries(starters)) {
      const port = await freePort()
      const child = start({ listen: port, upstream }, join(folder, `${name}-${scenario.name}`))
      if (child === undefined) {
        report(`${name} is not installed and is left out`)
        continue
      }
      proxies.push({ name, port, child, perSecond: [], perCpuSecond: [] })
      await untilOpen(port)
      await load(port, scenario, 1)
    }
    for (let round = 0; round < rounds; round++) {
      for (const proxy of proxies) await measure(proxy, scenario)
      report(
        `${scenario.name} ${round + 1}/${rounds}: ${proxies.map((p) => `${p.name} ${p.perSecond.at(-1)}`).join(', ')}`,
      )
    }
  } finally {
    for (const child of [app, ...proxies.map((proxy) => proxy.child)]) await stop(child)
  }
  return rowsOf(scenario, proxies)
}

function rowsOf(scenario: Scenario, proxies: readonly Running[]): GatewayBenchRow[] {
  const cpuOf = (name: string) => median(proxies.find((proxy) => proxy.name === name)?.perCpuSecond ?? [])
  return proxies.map((proxy) => {
    const perCpuSecond = median(proxy.perCpuSecond)
    return {
      scenario: scenario.name,
      proxy: proxy.name,
      perSecond: median(proxy.perSecond),
      perCpuSecond,
      toHAProxy: Number((perCpuSecond / cpuOf('haproxy')).toFixed(2)),
      toCaddy: Number((perCpuSecond / cpuOf('caddy')).toFixed(2)),
    }
  })
}

async function measure(proxy: Running, scenario: Scenario): Promise<void> {
  const pid = proxy.child.pid ?? 0
  const before = cpuSeconds(pid)
  const { requests, perSecond } = await load(proxy.port, scenario, roundSeconds)
  proxy.perSecond.push(Math.round(perSecond))
  proxy.perCpuSecond.push(Math.round(requests / (cpuSeconds(pid) - before)))
}

async function load(port: number, scenario: Scenario, seconds: number) {
  const headers = scenario.headers.flatMap((header) => ['-H', header])
  const wrk = [
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    ...headers,
    `http://127.0.0.1:${port}/some/path`,
  ]
  const { stdout } = await promisify(execFile)('taskset', ['-c', loadCore, ...wrk])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`a proxy failed requests:\n${stdout}`)
  return {
    requests: Number(/(\d+) requests in/.exec(stdout)?.[1]),
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
  }
}

const starters: Record<string, (ports: Ports, folder: string) => ChildProcess | undefined> = {
  sampan: ({ listen, upstream }) =>
    onCore(proxyCore, process.execPath, [
      join(import.meta.dirname, 'gateway-process.ts'),
      `${listen}`,
      `${upstream}`,
    ]),
  haproxy(ports, folder) {
    if (!existsSync('/usr/sbin/haproxy')) return undefined
    return onCore(proxyCore, '/usr/sbin/haproxy', [
      '-f',
      configFile(folder, 'haproxy.cfg', haproxyConfig(ports)),
    ])
  },
  nginx(ports, folder) {
    if (!existsSync('/usr/sbin/nginx')) return undefined
    return startNginx(folder, proxyCore, (own) => nginxProxyConfig(own, ports))
  },
  caddy(ports, folder) {
    if (!existsSync('/usr/bin/caddy')) return undefined
    const file = configFile(folder, 'Caddyfile', caddyConfig(ports))
    const env = { GOMAXPROCS: '1', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
    return onCore(proxyCore, '/usr/bin/caddy', ['run', '--config', file, '--adapter', 'caddyfile'], env)
  },
}

function startNginx(folder: string, core: string, config: (folder: string) => string): ChildProcess {
  return onCore(core, '/usr/sbin/nginx', ['-c', configFile(folder, 'nginx.conf', config(folder))])
}

function configFile(folder: string, name: string, text: string): string {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

/** `taskset` replaces itself with the command, so the child's pid is the proxy's. */
function onCore(
  core: string,
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  return spawn('taskset', ['-c', core, command, ...args], {
    stdio: 'ignore',
    env: { ...process.env, ...env },
  })
}

/** Of a process and its children (nginx works in one), from /proc; the kernel counts in hundredths of a second. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const own = (Number(fields[11]) + Number(fields[12])) / 100
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number)
  return children.reduce((sum, child) => sum + cpuSeconds(child), own)
}

async function untilOpen(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const isOpen = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await realClock.sleep(100)
  }
  throw new Error(`nothing listens on port ${port} after ten seconds: did it start?`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
