/** What every stream that an API server opens to a node has in common. */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { badRequest, notFound } from '../api/status.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { PodWorker } from './pod-worker.ts'

export interface NodeStreamsOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly runtime: Runtime
  readonly findPod: (namespace: string, name: string) => PodWorker | undefined
  readonly findByAddress: (podIP: string) => PodWorker | undefined
  /** Where others reach this node without a server in between; told to whoever connects to a pod. */
  readonly dataAddresses: string
}

/** What the stream was opened for. It answers, with 200 first. Rejects with a StatusError as long as nothing is answered. */
export interface StreamRequest {
  readonly stream: ServerHttp2Stream
  /** Decoded segments. */
  readonly path: readonly string[]
  readonly query: URLSearchParams
  /** Aborts when the stream has closed. */
  readonly signal: AbortSignal
}

export const accept = (stream: ServerHttp2Stream, headers: OutgoingHttpHeaders = {}) =>
  stream.respond({
    ':status': 200,
    'content-type': 'application/octet-stream',
    'cache-control': 'no-store',
    ...headers,
  })

export function workerOf(
  { findPod }: Pick<NodeStreamsOptions, 'findPod'>,
  [namespace = '', name = '']: readonly string[],
  query: URLSearchParams,
): PodWorker {
  const worker = findPod(namespace, name)
  const uid = query.get('uid')
  if (!worker || (uid && worker.uid !== uid)) throw notFound({ group: '', resource: 'pods' }, name)
  return worker
}

/** As kubelet says it of a container that has ended or not begun. */
export const notRunning = (container: string, pod: string) =>
  badRequest(`container ${JSON.stringify(container)} in pod ${JSON.stringify(pod)} is not running`)
