import { Socket, type SocketConstructorOpts, type TcpSocketConnectOpts } from 'node:net'

/**
 * Connects a socket that hears its peer out. A peer that answers and closes before it has read everything (413, in the middle
 * of an upload) makes further writes fail; a plain socket is destroyed by that, and the answer that has arrived with it. This
 * one throws away what can't be written any more and reads on. When it emits 'end' after that, `errored` is set and 'error'
 * follows: there was no orderly end.
 */
export const connectPatiently = (options: SocketConstructorOpts & TcpSocketConnectOpts): Socket =>
  new PatientSocket(options).connect(options)

class PatientSocket extends Socket {
  #lostWrite: Error | undefined

  override _write(chunk: unknown, encoding: BufferEncoding, callback: WriteCallback): void {
    super._write(chunk, encoding, (error) => this.#onWritten(error, callback))
  }

  override _writev(
    chunks: readonly { chunk: unknown; encoding: BufferEncoding }[],
    callback: WriteCallback,
  ): void {
    super._writev?.([...chunks], (error) => this.#onWritten(error, callback))
  }

  #onWritten(error: Error | null | undefined, callback: WriteCallback): void {
    if (!isPeerGone(error)) return callback(error)
    if (this.#lostWrite === undefined) this.prependOnceListener('end', () => this.destroy(error))
    this.#lostWrite = error
    callback()
  }
}

type WriteCallback = (error?: Error | null) => void

/** The peer has reset the connection, so that reading comes to an end too. Of other errors that is not certain. */
const isPeerGone = (error: Error | null | undefined): error is Error =>
  error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ECONNRESET')
