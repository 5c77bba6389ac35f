import type { Socket } from 'node:net'
import type { Client } from './gateway-core.ts'
import { incomplete, lf, refused } from './header-fields.ts'
import { sweepMs } from './limits.ts'
import { type ClientSide, RequestExchange } from './request-exchange.ts'
import { readRequestHead } from './request-head.ts'
import type { Core } from './upstream-connection.ts'

type Phase = 'reading' | 'busy' | 'lingering' | 'closed'

/**
 * One client, one request at a time; what it pipelines is held back, bounded.
 *
 *   reading ⇄ busy      a head is complete ⇄ its request is answered (`request-exchange.ts`)
 *      └────────┴── lingering ── closed      the last word is said; what still comes is thrown away
 */
export class ClientConnection implements ClientSide, Client {
  readonly #core: Core
  readonly #exchange: RequestExchange
  readonly socket: Socket
  readonly forwardedFor: string
  hasEnded = false
  deadlineMs: number
  #phase: Phase = 'reading'
  /** Bytes that are not used up: a part of a head, a body ahead of its connection, further requests. */
  #held: Buffer | undefined
  #isAdvancing = false
  #isPaused = false

  constructor(core: Core, socket: Socket) {
    this.#core = core
    this.socket = socket
    const address = (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')
    this.forwardedFor = `X-Forwarded-For: ${address}\r\n`
    this.#exchange = new RequestExchange(core, this)
    this.deadlineMs = this.deadlineIn(core.limits.headTimeoutMs)
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('drain', () => this.#onDrain())
    socket.on('end', () => this.#onEnd())
    socket.on('error', ignoreError)
    socket.on('close', () => this.#onClose())
  }

  /** Ends the connection now if it has no request in flight; otherwise the request ends it (`core.isDraining`). */
  drain(): void {
    if (this.#phase === 'reading') this.linger('')
  }

  destroy(): void {
    this.socket.destroy()
  }

  onDeadline(): void {
    this.deadlineMs = Infinity
    if (this.#phase === 'busy') this.#exchange.onDeadline()
    else if (this.#phase === 'lingering') this.socket.destroy()
    else if (this.#held !== undefined) this.#exchange.refuse('request-timeout')
    else this.linger('')
  }

  /** Rounded up by a sweep because `nowMs` may be as old as one. */
  deadlineIn(ms: number): number {
    return this.#core.nowMs + ms + sweepMs
  }

  hold(chunk: Buffer): void {
    this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    if (this.#held.length > this.#core.limits.aheadBytesMax) this.pause()
  }

  takeHeld(): Buffer | undefined {
    const held = this.#held
    this.#held = undefined
    return held
  }

  unhold(rest: Buffer | undefined): void {
    this.#held = rest
  }

  #onData(chunk: Buffer): void {
    if (this.#phase === 'busy') this.#exchange.onClientData(chunk)
    else if (this.#phase === 'reading') this.#onHeadBytes(chunk)
  }

  #onHeadBytes(chunk: Buffer): void {
    if (this.#held === undefined) {
      this.#held = chunk
      this.deadlineMs = this.deadlineIn(this.#core.limits.headTimeoutMs)
    } else {
      this.hold(chunk)
      // A head ends with a line feed: without one there is nothing new to read, only a bound to keep.
      if (this.#held.length <= this.#core.limits.requestLineBytesMax && !chunk.includes(lf)) return
    }
    this.#advance()
  }

  /** Serves what has been received. A loop, not a recursion: a client may pipeline thousands of refused requests. */
  #advance(): void {
    if (this.#isAdvancing) return
    this.#isAdvancing = true
    const head = this.#core.requestHead
    while (this.#phase === 'reading' && this.#held !== undefined && !this.socket.writableNeedDrain) {
      const buf = this.#held
      const end = readRequestHead(buf, head)
      if (end === incomplete) break
      this.#phase = 'busy'
      this.#held = end > 0 && end < buf.length ? buf.subarray(end) : undefined
      if (end === refused) this.#exchange.refuse(`bad-request:${head.problem}`)
      else this.#exchange.begin(head)
    }
    this.#isAdvancing = false
    if (this.#phase === 'reading' && this.hasEnded && !this.socket.writableNeedDrain) this.linger('')
  }

  readNext(): void {
    const { headTimeoutMs, idleTimeoutMs } = this.#core.limits
    if (this.#phase === 'closed') return
    this.#phase = 'reading'
    this.deadlineMs = this.deadlineIn(this.#held === undefined ? idleTimeoutMs : headTimeoutMs)
    this.resume()
    if (this.#held !== undefined || this.hasEnded) this.#advance()
  }

  /**
   * Throws away what still comes for a while: closing at once would make the kernel send a reset, which can destroy
   * the answer before the client has read it. The while begins when the answer is sent: a slow client gets all of it.
   */
  linger(text: string): void {
    if (this.#phase === 'closed') return
    this.#phase = 'lingering'
    this.#held = undefined
    const { lingerMs, stallTimeoutMs } = this.#core.limits
    this.socket.end(text, 'latin1')
    if (this.socket.writableLength > 0) {
      this.deadlineMs = this.deadlineIn(stallTimeoutMs)
      this.socket.once('finish', () => (this.deadlineMs = this.deadlineIn(lingerMs)))
    } else this.deadlineMs = this.deadlineIn(lingerMs)
    this.resume()
  }

  #onDrain(): void {
    if (this.#phase === 'reading') this.#advance()
    else if (this.#phase === 'busy') this.#exchange.onClientDrain()
  }

  #onEnd(): void {
    this.hasEnded = true
    if (this.#phase === 'reading') this.#advance()
    else if (this.#phase === 'busy') this.#exchange.onClientEnd()
  }

  #onClose(): void {
    this.#phase = 'closed'
    this.#exchange.abort()
    this.#core.clients.delete(this)
  }

  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.socket.resume()
  }
}

const ignoreError = () => {} // 'close' follows and does all there is to do
