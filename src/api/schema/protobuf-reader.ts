/** The protobuf wire format: a cursor over the fields of one message. Never reads outside its bytes, always advances. */

export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'

  constructor(problem: string, offset: number, options?: ErrorOptions) {
    super(`malformed protobuf at byte ${offset}: ${problem}`, options)
  }
}

export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/**
 * Use: `next()` gives the number of the field that follows and 0 at the end; then exactly one of the reading methods or
 * `skip()` takes its value. All of them throw `ProtobufError`; `name` is for the message of it.
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number
  /** How the value that follows is written. */
  wire = 0

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  isAtEnd(): boolean {
    return this.#at >= this.#end
  }

  next(): number {
    if (this.isAtEnd()) return 0
    const [low, high] = this.#varint()
    const number = low >>> 3
    if (high !== 0 || number === 0) throw this.error('no such field number')
    this.wire = low & 7
    return number
  }

  int32(name: string): number {
    this.#expect(wireType.varint, name)
    return this.#varint()[0] | 0
  }

  /** Exact up to 2^53, the nearest number beyond it. */
  int64(name: string): number {
    this.#expect(wireType.varint, name)
    const [low, high] = this.#varint()
    return (high | 0) * 2 ** 32 + low
  }

  double(name: string): number {
    this.#expect(wireType.fixed64, name)
    const start = this.#advance(8)
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + start, 8).getFloat64(0, true)
  }

  /** A view, not a copy. */
  bytes(name: string): Uint8Array {
    const length = this.#length(name)
    const start = this.#advance(length)
    return this.#bytes.subarray(start, start + length)
  }

  string(name: string): string {
    const bytes = this.bytes(name)
    // Most strings are short ASCII, where this beats TextDecoder several times.
    if (bytes.length > shortBytesMax) return decodeUtf8(bytes)
    let text = ''
    for (const byte of bytes) {
      if (byte > 0x7f) return decodeUtf8(bytes)
      text += String.fromCharCode(byte)
    }
    return text
  }

  message(name: string): ProtobufReader {
    const length = this.#length(name)
    const start = this.#advance(length)
    return new ProtobufReader(this.#bytes, start, start + length)
  }

  skip(): void {
    if (this.wire === wireType.varint) this.#varint()
    else if (this.wire === wireType.fixed64) this.#advance(8)
    else if (this.wire === wireType.fixed32) this.#advance(4)
    else this.bytes('an unknown field')
  }

  error(problem: string, options?: ErrorOptions): ProtobufError {
    return new ProtobufError(problem, this.#at, options)
  }

  #length(name: string): number {
    this.#expect(wireType.bytes, name)
    const [low, high] = this.#varint()
    if (high !== 0 || low > this.#end - this.#at)
      throw this.error(`${name} claims more bytes than the ${this.#end - this.#at} that are left`)
    return low
  }

  #advance(length: number): number {
    const start = this.#at
    if (length > this.#end - start) throw this.error('unexpected end')
    this.#at = start + length
    return start
  }

  #expect(wire: number, name: string): void {
    if (this.wire !== wire) throw this.error(`wrong wire type ${this.wire} for ${name}, expected ${wire}`)
  }

  /** Low and high 32 bits, unsigned. */
  #varint(): [number, number] {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.isAtEnd()) throw this.error('unexpected end')
      const byte = this.#bytes[this.#at++] ?? 0
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else if (shift < 63) high |= bits << (shift - 32)
      else high |= (bits & 1) << 31
      if (byte < 0x80) return [low >>> 0, high >>> 0]
    }
    throw this.error('a number of more than 64 bits')
  }
}

const shortBytesMax = 48

/** Like Go, lenient: bytes that are no UTF-8 become replacement characters. A leading byte order mark is text. */
const decodeUtf8 = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
