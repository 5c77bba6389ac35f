import { Duplex } from 'node:stream'

/**
 * A byte stream that is handed out before its connection is there. It takes what is written at once and holds it back,
 * with the usual back-pressure, until `attach`; like a socket it says `connecting` until then and emits 'connect'.
 */
export class LateStream extends Duplex {
  connecting = true
  #stream: Duplex | undefined
  #held: (() => void) | undefined

  constructor() {
    super({ allowHalfOpen: true })
  }

  /** `head`: bytes of the connection that were read already. Owns `stream` from now on. */
  attach(stream: Duplex, head: Uint8Array = new Uint8Array()): void {
    if (this.destroyed) return void stream.destroy()
    this.#stream = stream
    this.connecting = false
    if (head.byteLength > 0) this.push(head)
    stream.on('data', (chunk: Uint8Array) => {
      if (!this.push(chunk)) stream.pause()
    })
    stream.on('end', () => this.push(null))
    stream.on('error', (error) => this.destroy(error))
    stream.on('close', () => {
      // An end that was told is none of a connection that broke.
      if (!stream.readableEnded) this.destroy(new Error('the connection broke off'))
    })
    this.emit('connect')
    const held = this.#held
    this.#held = undefined
    held?.()
  }

  override _read(): void {
    this.#stream?.resume()
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#whenAttached((stream) => {
      // Whoever has closed in order takes nothing more; what it has said can still be read.
      if (!stream.writable || stream.write(chunk)) return done()
      const goOn = () => {
        stream.off('drain', goOn)
        stream.off('close', goOn)
        done()
      }
      stream.on('drain', goOn)
      stream.on('close', goOn)
    })
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#whenAttached((stream) => void stream.end(() => done()))
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.connecting = false
    this.#stream?.destroy()
    done(error)
  }

  /** At most one call waits: a stream writes one piece at a time. */
  #whenAttached(act: (stream: Duplex) => void): void {
    const stream = this.#stream
    if (stream) return act(stream)
    this.#held = () => this.#stream && act(this.#stream)
  }
}
