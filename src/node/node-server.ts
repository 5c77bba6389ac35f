/**
 * What the node answers over its own outbound connections: HTTP/2 streams that an API server opens.
 *
 *   GET /healthz
 *   GET /containerLogs/NAMESPACE/POD/CONTAINER?follow&tailLines&…&uid
 *   GET /logHistory/NAMESPACE/NAME?sinceTime&untilTime&container&stream&follow     NAME: of a pod or an app, deleted or not
 *   GET /metrics            the agent's own, for Prometheus
 *   GET /metrics/resource   CPU and memory of containers, pods and machine, for Prometheus
 *   GET /metrics/nodejs     event loops, heaps, connections of the pods' Node.js processes, for Prometheus
 *   GET /stats/summary      the same with rates, as JSON
 *
 * and what `node-streams.ts` has.
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { finished } from 'node:stream/promises'
import { Readable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { metricsContentType, type Metrics } from '../base/metrics.ts'
import { badRequest, internal, invalid, isStatusError, notFound, type StatusError } from '../api/status.ts'
import { parseLogOptions } from '../api/streams/log-options.ts'
import { historyContentType, parseHistoryOptions } from '../api/streams/log-history.ts'
import type { LogFolder } from './log-archive.ts'
import { historyAnswer } from './log-history.ts'
import { readLog } from './log-reader.ts'
import type { NodejsMeter } from './nodejs-metrics.ts'
import { resourceMetrics, statsSummary } from './usage-answers.ts'
import type { UsageMeter } from './usage.ts'
import { serveStream } from './node-streams.ts'
import { workerOf } from './stream-request.ts'
import type { PodWorker } from './pod-worker.ts'
import type { Runtime } from '../runtime/runtime.ts'

export interface NodeServer {
  /** Answers one stream. Never rejects. */
  serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void>
}

export interface NodeServerOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly runtime: Runtime
  readonly findPod: (namespace: string, name: string) => PodWorker | undefined
  readonly findByAddress: (podIP: string) => PodWorker | undefined
  readonly nodeName: string
  /** Where others reach this node without a server in between; empty: nowhere. */
  readonly dataAddresses: string
  readonly usage: UsageMeter
  readonly nodejs: NodejsMeter
  readonly metrics: Pick<Metrics, 'render'>
  /** Of pods that are here and of those that have been. */
  readonly logFolders: () => Promise<readonly LogFolder[]>
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
        const target = targetOf(headers)
        if (headers[':method'] === 'POST') {
          const served = serveStream(options, { stream, signal: closed.signal, ...target })
          if (!served) throw unknownPath(target.path)
          return await served
        }
        const answer = await route(options, headers, { ...target, signal: closed.signal })
        stream.respond({ ':status': 200, 'content-type': answer.contentType, 'cache-control': 'no-store' })
        await sendBody(stream, answer.body)
      } catch (error) {
        if (!stream.destroyed && !stream.headersSent)
          refuse(stream, isStatusError(error) ? error : internal(error))
      }
    },
  }
}

/** Whoever asked may go away in the middle: then the body lets go of its files. */
async function sendBody(stream: ServerHttp2Stream, body: Answer['body']): Promise<void> {
  const source = Readable.from(body, { objectMode: false })
  try {
    source.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR)).pipe(stream)
    await finished(stream)
  } finally {
    source.destroy()
  }
}

function refuse(stream: ServerHttp2Stream, { status }: StatusError): void {
  stream.respond({ ':status': status.code, 'content-type': 'application/json' })
  stream.end(JSON.stringify(status))
}

interface Target {
  /** Decoded segments. */
  readonly path: readonly string[]
  readonly query: URLSearchParams
}

interface PlacedTarget extends Target {
  /** What follows the first segment. */
  readonly place: readonly string[]
  readonly signal: AbortSignal
}

function targetOf(headers: IncomingHttpHeaders): Target {
  const url = new URL(String(headers[':path'] ?? '/'), 'http://node')
  return { path: url.pathname.split('/').slice(1).map(decode), query: url.searchParams }
}

const unknownPath = (path: readonly string[]): StatusError =>
  notFound({ group: '', resource: 'nodes' }, `/${path.join('/')}`)

/** Throws a StatusError. */
async function route(
  options: NodeServerOptions,
  headers: IncomingHttpHeaders,
  target: Target & { readonly signal: AbortSignal },
): Promise<Answer> {
  const [first, ...place] = target.path
  if (headers[':method'] !== 'GET') throw badRequest('the node answers GET and POST requests only')
  if (first === 'healthz') return { contentType: 'text/plain', body: [Buffer.from('ok')] }
  switch (target.path.join('/')) {
    case 'metrics':
      return textAnswer(metricsContentType, options.metrics.render())
    case 'metrics/resource':
      return textAnswer(metricsContentType, resourceMetrics(await options.usage.look()).render())
    case 'metrics/nodejs':
      return textAnswer(metricsContentType, await options.nodejs.render())
    case 'stats/summary': {
      const summary = statsSummary(options.nodeName, await options.usage.window())
      return textAnswer('application/json', JSON.stringify(summary))
    }
  }
  if (first === 'containerLogs' && place.length === 3) return containerLogs(options, { place, ...target })
  if (first === 'logHistory' && place.length === 2) return logHistory(options, { place, ...target })
  throw unknownPath(target.path)
}

function logHistory(
  { logFolders, clock }: NodeServerOptions,
  { place: [namespace = '', name = ''], query, signal }: PlacedTarget,
): Answer {
  const { options, errors } = parseHistoryOptions(query)
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, name, errors)
  const source = { folders: logFolders, clock, signal }
  return {
    contentType: historyContentType,
    body: historyAnswer(source, { ...options, namespace, name }),
  }
}

const textAnswer = (contentType: string, text: string): Answer => ({ contentType, body: [Buffer.from(text)] })

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw badRequest(`"${segment}" in the path is not properly encoded`, { cause })
  }
}

async function containerLogs(
  options: NodeServerOptions,
  { place, query, signal }: PlacedTarget,
): Promise<Answer> {
  const [, name = '', container = ''] = place
  const { options: wanted, errors } = parseLogOptions(query)
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, name, errors)
  const run = await workerOf(options, place, query).container(container)
  if (!run) throw badRequest(`container ${container} is not valid for pod ${name}`)
  const source = run.log(wanted.previous ? 'previous' : 'current')
  if (!source) {
    throw wanted.previous
      ? badRequest(`previous terminated container "${container}" in pod "${name}" not found`)
      : badRequest(`container "${container}" in pod "${name}" is waiting to start: ContainerCreating`)
  }
  return {
    contentType: 'text/plain',
    body: readLog(source, { options: wanted, now: options.clock.now(), signal }),
  }
}
