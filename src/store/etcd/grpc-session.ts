/**
 * gRPC over one HTTP/2 connection. On `node:http2` directly: in bench/store.ts it carries twice as many writes a second
 * as @grpc/grpc-js does, and takes none of the memory. https://github.com/grpc/grpc/blob/a3ae8e0/doc/PROTOCOL-HTTP2.md
 */
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2'

import type { Clock } from '../../base/clock.ts'
import { methods } from './messages.ts'
import { createFrameReader } from './protobuf.ts'
import type { Endpoint, EtcdTls } from './etcd-url.ts'

/** What gRPC calls the outcome; the numbers are its own. */
export const grpcCodes = {
  ok: 0,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const

export class GrpcError extends Error {
  override readonly name = 'GrpcError'
  readonly code: number
  /** The server has not seen the request: it can be repeated, whatever it asks for. */
  readonly isUnseen: boolean
  constructor(code: number, message: string, options: ErrorOptions & { readonly isUnseen?: boolean } = {}) {
    super(message, options)
    this.code = code
    this.isUnseen = options.isUnseen ?? false
  }
}

export interface GrpcCall {
  readonly path: string
  /** A message as `frameOf` makes it. */
  readonly frame: Uint8Array
  readonly token: string | undefined
  /** How long it may take until the answer begins, or goes on. */
  readonly timeoutMs: number
}

export interface GrpcStream {
  readonly onMessage: (message: Buffer) => void
  /** Once, unless `close` was called. Without an error where the server ended it in good order. */
  readonly onEnd: (error?: GrpcError) => void
}

export interface OpenGrpcStream {
  close(): void
}

export interface GrpcSession {
  /** `host:port`, for messages. */
  readonly name: string
  /** Nothing new can be asked of it. */
  readonly isClosed: boolean
  unary(call: GrpcCall): Promise<Buffer>
  /** Sends one message and listens; it goes on until either side ends it. */
  stream(call: Omit<GrpcCall, 'timeoutMs'>, stream: GrpcStream): OpenGrpcStream
  /** Calls under way are finished first, streams are ended. */
  close(): Promise<void>
  /** Everything under way fails with `why`. */
  destroy(why: Error): void
}

const connectMsMax = 2_000
/** etcd takes a client that pings more often than each 5 s for an attack. */
const pingEveryMs = 5_500
const pongMsMax = 3_000
const sweepEveryMs = 200
const connectionWindowBytes = 32 * 1024 * 1024
const streamWindowBytes = 8 * 1024 * 1024
/** A first page of a list may have 100 values of 4 MiB; later pages have about 4 MiB, a fragment of a watch 1.5 MiB. */
const messageBytesMax = 512 * 1024 * 1024

interface Pending {
  readonly startMs: number
  deadlineMs: number
  readonly stream: ClientHttp2Stream
  readonly fail: (error: GrpcError) => void
}

/** Resolves once the server has spoken: a frozen one still lets its kernel accept connections. */
export async function openGrpcSession(
  endpoint: Endpoint,
  tls: EtcdTls | undefined,
  clock: Clock,
): Promise<GrpcSession> {
  const name = endpoint.host.includes(':')
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`
  const session = connect(`${tls ? 'https' : 'http'}://${name}`, {
    ...(tls?.ca !== undefined && { ca: tls.ca }),
    ...(tls?.cert !== undefined && { cert: tls.cert }),
    ...(tls?.key !== undefined && { key: tls.key }),
    settings: { enablePush: false, initialWindowSize: streamWindowBytes },
  })
  const unreachable = (why: string, cause?: unknown) =>
    new GrpcError(grpcCodes.unavailable, `${name} ${why}`, { cause, isUnseen: true })
  await new Promise<void>((resolve, reject) => {
    const cancel = clock.after(connectMsMax, () =>
      reject(unreachable(`does not answer within ${connectMsMax} ms`)),
    )
    const settle = (finish: () => void) => () => {
      cancel()
      finish()
    }
    session.once('remoteSettings', settle(resolve))
    session.once(
      'close',
      settle(() => reject(unreachable('closed the connection'))),
    )
    session.on('error', (error) => settle(() => reject(unreachable('is not reachable', error)))())
  }).catch((error: unknown) => {
    session.destroy()
    throw error
  })
  session.setLocalWindowSize(connectionWindowBytes)
  return new Http2Session(name, session, clock)
}

class Http2Session implements GrpcSession {
  readonly name: string
  readonly #session: ClientHttp2Session
  readonly #clock: Clock
  readonly #pending = new Set<Pending>()
  readonly #stops: (() => void)[]
  #heardMs: number
  #why: Error | undefined

  constructor(name: string, session: ClientHttp2Session, clock: Clock) {
    this.name = name
    this.#session = session
    this.#clock = clock
    this.#heardMs = clock.monotonicMs()
    this.#stops = [
      clock.every(sweepEveryMs, () => this.#sweep()),
      clock.every(pingEveryMs, () => this.#ping()),
    ]
    session.on('error', (error: Error) => (this.#why ??= error)) // the streams fail with it, one by one
    session.once('close', () => {
      for (const stop of this.#stops) stop()
    })
  }

  get isClosed(): boolean {
    return this.#session.closed || this.#session.destroyed
  }

  unary({ timeoutMs, ...call }: GrpcCall): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let answer: Buffer | undefined
      const startMs = this.#clock.monotonicMs()
      const stream = this.#request(call, {
        onData: () => (pending.deadlineMs = this.#heardMs + timeoutMs),
        onMessage: (message) => (answer = message),
        onEnd: (error) => {
          this.#pending.delete(pending)
          if (error) reject(error)
          else if (answer) resolve(answer)
          else reject(new GrpcError(grpcCodes.unknown, `${this.name} answered without a message`))
        },
      })
      const pending = { startMs, deadlineMs: startMs + timeoutMs, stream, fail: reject }
      this.#pending.add(pending)
    })
  }

  stream(call: Omit<GrpcCall, 'timeoutMs'>, { onMessage, onEnd }: GrpcStream): OpenGrpcStream {
    let isOpen = true
    const stream = this.#request(call, {
      onMessage: (message) => {
        if (isOpen) onMessage(message)
      },
      onEnd: (error) => {
        if (!isOpen) return
        isOpen = false
        onEnd(error)
      },
    })
    return {
      close: () => {
        isOpen = false
        stream.close(constants.NGHTTP2_CANCEL)
      },
    }
  }

  async close(): Promise<void> {
    if (this.#session.destroyed) return
    const closed = new Promise<void>((resolve) => this.#session.once('close', () => resolve()))
    this.#session.close()
    await closed
  }

  destroy(why: Error): void {
    this.#why ??= why
    this.#session.destroy()
  }

  #request(
    { path, frame, token }: Omit<GrpcCall, 'timeoutMs'>,
    on: GrpcStream & { readonly onData?: () => void },
  ): ClientHttp2Stream {
    if (this.isClosed) throw this.#broken(true)
    const stream = this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      'content-type': 'application/grpc',
      te: 'trailers',
      hasleader: 'true', // a member cut off from the others says so at once instead of keeping us waiting
      ...(token !== undefined && { token }),
    })
    let outcome: GrpcError | 'ok' | undefined
    const reader = createFrameReader(on.onMessage, messageBytesMax)
    const end = (headers: IncomingHttpHeaders & IncomingHttpStatusHeader) => {
      if (headers['grpc-status'] !== undefined) outcome = outcomeOf(headers)
      else if (headers[':status'] !== undefined && headers[':status'] !== 200)
        outcome = new GrpcError(
          grpcCodes.unavailable,
          `${this.name} answered with HTTP status ${headers[':status']}`,
        )
    }
    stream.on('response', end)
    stream.on('trailers', end)
    stream.on('data', (chunk: Buffer) => {
      this.#heardMs = this.#clock.monotonicMs()
      on.onData?.()
      try {
        reader.push(chunk)
      } catch (error) {
        outcome = new GrpcError(grpcCodes.unknown, `${this.name} does not speak etcd's protocol`, {
          cause: error,
        })
        stream.close(constants.NGHTTP2_CANCEL)
      }
    })
    stream.on('error', (error) => (this.#why ??= error)) // 'close' follows
    stream.on('close', () => {
      if (outcome === 'ok') return on.onEnd()
      on.onEnd(outcome ?? this.#broken(stream.rstCode === constants.NGHTTP2_REFUSED_STREAM))
    })
    // A watch, too, sends but one message.
    if (path === methods.watch) stream.write(frame)
    else stream.end(frame)
    return stream
  }

  #broken(isUnseen: boolean): GrpcError {
    const message = `the connection to ${this.name} broke`
    return new GrpcError(grpcCodes.unavailable, message, { cause: this.#why, isUnseen })
  }

  #ping(): void {
    if (this.isClosed) return
    const cancel = this.#clock.after(pongMsMax, () =>
      this.destroy(new Error(`${this.name} did not answer a ping within ${pongMsMax} ms`)),
    )
    const sent = this.#session.ping(() => {
      cancel()
      this.#heardMs = this.#clock.monotonicMs()
    })
    if (!sent) cancel()
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const pending of this.#pending) {
      if (nowMs < pending.deadlineMs) continue
      this.#pending.delete(pending)
      const waitedMs = Math.round(nowMs - pending.startMs)
      pending.fail(
        new GrpcError(grpcCodes.deadlineExceeded, `${this.name} did not answer within ${waitedMs} ms`),
      )
      // Nothing else came either: it is not this one request that is slow.
      if (this.#heardMs < pending.startMs) return this.destroy(new Error(`${this.name} is silent`))
      pending.stream.close(constants.NGHTTP2_CANCEL)
    }
  }
}

function outcomeOf(headers: IncomingHttpHeaders): GrpcError | 'ok' {
  const code = Number(headers['grpc-status'])
  if (code === grpcCodes.ok) return 'ok'
  const message = String(headers['grpc-message'] ?? '')
  try {
    return new GrpcError(code, decodeURIComponent(message))
  } catch {
    return new GrpcError(code, message) // not percent-encoded after all: still worth reading
  }
}
