/**
 * What the node answers over its own outbound connections: HTTP/2 streams that an API server opens.
 *
 *   GET /healthz
 *   GET /containerLogs/NAMESPACE/POD/CONTAINER?follow&tailLines&…&uid
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { finished } from 'node:stream/promises'
import { Readable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { badRequest, internal, invalid, isStatusError, notFound, type StatusError } from '../api/status.ts'
import { parseLogOptions } from '../api/streams/log-options.ts'
import { readLog } from './log-reader.ts'
import type { PodWorker } from './pod-worker.ts'

export interface NodeServer {
  /** Answers one stream. Never rejects. */
  serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void>
}

export interface NodeServerOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly findPod: (namespace: string, name: string) => PodWorker | undefined
}

interface Answer {
  readonly contentType: string
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

export function createNodeServer(options: NodeServerOptions): NodeServer {
  return {
    async serve(stream, headers) {
      const closed = new AbortController()
      stream.once('close', () => closed.abort(new Error('the stream was closed')))
      stream.on('error', (error) => options.logger.debug('a stream to the node broke', { error }))
      try {
        const answer = await route(options, headers, closed.signal)
        stream.respond({ ':status': 200, 'content-type': answer.contentType, 'cache-control': 'no-store' })
        Readable.from(answer.body, { objectMode: false })
          .on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
          .pipe(stream)
        await finished(stream)
      } catch (error) {
        if (!stream.destroyed && !stream.headersSent)
          refuse(stream, isStatusError(error) ? error : internal(error))
      }
    },
  }
}

function refuse(stream: ServerHttp2Stream, { status }: StatusError): void {
  stream.respond({ ':status': status.code, 'content-type': 'application/json' })
  stream.end(JSON.stringify(status))
}

/** Throws a StatusError. */
async function route(
  options: NodeServerOptions,
  headers: IncomingHttpHeaders,
  signal: AbortSignal,
): Promise<Answer> {
  const url = new URL(String(headers[':path'] ?? '/'), 'http://node')
  const [, first, ...rest] = url.pathname.split('/').map(decode)
  if (headers[':method'] !== 'GET') throw badRequest('the node answers GET requests only')
  if (first === 'healthz') return { contentType: 'text/plain', body: [Buffer.from('ok')] }
  if (first === 'containerLogs' && rest.length === 3)
    return containerLogs(options, { place: rest, url, signal })
  throw notFound({ group: '', resource: 'nodes' }, url.pathname)
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw badRequest(`"${segment}" in the path is not properly encoded`, { cause })
  }
}

async function containerLogs(
  { clock, findPod }: NodeServerOptions,
  {
    place,
    url,
    signal,
  }: { readonly place: readonly string[]; readonly url: URL; readonly signal: AbortSignal },
): Promise<Answer> {
  const [namespace = '', name = '', container = ''] = place
  const { options, errors } = parseLogOptions(url.searchParams)
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, name, errors)
  const worker = findPod(namespace, name)
  const uid = url.searchParams.get('uid')
  if (!worker || (uid && worker.uid !== uid)) throw notFound({ group: '', resource: 'pods' }, name)
  const run = await worker.container(container)
  if (!run) throw badRequest(`container ${container} is not valid for pod ${name}`)
  const source = run.log(options.previous ? 'previous' : 'current')
  if (!source) {
    throw options.previous
      ? badRequest(`previous terminated container "${container}" in pod "${name}" not found`)
      : badRequest(`container "${container}" in pod "${name}" is waiting to start: ContainerCreating`)
  }
  return { contentType: 'text/plain', body: readLog(source, { options, now: clock.now(), signal }) }
}
