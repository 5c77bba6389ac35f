/**
 * pods/proxy, services/proxy: the request goes to the app as it came, over a stream to its node, and so does the answer.
 * Nothing in either is rewritten. nodes/proxy reads what the node itself serves.
 */
import type { IncomingMessage } from 'node:http'
import { Readable, type Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { http } from '../../base/node-http.ts'
import { describeError } from '../../base/logger.ts'
import { badRequest, serviceUnavailable } from '../../api/status.ts'
import { dialPod } from '../connect/pod-target.ts'
import type { VerbContext } from '../context.ts'
import type { ApiResponse } from '../http.ts'
import { nodeError } from './node-error.ts'
import { pathBehind, proxyTarget, type ProxyTarget } from './proxy-target.ts'

/** Of one connection only (RFC 9110, 7.6.1), and the client's credentials for this server. */
const ownHeaders = new Set([
  'authorization',
  'connection',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Whether a header of a request is not for the app. Whom its client acts as here is none of the app's business either. */
export const isOwnHeader = (name: string): boolean => ownHeaders.has(name) || name.startsWith('impersonate-')

export async function proxy(context: VerbContext): Promise<ApiResponse> {
  const { info, request } = context
  // Relative links of an app work below a slash only.
  if (info.path.endsWith('/proxy') && (info.method === 'GET' || info.method === 'HEAD')) {
    const location = request.path.replace(/\/proxy(?=\?|$)/, '/proxy/')
    return { status: 301, headers: { location, 'content-length': '0' }, body: nothing() }
  }
  const target = await proxyTarget(context)
  const stream = await dialProxied(context, target)
  return await exchange(context, target, stream)
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Throws ServiceUnavailable when nobody answers. */
export async function dialProxied(context: VerbContext, { pod, port }: ProxyTarget): Promise<Duplex> {
  try {
    return await dialPod(context, pod, port, context.signal)
  } catch (error) {
    throw unreachable(error)
  }
}

const unreachable = (cause: unknown) =>
  serviceUnavailable(`error trying to reach service: ${describeError(cause)}`, { cause })

/** Apps behind `https:` have certificates of their own making, as upstream assumes. */
export const secured = (stream: Duplex, scheme: ProxyTarget['scheme']): Duplex =>
  scheme === 'https' ? connectTls({ socket: stream, rejectUnauthorized: false }) : stream

function exchange(
  { request, signal }: VerbContext,
  target: ProxyTarget,
  stream: Duplex,
): Promise<ApiResponse> {
  return new Promise((resolve, reject) => {
    const connection = secured(stream, target.scheme)
    const outgoing = http.request({
      method: request.method,
      path: target.path,
      headers: { ...forwarded(request.headers), ...framing(request.headers), host: target.host },
      createConnection: () => connection,
    })
    const abort = () => outgoing.destroy(new Error('the client went away'))
    signal.addEventListener('abort', abort, { once: true })
    outgoing.once('close', () => signal.removeEventListener('abort', abort))
    outgoing.once('error', (error) => {
      stream.destroy()
      reject(unreachable(error))
    })
    outgoing.once('response', (incoming) => resolve(answerOf(incoming)))
    const { body } = request
    if (body === undefined) return outgoing.end()
    if (body instanceof Uint8Array) return outgoing.end(body)
    Readable.from(body, { objectMode: false })
      .on('error', (error) => outgoing.destroy(error))
      .pipe(outgoing)
  })
}

/** Node.js would send a DELETE's body without saying where it ends. */
const framing = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }

function forwarded(headers: Readonly<Record<string, string>>): Record<string, string> {
  const named = (headers['connection'] ?? '').split(',').map((name) => name.trim().toLowerCase())
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !isOwnHeader(name) && !named.includes(name)),
  )
}

function answerOf(incoming: IncomingMessage): ApiResponse {
  const { 'set-cookie': cookies, ...rest } = incoming.headers
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) texts[name] = String(value)
  return {
    status: incoming.statusCode ?? 502,
    headers: forwarded(texts),
    ...(cookies && { cookies }),
    body: incoming,
  }
}

/** The node's own paths, reading only: `/healthz`, `/containerLogs/…`. */
export async function nodeProxy(context: VerbContext): Promise<ApiResponse> {
  const { info, machinery, signal } = context
  if (info.method !== 'GET') throw badRequest('only GET requests are passed on to a node')
  const [node = ''] = info.name.split(':')
  if (!machinery.nodes)
    throw serviceUnavailable(`node ${JSON.stringify(node)} is not connected to this server`)
  const path = pathBehind(context)
  const answer = await machinery.nodes.requestNode(node, { method: 'GET', path, signal })
  if (answer.status >= 400) throw await nodeError(answer, node)
  return { status: answer.status, headers: answer.headers, body: answer.body }
}
