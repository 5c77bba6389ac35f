import { ChunkScanner } from './chunk-scanner.ts'
import { refused } from './header-fields.ts'
import type { RequestHead } from './request-head.ts'

/** Follows the body of the current request; copies nothing. One record per client connection, begun anew each time. */
export class RequestBody {
  /** All of it has been handed on, or there is none. */
  isComplete = true
  /** Bytes have been handed on that are not kept: the request cannot be sent again. */
  isGone = false
  #isChunked = false
  #remaining = 0
  #chunks: ChunkScanner | undefined

  get problem(): string {
    return this.#chunks?.problem ?? ''
  }

  /** Back to the state between requests. */
  reset(): void {
    this.isComplete = true
    this.isGone = false
  }

  begin(head: RequestHead): void {
    this.#isChunked = head.isChunked
    this.#remaining = head.contentLength
    this.isComplete = !head.isChunked && head.contentLength <= 0
    this.isGone = false
    if (!head.isChunked) return
    this.#chunks ??= new ChunkScanner()
    this.#chunks.reset()
  }

  /** The bytes at the start of `buf` that are the whole body, when it is complete there and at most `bytesMax`; else 0. */
  wholeIn(buf: Buffer, bytesMax: number): number {
    if (this.isComplete || this.#isChunked) return 0
    if (this.#remaining > bytesMax || this.#remaining > buf.length) return 0
    this.isComplete = true
    return this.#remaining
  }

  /** Takes bytes that are about to be handed on: gives where the body's bytes end in `chunk`, or `refused`. */
  take(chunk: Buffer): number {
    this.isGone = true
    if (this.#chunks !== undefined && this.#isChunked) {
      const end = this.#chunks.scan(chunk, 0)
      this.isComplete = this.#chunks.isDone
      return end
    }
    if (this.#isChunked) return refused
    const taken = Math.min(this.#remaining, chunk.length)
    this.#remaining -= taken
    this.isComplete = this.#remaining === 0
    return taken
  }
}
