import { Duplex } from 'node:stream'

/**
 * A connection that is read whether or not anybody takes what comes: it waits in memory. For HTTP/2, with which two ends could
 * else wait for each other for ever: Node.js reads nothing from a session's socket while a write to it is under way, and with
 * both of the kernel's buffers full neither write ends. Where one end reads eagerly the other's writes end. What waits is
 * bounded by the session's window: the peer gets no more of it before what came has been looked at.
 */
export class EagerReader extends Duplex {
  readonly #socket: Duplex

  /** Owns `socket`. */
  constructor(socket: Duplex) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    socket.on('data', (chunk: Uint8Array) => this.push(chunk))
    socket.once('end', () => this.push(null))
    socket.once('error', (error) => this.destroy(error))
    socket.once('close', () => this.destroy())
  }

  override _read(): void {
    // The socket flows all the time.
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _writev(
    chunks: readonly { readonly chunk: Uint8Array }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.cork()
    const last = chunks.length - 1
    chunks.forEach(
      ({ chunk }, at) => void (at === last ? this.#socket.write(chunk, done) : this.#socket.write(chunk)),
    )
    this.#socket.uncork()
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}
