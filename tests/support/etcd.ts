/** Real etcd on loopback and free ports, one member or several, for tests and benchmarks. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Host } from './hosts.ts'

export interface EtcdOptions {
  readonly members?: number
  /** More arguments for each member. */
  readonly args?: readonly string[]
  /** Where clients find it; with `https` the arguments say which certificates. */
  readonly scheme?: 'http' | 'https'
  /** Where each member runs; default: all of them here, on free ports. */
  readonly hosts?: readonly Host[]
  /** A folder of the caller's; default: one of its own, which goes in the end. */
  readonly folder?: string
}

export interface EtcdMember {
  readonly name: string
  /** `ADDRESS:PORT` for clients. */
  readonly endpoint: string
  readonly dataDir: string
  readonly pid: number
  /** Sends a signal; resolves when it has ended, where it ends by that. */
  signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** Again, on the same data and ports. Does not wait until it answers. */
  start(): void
}

export interface EtcdCluster extends AsyncDisposable {
  readonly members: readonly EtcdMember[]
  /** All endpoints, as in a store's URL. */
  readonly endpoints: string
  /** `etcdctl` against all members. Throws when it fails. Answers what it printed. */
  ctl(args: readonly string[]): string
  /** The member that leads, once there is one. */
  leader(): Promise<EtcdMember>
}

export const etcdVersion = (program = 'etcd'): string | undefined =>
  /etcd Version: (\S+)/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1]

const readyMsMax = 30_000
const askEveryMs = 50

/** Resolves when each member answers. */
export async function startEtcdCluster(options: EtcdOptions = {}): Promise<EtcdCluster> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'sampan-etcd-'))
  const scheme = options.scheme ?? 'http'
  const places = options.hosts?.map(placeIn) ?? (await placesOf(options.members ?? 1))
  const initial = places.map(({ address, name, peer }) => `${name}=http://${address}:${peer}`).join(',')
  const members = places.map((place) =>
    memberOf(place, { folder, scheme, initial, args: options.args ?? [] }),
  )
  const endpoints = members.map(({ endpoint }) => endpoint).join(',')
  const ctl = (args: readonly string[]) => {
    const urls = members.map(({ endpoint }) => `${scheme}://${endpoint}`).join(',')
    const env = { PATH: process.env['PATH'], ETCDCTL_API: '3' }
    const command = ['--endpoints', urls, '--dial-timeout=2s', ...args]
    const { status, stdout, stderr } = spawnSync('etcdctl', command, {
      encoding: 'utf8',
      env,
      timeout: 20_000,
    })
    if (status !== 0) throw new Error(`etcdctl ${args.join(' ')} failed with ${status}: ${stderr}`)
    return stdout
  }
  const cluster: EtcdCluster = {
    members,
    endpoints,
    ctl,
    leader: () => leaderOf(members, ctl),
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member.signal('SIGKILL')))
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    for (const member of members) member.start()
    for (const { name, endpoint } of members) await untilReady(endpoint, () => logOf(folder, name))
    return cluster
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    throw error
  }
}

interface Place {
  readonly name: string
  readonly address: string
  readonly host?: Host
  readonly client: number
  readonly peer: number
}

/** Ports that were free a moment ago, all different. */
async function placesOf(count: number): Promise<Place[]> {
  const servers = Array.from({ length: count * 2 }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return Array.from({ length: count }, (_, i) => ({
    name: `m${i + 1}`,
    address: '127.0.0.1',
    client: ports[i * 2] ?? 0,
    peer: ports[i * 2 + 1] ?? 0,
  }))
}

const placeIn = (host: Host, i: number): Place => ({
  name: `m${i + 1}`,
  address: host.address,
  host,
  client: 2379,
  peer: 2380,
})

interface Launch {
  readonly folder: string
  readonly scheme: string
  readonly initial: string
  readonly args: readonly string[]
}

function memberOf(
  { address, client, host, name, peer }: Place,
  { folder, scheme, initial, args }: Launch,
): EtcdMember {
  const [clientUrl, peerUrl] = [`${scheme}://${address}:${client}`, `http://${address}:${peer}`]
  const dataDir = join(folder, name)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  let child: ChildProcess | undefined
  return {
    name,
    endpoint: `${address}:${client}`,
    dataDir,
    get pid() {
      return child?.pid ?? 0
    },
    start() {
      const log = openSync(join(folder, `${name}.log`), 'a')
      const command = [
        `--name=${name}`,
        `--data-dir=${dataDir}`,
        `--listen-client-urls=${clientUrl}`,
        `--advertise-client-urls=${clientUrl}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=${initial}`,
        '--logger=zap',
        '--log-level=error',
        ...args,
      ]
      const [program, all] = host?.command('etcd', command) ?? ['etcd', command]
      child = spawn(program, all, { stdio: ['ignore', log, log] })
      closeSync(log)
    },
    async signal(signal) {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill(signal)
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await exited
    },
  }
}

const logOf = (folder: string, name: string) =>
  readFileSync(join(folder, `${name}.log`), 'utf8').slice(-2_000)

/** Until a member has opened its port, which it does once it is part of a cluster with a leader. */
async function untilReady(endpoint: string, log: () => string): Promise<void> {
  const [host = '', port] = endpoint.split(':')
  const deadline = performance.now() + readyMsMax
  while (!(await accepts(host, Number(port)))) {
    if (performance.now() > deadline) throw new Error(`etcd at ${endpoint} did not start: ${log()}`)
    await new Promise((resolve) => setTimeout(resolve, askEveryMs))
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    const settle = (isOpen: boolean) => () => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', settle(true))
    socket.once('error', settle(false))
  })
}

async function leaderOf(members: readonly EtcdMember[], ctl: EtcdCluster['ctl']): Promise<EtcdMember> {
  interface Status {
    readonly Endpoint: string
    readonly Status: { readonly header: { readonly member_id: number }; readonly leader: number }
  }
  const deadline = performance.now() + readyMsMax
  for (;;) {
    const statuses = JSON.parse(ctl(['endpoint', 'status', '-w', 'json'])) as readonly Status[]
    const leads = statuses.find(({ Status: { header, leader } }) => header.member_id === leader)
    const member = members.find(({ endpoint }) => leads?.Endpoint.endsWith(endpoint))
    if (member) return member
    if (performance.now() > deadline) throw new Error('the etcd cluster has no leader')
    await new Promise((resolve) => setTimeout(resolve, askEveryMs))
  }
}
