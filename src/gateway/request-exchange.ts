import type { Socket } from 'node:net'
import type { Backend } from './balancer.ts'
import type { EndpointState } from './endpoint-state.ts'
import { type FailureReason, renderFailure } from './failures.ts'
import type { Waiter } from './gateway-core.ts'
import { refused } from './header-fields.ts'
import { RequestBody } from './request-body.ts'
import { forwardedLines, type RequestHead } from './request-head.ts'
import type { BodyFraming, ResponseHead } from './response-head.ts'
import { type Core, type Exchange, UpstreamConnection } from './upstream-connection.ts'
import { type BodyPart, joinBytesMax, writeJoined } from './write-joined.ts'

/** The client connection as its current request sees it. */
export interface ClientSide {
  readonly socket: Socket
  /** The header line that tells the app where the request came from. */
  readonly forwardedFor: string
  /** The client has ended its side. */
  readonly hasEnded: boolean
  /** `onDeadline` is called by the first sweep behind it. */
  deadlineMs: number
  /** A deadline `ms` from now. */
  deadlineIn(ms: number): number
  /** Keeps bytes that come too early, and pauses the client when they become too many. */
  hold(chunk: Buffer): void
  /** Gives the held bytes away. */
  takeHeld(): Buffer | undefined
  unhold(rest: Buffer | undefined): void
  pause(): void
  resume(): void
  /** The request is over and the connection stays: reads the next one. */
  readNext(): void
  /** The request is over and the connection ends, after `text`. */
  linger(text: string): void
}

type Phase = 'idle' | 'waiting' | 'connecting' | 'exchanging' | 'tunnel'

/** Requests that may be sent again after a connection was lost under them (RFC 9110 § 9.2.2). */
const idempotentMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/**
 * The current request of one client connection, from its head to the end of its answer; reused for the next one.
 *
 *   idle ──┬─ waiting ──┐              ┌── idle      answered or failed
 *          └─ connecting ─ exchanging ─┴── tunnel    101
 *
 * It goes back from exchanging to connecting as long as nothing of the answer has reached the client and nothing of
 * the body has been sent that is not at hand any more.
 */
export class RequestExchange implements Exchange, Waiter<UpstreamConnection> {
  readonly #core: Core
  readonly #client: ClientSide
  readonly #body = new RequestBody()
  #phase: Phase = 'idle'
  method = 'GET'
  wantsUpgrade = false
  isHttp10 = false
  backend: Backend<UpstreamConnection> | undefined
  #text = ''
  #isKeptAlive = true
  #acceptsJson = false
  #isAnswered = false
  /** The answer ends with the connection. */
  #isUntilClose = false
  #closesAfter = false
  #attempts = 0
  #tried: readonly EndpointState<UpstreamConnection>[] = noStates
  #upstream: UpstreamConnection | undefined

  constructor(core: Core, client: ClientSide) {
    this.#core = core
    this.#client = client
  }

  get isRequestSent(): boolean {
    return this.#body.isComplete
  }

  /** Starts on a head that was just read. Ends in `readNext` or `linger` of the client, perhaps at once. */
  begin(head: RequestHead): void {
    const core = this.#core
    core.counters.requests++
    this.#body.begin(head)
    this.method = head.method
    this.wantsUpgrade = head.upgrade !== ''
    this.isHttp10 = head.isHttp10
    this.#isKeptAlive = head.isKeptAlive && !head.isHttp10
    this.#acceptsJson = head.acceptsJson
    this.#isAnswered = false
    this.#attempts = 0
    this.#tried = noStates
    this.backend = core.table.match(head.host, head.path)
    if (this.backend === undefined) return this.#fail('route-not-found')
    this.#text = `${head.forwarded}${this.#client.forwardedFor}${forwardedLines(head, core.scheme)}\r\n`
    if (!this.#body.isComplete) this.#joinWholeBody()
    this.#dispatch()
  }

  /** Answers a request that never began: its head was refused or did not come. */
  refuse(reason: FailureReason): void {
    this.#body.reset()
    this.method = 'GET'
    this.#acceptsJson = false
    this.#isKeptAlive = false
    this.#isAnswered = false
    this.#fail(reason)
  }

  /** The wait for a free connection may be over: tries again. */
  wake(): void {
    if (this.#phase === 'waiting') this.#dispatch()
  }

  onDeadline(): void {
    switch (this.#phase) {
      case 'idle':
        return
      case 'waiting':
        return this.#fail('overloaded')
      case 'connecting':
        return this.onConnectFailed('connect-timeout')
      case 'exchanging':
        if (this.#isAnswered) return this.#fail('client-stalled')
        if (this.isRequestSent || this.#upstream?.needsDrain === true) return this.#fail('response-timeout')
        this.#isKeptAlive = false
        return this.#fail('request-timeout')
      case 'tunnel':
        this.#client.socket.destroy()
    }
  }

  // ---- from the client ----

  onClientData(chunk: Buffer): void {
    if (this.#phase === 'tunnel') {
      if (this.#upstream?.send(chunk) === false) this.#client.pause()
    } else if (this.#phase !== 'exchanging' || this.isRequestSent) this.#client.hold(chunk)
    else this.#sendBody(chunk)
  }

  onClientDrain(): void {
    if (this.#isAnswered && !this.#client.hasEnded) this.#client.deadlineMs = Infinity
    this.#upstream?.resume()
  }

  onClientEnd(): void {
    const client = this.#client
    if (this.#phase === 'tunnel') this.#upstream?.end()
    else if (this.#phase === 'exchanging' && !this.isRequestSent) client.socket.destroy()
    else if (this.#isAnswered) client.deadlineMs = client.deadlineIn(this.#core.limits.stallTimeoutMs)
  }

  /** The client is gone. */
  abort(): void {
    if (this.#phase === 'tunnel') this.#core.counters.tunnels--
    if (this.#phase === 'waiting') this.#leaveQueue()
    this.#phase = 'idle'
    this.#dropUpstream()
  }

  /** A small body that came with its head becomes part of the text: sent in one write, and at hand for a retry. */
  #joinWholeBody(): void {
    const held = this.#client.takeHeld()
    if (held === undefined) return
    const length = this.#body.wholeIn(held, joinBytesMax)
    if (length > 0) this.#text += held.toString('latin1', 0, length)
    this.#client.unhold(held.length > length ? held.subarray(length) : undefined)
  }

  // ---- to the upstream ----

  #dispatch(): void {
    const core = this.#core
    const { backend } = this
    if (backend === undefined) return this.#fail('route-not-found')
    const state = core.balancer.pick(backend, { tried: this.#tried, nowMs: core.nowMs })
    if (state === 'none') return this.#fail('no-endpoints')
    if (state === 'full') return this.#wait()
    this.#attempts++
    if (state.failures > 0) state.beginTrial(core.nowMs + core.limits.connectTimeoutMs)
    const idle = state.takeIdle()
    if (idle !== undefined) {
      this.#upstream = idle
      idle.attach(this)
      return this.onConnected()
    }
    this.#connect(state)
  }

  #connect(state: EndpointState<UpstreamConnection>): void {
    this.#phase = 'connecting'
    this.#client.deadlineMs = this.#client.deadlineIn(this.#core.limits.connectTimeoutMs)
    try {
      this.#upstream = new UpstreamConnection(this.#core, state, this)
    } catch (error) {
      // `dial` should report by event, but a bad address in one object must not end everybody's gateway.
      this.#core.logger.error('dial threw', { endpoint: state.endpoint.key, error })
      state.onFailure(this.#core.nowMs)
      this.#retry('connect-failed', state)
    }
  }

  #wait(): void {
    const { waiters, limits } = this.#core
    if (waiters.length >= limits.waitersMax) return this.#fail('overloaded')
    if (this.#phase !== 'waiting') this.#client.deadlineMs = this.#client.deadlineIn(limits.waitTimeoutMs)
    this.#phase = 'waiting'
    waiters.push(this)
  }

  onConnected(): void {
    const upstream = this.#upstream
    if (upstream === undefined) return
    this.#phase = 'exchanging'
    const isWritable = upstream.sendHead(this.#text)
    if (this.isRequestSent) {
      this.#client.deadlineMs = this.#client.deadlineIn(this.#core.limits.responseTimeoutMs)
      return
    }
    this.#client.deadlineMs = this.#client.deadlineIn(this.#core.limits.stallTimeoutMs)
    const ahead = this.#client.takeHeld()
    this.#client.resume()
    if (ahead !== undefined) this.#sendBody(ahead)
    else if (!isWritable) this.#client.pause()
    if (this.#client.hasEnded) this.onClientEnd()
  }

  #sendBody(chunk: Buffer): void {
    const end = this.#body.take(chunk)
    if (end === refused) {
      this.#isKeptAlive = false
      return this.#fail(`bad-request:${this.#body.problem}`)
    }
    const isWritable = this.#upstream?.send(end === chunk.length ? chunk : chunk.subarray(0, end))
    if (end < chunk.length) this.#client.hold(chunk.subarray(end))
    if (isWritable === false && !this.isRequestSent) this.#client.pause()
    if (this.#isAnswered) return
    const { responseTimeoutMs, stallTimeoutMs } = this.#core.limits
    this.#client.deadlineMs = this.#client.deadlineIn(this.isRequestSent ? responseTimeoutMs : stallTimeoutMs)
  }

  onUpstreamDrain(): void {
    if (this.#phase === 'exchanging' || this.#phase === 'tunnel') this.#client.resume()
  }

  onConnectFailed(reason: FailureReason): void {
    const state = this.#dropUpstream()
    state?.onFailure(this.#core.nowMs)
    this.#retry(reason, state)
  }

  onLost(): void {
    const wasReused = this.#upstream?.isReused === true
    const state = this.#dropUpstream()
    // A kept connection that closes under a request may only have been idle too long: the endpoint is not to blame.
    if (wasReused) state?.closeIdle()
    else state?.onFailure(this.#core.nowMs)
    if (this.#body.isGone || !idempotentMethods.has(this.method)) return this.#fail('upstream-reset')
    this.#retry('upstream-reset', wasReused ? undefined : state)
  }

  /** Tries again, past `failed`; answers with `reason` when there is no other endpoint or no attempt left. */
  #retry(reason: FailureReason, failed: EndpointState<UpstreamConnection> | undefined): void {
    if (failed !== undefined) this.#tried = [...this.#tried, failed]
    const { backend } = this
    const hasOther = backend?.states.some((state) => !this.#tried.includes(state)) === true
    if (!hasOther || this.#attempts >= this.#core.limits.attemptsMax) return this.#fail(reason)
    this.#core.counters.retries++
    this.#dispatch()
  }

  /** Lets go of the upstream connection and closes it. */
  #dropUpstream(): EndpointState<UpstreamConnection> | undefined {
    const upstream = this.#upstream
    this.#upstream = undefined
    upstream?.close()
    return upstream?.state
  }

  // ---- from the upstream ----

  onInterim(head: ResponseHead): void {
    if (!this.isHttp10) this.#client.socket.write(`${head.forwarded}\r\n`, 'latin1')
  }

  onResponse(head: ResponseHead, framing: BodyFraming, part: BodyPart): boolean {
    const core = this.#core
    const statusClass = (head.status / 100) | 0
    core.counters.responses[statusClass] = (core.counters.responses[statusClass] ?? 0) + 1
    this.#isAnswered = true
    this.#isUntilClose = framing === 'close'
    this.#closesAfter = !this.#isKeptAlive || core.isDraining || !this.isRequestSent || this.#isUntilClose
    const text = `${head.forwarded}${this.#closesAfter ? 'Connection: close\r\n\r\n' : '\r\n'}`
    return this.#written(writeJoined(this.#client.socket, text, part))
  }

  onBody(part: BodyPart): boolean {
    const { buf, start, end } = part
    if (start === end) return true
    return this.#written(
      this.#client.socket.write(start === 0 && end === buf.length ? buf : buf.subarray(start, end)),
    )
  }

  /** A client that reads may take its time; one that stands still, or has ended its side, may not. */
  #written(isWritable: boolean): boolean {
    this.#client.deadlineMs =
      isWritable && !this.#client.hasEnded
        ? Infinity
        : this.#client.deadlineIn(this.#core.limits.stallTimeoutMs)
    return isWritable
  }

  onDone(): void {
    this.#upstream = undefined
    this.#phase = 'idle'
    this.#text = ''
    // The gateway may have begun to close while the answer was on its way.
    if (this.#closesAfter || this.#core.isDraining) this.#client.linger('')
    else this.#client.readNext()
  }

  onBadResponse(problem: string): void {
    this.#fail(`bad-response:${problem}`)
  }

  onBroken(reason: FailureReason): void {
    const state = this.#dropUpstream()
    if (this.#phase === 'tunnel') return this.#endTunnel()
    if (reason === 'upstream-reset') state?.onFailure(this.#core.nowMs)
    this.#fail(reason)
  }

  onTunnel(head: ResponseHead, rest: Buffer | undefined): void {
    this.#phase = 'tunnel'
    this.#isAnswered = true
    this.#client.deadlineMs = Infinity
    this.#core.counters.tunnels++
    this.#client.socket.write(`${head.forwarded}\r\n`, 'latin1')
    if (rest !== undefined) this.#client.socket.write(rest)
    const ahead = this.#client.takeHeld()
    this.#client.resume()
    if (ahead !== undefined) this.onClientData(ahead)
    if (this.#client.hasEnded) this.#upstream?.end()
  }

  onTunnelData(chunk: Buffer): boolean {
    return this.#client.socket.write(chunk)
  }

  #endTunnel(): void {
    this.#core.counters.tunnels--
    this.#phase = 'idle'
    if (this.#client.socket.writableEnded) this.#client.linger('')
    else this.#client.socket.destroy()
  }

  onTunnelEnd(): void {
    this.#client.socket.end()
  }

  // ---- to the client ----

  /** Answers with an error; cuts the connection when an answer has begun. */
  #fail(reason: FailureReason): void {
    const core = this.#core
    core.counters.countFailure(reason)
    if (this.#phase === 'waiting') this.#leaveQueue()
    this.#dropUpstream()
    if (this.#isAnswered) return this.#cut()
    this.#phase = 'idle'
    const closes = !this.#isKeptAlive || core.isDraining || !this.isRequestSent
    const text = renderFailure(reason, { asJson: this.#acceptsJson, closes, isHead: this.method === 'HEAD' })
    if (closes) return this.#client.linger(text)
    this.#client.socket.write(text, 'latin1')
    this.#client.readNext()
  }

  /** Ends an answer in the middle. Where only the end of the connection ends it, a reset must tell that this is not it. */
  #cut(): void {
    if (this.#isUntilClose) this.#client.socket.resetAndDestroy()
    else this.#client.socket.destroy()
  }

  #leaveQueue(): void {
    const at = this.#core.waiters.indexOf(this)
    if (at >= 0) this.#core.waiters.splice(at, 1)
  }
}

const noStates: readonly EndpointState<UpstreamConnection>[] = []
