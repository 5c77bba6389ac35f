/**
 * HTTP proxies, as companies put them between their machines and the rest: which one leads to a host, by the variables that
 * curl and npm read too (`HTTPS_PROXY`, `NO_PROXY`), and the way through it (`CONNECT`). A proxy's credentials are in no error.
 */
import type { ClientRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Duplex } from 'node:stream'
import { http } from '../base/node-http.ts'

export interface HttpProxy {
  readonly host: string
  readonly port: number
  /** It is spoken to over TLS itself. */
  readonly isTls: boolean
  /** Value of `Proxy-Authorization`. Secret. */
  readonly authorization?: string
}

export interface HostPort {
  /** An IPv6 address without brackets. */
  readonly host: string
  readonly port: number
}

/** There is a proxy, and it can't be used; the message says why. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
}

/** Undefined: the host is reached without one, as those of this machine always are. Throws `ProxyError`. */
export function proxyFor({ host, port }: HostPort, env: NodeJS.ProcessEnv): HttpProxy | undefined {
  const text = env['https_proxy'] || env['HTTPS_PROXY'] || ''
  if (text === '' || isLoopback(host) || isOwn(host)) return undefined
  const exceptions = env['no_proxy'] || env['NO_PROXY'] || ''
  if (exceptions.split(/[\s,]+/).some((exception) => covers(exception, { host, port }))) return undefined
  const full = text.includes('://') ? text : `http://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new ProxyError('HTTPS_PROXY is no address of an HTTP proxy: write http://HOST:PORT')
  const isTls = url.protocol === 'https:'
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  return {
    host: withoutBrackets(url.hostname),
    port: Number(url.port) || (isTls ? 443 : 80),
    isTls,
    ...(credentials !== ':' && { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
  }
}

/** Opens a connection to `target` through the proxy. Rejects with `ProxyError`, or the signal's reason. */
export function connectThrough(proxy: HttpProxy, target: HostPort, signal: AbortSignal): Promise<Duplex> {
  const path = formatHostPort(target)
  const headers = {
    host: path,
    ...(proxy.authorization !== undefined && { 'proxy-authorization': proxy.authorization }),
  }
  const where = formatHostPort(proxy)
  return new Promise((resolve, reject) => {
    const options = { method: 'CONNECT', host: proxy.host, port: proxy.port, path, headers, signal } as const
    const request: ClientRequest = proxy.isTls
      ? httpsRequest({ ...options, agent: false })
      : http.request({ ...options, agent: false })
    request.once('connect', (response, socket, head) => {
      if (response.statusCode !== 200) {
        socket.destroy()
        return reject(new ProxyError(`the proxy ${where} ${refusalOf(response.statusCode)}`))
      }
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    request.once('response', (response) => {
      request.destroy()
      reject(new ProxyError(`the proxy ${where} ${refusalOf(response.statusCode)}`))
    })
    request.once('error', (error) =>
      reject(
        signal.aborted
          ? error
          : new ProxyError(`the proxy ${where} can't be reached: ${error.message}`, { cause: error }),
      ),
    )
    request.end()
  })
}

const refusalOf = (status: number | undefined): string =>
  status === 407 || status === 401 // of tinyproxy
    ? 'takes none of the credentials in HTTPS_PROXY: write http://USER:PASSWORD@HOST:PORT'
    : `answered ${status} where it should have opened a connection: its rules may forbid this host or port`

export const formatHostPort = ({ host, port }: HostPort): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`

export const withoutBrackets = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1')

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host.endsWith('.localhost') || host === '::1' || host.startsWith('127.')

/** A server beside us that tells others its outer address. */
const isOwn = (host: string): boolean =>
  Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === host))

/** `*`, `host`, `.domain`, `*.domain`, an address, a range; each but the first with a port or without. */
function covers(exception: string, { host, port }: HostPort): boolean {
  if (exception === '') return false
  if (exception === '*') return true
  const [, bracketed, plain, onlyPort] = /^(?:\[(.+)\]|(.+?))(?::(\d+))?$/.exec(exception) ?? []
  // An IPv6 address without brackets has colons of its own.
  const isBare = isIPv6(exception)
  const name = (isBare ? exception : (bracketed ?? plain ?? '')).toLowerCase()
  if (!isBare && onlyPort !== undefined && Number(onlyPort) !== port) return false
  if (name.includes('/')) return isInRange(host, name)
  const wanted = host.toLowerCase()
  const domain = name.replace(/^\*?\./, '')
  return wanted === name || (isIP(wanted) === 0 && (wanted === domain || wanted.endsWith(`.${domain}`)))
}

function isInRange(host: string, range: string): boolean {
  const [address = '', bits = ''] = range.split('/')
  const family = isIP(address)
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits)) return false
  if (Number(bits) > (family === 4 ? 32 : 128)) return false
  const list = new BlockList()
  const name = family === 4 ? 'ipv4' : 'ipv6'
  list.addSubnet(address, Number(bits), name)
  return list.check(host, name)
}
