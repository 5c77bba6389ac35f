import type { Duplex } from 'node:stream'
import { ChunkScanner } from './chunk-scanner.ts'
import type { EndpointState, IdleConnection } from './endpoint-state.ts'
import type { FailureReason } from './failures.ts'
import type { GatewayCore } from './gateway-core.ts'
import { incomplete, refused } from './header-fields.ts'
import { type BodyFraming, framingOf, readResponseHead, type ResponseHead } from './response-head.ts'
import { type BodyPart, joinBytesMax } from './write-joined.ts'

/** What the connections of a gateway share. */
export type Core = GatewayCore<UpstreamConnection>

/** One request as its upstream connection sees it. After `onLost`, `onBroken` or `onDone` no further call comes. */
export interface Exchange {
  readonly method: string
  /** The whole request has been handed to the upstream connection. */
  readonly isRequestSent: boolean
  readonly wantsUpgrade: boolean
  /** The client understands neither chunks nor interim answers. */
  readonly isHttp10: boolean
  onConnected(): void
  onConnectFailed(reason: FailureReason): void
  /** The connection ended before a final response head was complete. */
  onLost(): void
  /** The connection ended, or the app broke the protocol, in the middle of a response body. */
  onBroken(reason: FailureReason): void
  onBadResponse(problem: string): void
  onInterim(head: ResponseHead): void
  /** The head with the body bytes that came with it. False asks the caller to pause. */
  onResponse(head: ResponseHead, framing: BodyFraming, part: BodyPart): boolean
  onBody(part: BodyPart): boolean
  onDone(): void
  /** The app said 101: from here on both sides are raw bytes. */
  onTunnel(head: ResponseHead, rest: Buffer | undefined): void
  onTunnelData(chunk: Buffer): boolean
  onTunnelEnd(): void
  onUpstreamDrain(): void
}

type Phase = 'connecting' | 'idle' | 'head' | 'body' | 'tunnel' | 'dead'

/**
 *   connecting ── idle ⇄ (head ── body) ── idle
 *                          └── tunnel
 * and from anywhere to dead. One connection to one endpoint; serves one exchange at a time.
 */
export class UpstreamConnection implements IdleConnection {
  readonly state: EndpointState<UpstreamConnection>
  readonly #core: Core
  readonly #socket: Duplex
  readonly #part: BodyPart = { buf: emptyBuffer, start: 0, end: 0 }
  readonly #chunks = new ChunkScanner()
  #exchange: Exchange | undefined
  #phase: Phase = 'connecting'
  /** Served a request before this one: it may have been closed by the app just now. */
  isReused = false
  idleSinceMs = 0
  #pending: Buffer | undefined
  #framing: BodyFraming = 'none'
  #remaining = 0
  #isKeptAlive = true
  #interimCount = 0
  #isDone = false
  #isPaused = false
  /** The bytes at hand lie in the shared buffer. */
  #isShared = false

  /** Counts itself in `state.open` until its socket is closed. `exchange` is told when it is connected. */
  constructor(core: Core, state: EndpointState<UpstreamConnection>, exchange: Exchange) {
    this.#core = core
    this.state = state
    this.#exchange = exchange
    const onread = {
      buffer: core.readBuffer,
      callback: (count: number) => {
        this.#onSharedBytes(count)
        return true
      },
    }
    this.#socket = core.dial(state.endpoint, { onread })
    state.open++
    state.active++
    core.counters.upstreamConnects++
    const socket = this.#socket
    let error: Error | undefined
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('drain', () => this.#exchange?.onUpstreamDrain())
    socket.on('end', () => this.#onEnd())
    socket.on('error', (cause: Error) => (error = cause))
    socket.on('close', () => this.#onClose(error))
    // A dialled stream that is not a socket, or one that is connected, takes bytes at once.
    if ('connecting' in socket && socket.connecting === true) socket.once('connect', () => this.#onConnect())
    else process.nextTick(() => this.#onConnect())
  }

  get isUsable(): boolean {
    return this.#phase === 'idle' && this.#socket.writable && this.#socket.readable
  }

  get needsDrain(): boolean {
    return this.#socket.writableNeedDrain
  }

  /** Takes an idle connection into use. */
  attach(exchange: Exchange): void {
    this.#exchange = exchange
    this.isReused = true
    this.state.active++
  }

  /** Sends a head, or a head and the whole body, as latin1 text. False asks the caller to wait for the drain. */
  sendHead(text: string): boolean {
    this.#phase = 'head'
    this.#interimCount = 0
    return this.#socket.write(text, 'latin1')
  }

  send(chunk: Buffer): boolean {
    return this.#socket.write(chunk)
  }

  end(): void {
    this.#socket.end()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
  }

  /** Ends the connection. The exchange is not told. */
  close(): void {
    this.#detach()
    this.#phase = 'dead'
    this.#socket.destroy()
  }

  #detach(): Exchange | undefined {
    const exchange = this.#exchange
    if (exchange !== undefined) {
      this.#exchange = undefined
      this.state.active--
    }
    return exchange
  }

  #onConnect(): void {
    if (this.#phase !== 'connecting' || this.#socket.destroyed) return
    this.#phase = 'idle'
    this.#exchange?.onConnected()
  }

  /** Bytes at the start of the buffer that all sockets share. Only a head is read in place; the rest may be kept. */
  #onSharedBytes(count: number): void {
    const chunk = this.#core.readBuffer.subarray(0, count)
    this.#isShared = this.#phase === 'head'
    this.#onData(this.#isShared ? chunk : Buffer.from(chunk))
    this.#isShared = false
  }

  #onData(chunk: Buffer): void {
    if (this.#exchange === undefined) return this.close() // bytes that nobody asked for: never the next answer
    if (this.#phase === 'body') this.#onBody(chunk, 0)
    else if (this.#phase === 'head') this.#onHead(chunk)
    else if (this.#phase === 'tunnel') {
      if (!this.#exchange.onTunnelData(chunk)) this.#pause()
    } else this.#refuse('early')
  }

  #onHead(chunk: Buffer): void {
    const buf = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk])
    this.#pending = undefined
    let at = 0
    const head = this.#core.responseHead
    for (;;) {
      const exchange = this.#exchange
      if (exchange === undefined) return
      const end = readResponseHead(buf, at, head)
      if (end === incomplete) {
        if (at < buf.length) this.#pending = this.#own(buf.subarray(at))
        return
      }
      if (end === refused) return this.#refuse(head.problem)
      if (head.status >= 200) return this.#onFinalHead(buf, end, exchange)
      if (head.status === 101) return this.#onSwitch(buf, end, exchange)
      if (++this.#interimCount > this.#core.limits.interimMax) return this.#refuse('too-many-interim')
      exchange.onInterim(head)
      at = end
    }
  }

  #onFinalHead(buf: Buffer, bodyStart: number, exchange: Exchange): void {
    const head = this.#core.responseHead
    if (this.state.failures > 0) this.state.onSuccess()
    const framing = framingOf(head, exchange.method)
    if (framing === 'chunked' && exchange.isHttp10) return this.#refuse('chunked-for-http-1.0')
    this.#framing = framing
    this.#remaining = head.contentLength
    this.#isKeptAlive = head.isKeptAlive
    this.#isDone = framing === 'none' || (framing === 'length' && this.#remaining === 0)
    if (framing === 'chunked') this.#chunks.reset()
    this.#phase = 'body'
    const bodyEnd = this.#bodyEnd(buf, bodyStart)
    if (bodyEnd === refused) return this.#refuse(this.#chunks.problem)
    // A small body is copied into the write of its head; a large one outlives this call.
    const part =
      this.#isShared && bodyEnd - bodyStart > joinBytesMax
        ? this.#partOf(this.#own(buf.subarray(bodyStart, bodyEnd)), 0, bodyEnd - bodyStart)
        : this.#partOf(buf, bodyStart, bodyEnd)
    if (!exchange.onResponse(head, framing, part)) this.#pause()
    if (this.#isDone) this.#finish(bodyEnd < buf.length)
  }

  #onBody(buf: Buffer, start: number): void {
    const end = this.#bodyEnd(buf, start)
    if (end === refused) return this.#break(`bad-response:${this.#chunks.problem}`)
    if (this.#exchange?.onBody(this.#partOf(buf, start, end)) === false) this.#pause()
    if (this.#isDone) this.#finish(end < buf.length)
  }

  /** Where the body's bytes end in `buf`; sets `#isDone` when the body ends there too. */
  #bodyEnd(buf: Buffer, start: number): number {
    switch (this.#framing) {
      case 'none':
        return start
      case 'close':
        return buf.length
      case 'length': {
        const taken = Math.min(this.#remaining, buf.length - start)
        this.#remaining -= taken
        this.#isDone = this.#remaining === 0
        return start + taken
      }
      case 'chunked': {
        const end = this.#chunks.scan(buf, start)
        this.#isDone = this.#chunks.isDone
        return end
      }
    }
  }

  #partOf(buf: Buffer, start: number, end: number): BodyPart {
    this.#part.buf = buf
    this.#part.start = start
    this.#part.end = end
    return this.#part
  }

  /** `hasMore`: bytes follow the response, so the two sides disagree and the connection is not used again. */
  #finish(hasMore: boolean): void {
    this.#part.buf = emptyBuffer
    const exchange = this.#detach()
    if (exchange === undefined) return
    const { state } = this
    const isReusable =
      this.#isKeptAlive && !hasMore && exchange.isRequestSent && !state.isRetired && !this.#core.isDraining
    if (isReusable && state.idle.length < this.#core.limits.endpointIdleMax) {
      this.#phase = 'idle'
      this.idleSinceMs = this.#core.nowMs
      state.idle.push(this)
      this.resume()
    } else this.close()
    exchange.onDone()
    this.#core.wakeWaiter(state)
  }

  #onSwitch(buf: Buffer, end: number, exchange: Exchange): void {
    if (!exchange.wantsUpgrade) return this.#refuse('unasked-upgrade')
    this.#phase = 'tunnel'
    exchange.onTunnel(this.#core.responseHead, end < buf.length ? this.#own(buf.subarray(end)) : undefined)
  }

  /** Bytes that may be kept beyond this call. */
  #own(bytes: Buffer): Buffer {
    return this.#isShared ? Buffer.from(bytes) : bytes
  }

  #pause(): void {
    if (this.#phase === 'idle' || this.#phase === 'dead') return
    this.#isPaused = true
    this.#socket.pause()
  }

  #refuse(problem: string): void {
    const exchange = this.#detach()
    this.close()
    exchange?.onBadResponse(problem)
  }

  #break(reason: FailureReason): void {
    const exchange = this.#detach()
    this.close()
    exchange?.onBroken(reason)
  }

  #onEnd(): void {
    if (this.#phase === 'tunnel') return this.#exchange?.onTunnelEnd()
    if (this.#phase === 'body' && this.#framing === 'close' && this.#socket.errored === null) {
      this.#isKeptAlive = false
      return this.#finish(false)
    }
    this.#socket.destroy() // the rest is the same as for a connection that broke
  }

  #onClose(error: Error | undefined): void {
    const { state } = this
    const phase = this.#phase
    this.#phase = 'dead'
    state.open--
    state.forget(this)
    const exchange = this.#detach()
    if (exchange !== undefined) {
      if (phase === 'connecting') exchange.onConnectFailed(connectReason(error))
      else if (phase === 'head' || phase === 'idle') exchange.onLost()
      else exchange.onBroken('upstream-reset')
    }
    this.#core.wakeWaiter(state)
  }
}

function connectReason(error: Error | undefined): FailureReason {
  const code = error !== undefined && 'code' in error ? error.code : undefined
  if (code === 'ECONNREFUSED') return 'connect-refused'
  return code === 'ETIMEDOUT' ? 'connect-timeout' : 'connect-failed'
}

const emptyBuffer = Buffer.alloc(0)
