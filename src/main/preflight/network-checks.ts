/** Where the machine gets to: the server, and by it the time; the registry; and, for `sampan up`, its own ports. */
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { request as httpsRequest } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import { describeError, silentLogger } from '../../base/logger.ts'
import { createConnector, hostPortOf, type Way } from '../../client/connector.ts'
import { proxyFor } from '../../client/http-proxy.ts'
import { readNpmConfig } from '../../runtime/packages/npm-config.ts'
import { tryRegistry } from '../../runtime/packages/registry-reach.ts'
import { presentedChain } from '../cluster-ca.ts'
import { caDigestOf } from '../join-token.ts'
import { formatListen, type ListenAddress } from '../listen-address.ts'
import type { Check } from './report.ts'

export interface ServerToReach {
  readonly url: string
  /** Of the cluster that is meant; without it any will do. */
  readonly caDigest?: string
  readonly env: NodeJS.ProcessEnv
  readonly clock: Clock
}

/** A certificate begins an hour before it is made; a token is good to the second. */
const skewLimitedMs = 5_000
const skewMaxMs = 30 * 60_000

/** Whether the server is there, and whether the two clocks agree. */
export async function serverChecks(server: ServerToReach): Promise<readonly Check[]> {
  const { clock, env, url } = server
  const name = 'server'
  const connector = createConnector({ env, clock, logger: silentLogger })
  const problems: string[] = []
  for (const way of ['direct', 'websocket'] as const) {
    try {
      const socket = await connector.connectUnchecked(url, way)
      try {
        const serverTime = await askTime(socket, url)
        const chain = presentedChain(socket).map(caDigestOf)
        if (serverTime === undefined) problems.push('what answers there is no server of Sampan')
        else if (server.caDigest !== undefined && !chain.includes(server.caDigest))
          problems.push('what answers there is not of the cluster that the token or --ca-hash is for')
        else
          return [{ name, verdict: 'ok', found: describeWay(url, way, env) }, clockCheck(serverTime, clock)]
      } finally {
        socket.destroy()
      }
    } catch (error) {
      problems.push(describeError(error))
    }
  }
  const found = `${url} can't be reached: ${[...new Set(problems)].join('; inside of a WebSocket: ')}`
  const next =
    'compare the address with what the server prints, and see whether a firewall or a proxy (HTTPS_PROXY) is in between'
  return [{ name, verdict: 'no', found, next, isNeeded: true }]
}

function describeWay(url: string, way: Way, env: NodeJS.ProcessEnv): string {
  const proxy = proxyFor(hostPortOf(url), env)
  const through = proxy ? ` through the proxy ${proxy.host}:${proxy.port}` : ''
  const inside = way === 'websocket' ? ' inside of a WebSocket, as something in between ends TLS' : ''
  return `${url} answers${through}${inside}`
}

const answerTimeoutMs = 10_000

/** By its `Date`; undefined when it is no server of ours: those name their health without asking who we are. */
function askTime(socket: TLSSocket, url: string): Promise<Date | undefined> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(new URL('/livez', url), {
      createConnection: () => socket,
      timeout: answerTimeoutMs,
    })
    request.once('response', (response) => {
      response.resume()
      const date = new Date(response.headers.date ?? '')
      const isOurs = response.statusCode === 200 && Number.isFinite(date.getTime())
      resolve(isOurs ? date : undefined)
    })
    request.once('timeout', () => request.destroy(new Error('no answer to a request')))
    request.once('error', reject)
    request.end()
  })
}

export function clockCheck(serverTime: Date, clock: Clock): Check {
  // `Date` has whole seconds.
  const skewMs = clock.now().getTime() - serverTime.getTime() - 500
  const [name, seconds] = ['clock', Math.round(Math.abs(skewMs) / 1_000)]
  if (Math.abs(skewMs) <= skewLimitedMs) return { name, verdict: 'ok', found: "agrees with the server's" }
  const found = `${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the server's`
  const next = 'set the time, and keep it by NTP (timedatectl set-ntp true)'
  if (Math.abs(skewMs) <= skewMaxMs)
    return { name, verdict: 'limited', found: `${found}: times of events and logs differ`, next }
  return {
    name,
    verdict: 'no',
    found: `${found}: certificates and tokens don't count yet, or any more`,
    next,
    isNeeded: true,
  }
}

export async function registryCheck(env: NodeJS.ProcessEnv): Promise<Check> {
  const npm = await readNpmConfig({ env, home: homedir(), nodePath: process.execPath })
  const { problem, registry } = await tryRegistry(npm)
  const name = 'registry'
  if (problem === undefined) return { name, verdict: 'ok', found: `${withoutCredentials(registry)} answers` }
  return {
    name,
    verdict: 'no',
    found: `npm: images and other versions of Node.js can't be installed: ${problem}`,
    next: 'set registry and proxy as for npm (npm config set registry URL, HTTPS_PROXY)',
  }
}

const withoutCredentials = (url: string): string => (URL.canParse(url) ? new URL(url).origin : url)

/** For `sampan up`; a node that joins needs none. */
export async function portsCheck(addresses: readonly ListenAddress[]): Promise<Check> {
  const name = 'ports'
  const taken: string[] = []
  for (const address of addresses) if (!(await isFree(address))) taken.push(formatListen(address))
  if (taken.length === 0)
    return { name, verdict: 'ok', found: `free: ${addresses.map(formatListen).join(', ')}` }
  return {
    name,
    verdict: 'limited',
    found: `taken: ${taken.join(', ')}`,
    next: 'give `sampan up` others with --listen, --tls-listen and --gateway-listen',
  }
}

function isFree({ host, port }: ListenAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}
