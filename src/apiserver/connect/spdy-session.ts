/**
 * The server's side of one SPDY/3.1 connection on any byte stream. The client opens streams; each is a Duplex here, with
 * half-closes and with back-pressure: SPDY's own flow control is what `moby/spdystream` doesn't have, so a stream
 * whose reader is too slow at last stops the whole connection.
 */
import { Duplex } from 'node:stream'
import { constants, inflateRawSync } from 'node:zlib'
import { writeAll } from '../../base/byte-streams.ts'
import { createHeaderReader, createHeaderWriter, type Headers } from '../../api/streams/spdy-headers.ts'
import {
  createSpdyDecoder,
  dataBytesMax,
  dataHead,
  goAwayFrame,
  pingFrame,
  resetFrame,
  resetReason,
  synReplyFrame,
  type SpdyFrame,
} from '../../api/streams/spdy31.ts'

export interface SpdySession {
  /** Resolves when the connection has closed; never rejects. */
  readonly closed: Promise<void>
  /** Says goodbye; what streams have written before still goes out. */
  end(): void
}

export interface SpdySessionOptions {
  /** Owned. */
  readonly socket: Duplex
  /** False: the stream is refused. Otherwise it belongs to the callee. */
  readonly onStream: (headers: Headers, stream: Duplex) => boolean
  /** Of bytes that are no SPDY, or a connection that broke. */
  readonly onError: (error: unknown) => void
}

/** Two for each forwarded connection; beyond, clients are told to wait for others to end. */
const streamsMax = 1_000
/** What one stream may have in hand before it stops the others. */
const streamBytesMax = 1024 * 1024
/** A block that expands to more is an attack. */
const headerBytesMax = 64 * 1024
/** Pings and streams that were asked for, and whose answers the client has not read: far more than one that lives asks for. */
const answersMax = 10_000

export function openSpdySession(options: SpdySessionOptions): SpdySession {
  const { socket, onError } = options
  const connection = new Connection(options)
  const decoder = createSpdyDecoder()
  // Every stream may wait for room at the same time.
  socket.setMaxListeners(0)
  socket.on('data', (chunk: Uint8Array) => {
    try {
      for (const frame of decoder.push(chunk)) connection.take(frame)
    } catch (error) {
      onError(error)
      socket.destroy()
    }
  })
  socket.on('error', onError)
  socket.once('end', () => socket.end())
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      connection.close()
      resolve()
    })
  })
  return { closed, end: () => socket.end(goAwayFrame(connection.lastStream)) }
}

class Connection implements Link {
  lastStream = 0
  readonly #socket: Duplex
  readonly #onStream: SpdySessionOptions['onStream']
  readonly #streams = new Map<number, SpdyStream>()
  readonly #full = new Set<SpdyStream>()
  /** Answers that wait for the client to read. */
  #answers = 0
  readonly #writeHeaders = createHeaderWriter()
  readonly #readHeaders = createHeaderReader((bytes, dictionary) =>
    inflateRawSync(bytes, {
      dictionary,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: headerBytesMax,
    }),
  )

  constructor({ socket, onStream }: SpdySessionOptions) {
    this.#socket = socket
    this.#onStream = onStream
  }

  take(frame: SpdyFrame): void {
    switch (frame.type) {
      case 'syn-stream':
        return this.#open(frame)
      case 'data':
        return this.#streams.get(frame.stream)?.receive(frame.bytes, frame.fin)
      case 'reset':
        return this.#streams.get(frame.stream)?.reset()
      case 'ping':
        return this.answer(pingFrame(frame.id))
      case 'headers':
      case 'syn-reply':
        return void this.#readHeaders(frame.block)
      case 'go-away':
        return
      default:
        frame satisfies never
    }
  }

  #open({ stream: id, fin, block }: Extract<SpdyFrame, { type: 'syn-stream' }>): void {
    const headers = this.#readHeaders(block)
    if (id <= this.lastStream) throw new Error(`SPDY stream ${id} is opened after ${this.lastStream}`)
    this.lastStream = id
    const stream = new SpdyStream(id, this)
    this.#streams.set(id, stream)
    if (this.#streams.size > streamsMax || !this.#onStream(headers, stream)) return stream.refuse()
    this.answer(synReplyFrame(id, this.#writeHeaders({})))
    if (fin) stream.receive(new Uint8Array(0), true)
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.reset()
  }

  answer(frame: Uint8Array): void {
    if (!this.#socket.writable) return
    if (++this.#answers > answersMax) {
      this.#socket.destroy(new Error('the SPDY client does not read what it asks for'))
      return
    }
    this.#socket.write(frame, () => void this.#answers--)
  }

  send(parts: readonly Uint8Array[]): Promise<boolean> {
    return writeAll(this.#socket, parts)
  }

  hold(stream: SpdyStream): void {
    this.#full.add(stream)
    this.#socket.pause()
  }

  release(stream: SpdyStream): void {
    if (this.#full.delete(stream) && this.#full.size === 0) this.#socket.resume()
  }

  forget(stream: SpdyStream): void {
    this.#streams.delete(stream.id)
    this.release(stream)
  }
}

interface Link {
  /** False when nothing will be taken any more. */
  send(parts: readonly Uint8Array[]): Promise<boolean>
  /** Without waiting for room: ends the connection of a client that leaves too many of them unread. */
  answer(frame: Uint8Array): void
  hold(stream: SpdyStream): void
  release(stream: SpdyStream): void
  forget(stream: SpdyStream): void
}

class SpdyStream extends Duplex {
  readonly id: number
  readonly #link: Link
  /** The other side knows that it is over. */
  #isReset = false

  constructor(id: number, link: Link) {
    super({ allowHalfOpen: true, readableHighWaterMark: streamBytesMax })
    this.id = id
    this.#link = link
    // A stream that breaks is 'closed' before its end; whoever uses it sees that.
    this.on('error', () => {})
  }

  receive(bytes: Uint8Array, fin: boolean): void {
    if (bytes.length > 0 && !this.push(bytes)) this.#link.hold(this)
    if (fin) this.push(null)
  }

  /** The client has given it up. */
  reset(): void {
    this.#isReset = true
    this.destroy()
  }

  refuse(): void {
    this.reset()
    this.#link.answer(resetFrame(this.id, resetReason.refused))
  }

  override _read(): void {
    this.#link.release(this)
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    const parts: Uint8Array[] = []
    for (let from = 0; from < chunk.length; from += dataBytesMax) {
      const part = chunk.subarray(from, from + dataBytesMax)
      parts.push(dataHead(this.id, part.length, false), part)
    }
    this.#send(parts, done)
  }

  override _final(done: (error?: Error) => void): void {
    this.#send([dataHead(this.id, 0, true)], done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const isWhole = this.readableEnded && this.writableFinished
    if (!isWhole && !this.#isReset) this.#link.answer(resetFrame(this.id, resetReason.cancel))
    this.#link.forget(this)
    done(error)
  }

  #send(parts: readonly Uint8Array[], done: (error?: Error) => void): void {
    void this.#link
      .send(parts)
      .then((isOpen) => (isOpen ? done() : done(new Error('the connection was closed'))))
  }
}
