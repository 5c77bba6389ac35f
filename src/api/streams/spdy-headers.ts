/**
 * Header blocks of one SPDY connection. Both directions are one zlib stream each, begun with SPDY's dictionary; each block
 * ends at a flush, that is, at a whole byte. So a block can be inflated by itself, when the inflater is given what came
 * before as its dictionary; and what is sent needs no compressor, for zlib knows blocks that are only stored.
 */
import { joinBytes } from './channels.ts'
import { spdyDictionary } from './spdy-dictionary.ts'
import { headerBlock, parseHeaderBlock } from './spdy31.ts'

/** Raw deflate with a dictionary, up to the last flush in `bytes`. Throws when it is malformed or yields too much. */
export type InflateRaw = (bytes: Uint8Array, dictionary: Uint8Array) => Uint8Array

export type Headers = Readonly<Record<string, string>>

/** How far back deflate can point. */
const windowBytes = 32 * 1024
/** Method deflate, and a bit that announces the dictionary by its checksum. */
const [methodMask, method, dictionaryBit] = [15, 8, 32]

/** Must be given every block of the connection, in order: also of streams that nobody wants. */
export function createHeaderReader(inflateRaw: InflateRaw): (block: Uint8Array) => Headers {
  let window = spdyDictionary()
  let isFirst = true
  return (block) => {
    let bytes = block
    if (isFirst) {
      isFirst = false
      const [first = 0, second = 0] = block
      if ((first & methodMask) !== method) throw new Error('a SPDY header block is not compressed by zlib')
      const hasDictionary = (second & dictionaryBit) !== 0
      if (!hasDictionary) window = new Uint8Array(0)
      bytes = block.subarray(hasDictionary ? 6 : 2)
    }
    const plain = inflateRaw(bytes, window)
    window = joinBytes([window, plain]).slice(-windowBytes)
    return parseHeaderBlock(plain)
  }
}

/** A block of headers is far below what one stored block holds. */
const storedBytesMax = 0xffff

/** An empty stored block. Go's inflater keeps to itself what came before until it sees one. */
const flush = Uint8Array.of(0, 0, 0, 255, 255)

export function createHeaderWriter(): (headers: Headers) => Uint8Array {
  let isFirst = true
  return (headers) => {
    const plain = headerBlock(headers)
    if (plain.length > storedBytesMax) throw new Error(`SPDY headers of ${plain.length} bytes`)
    const head = isFirst ? Uint8Array.of(0x78, 0x01) : new Uint8Array(0)
    isFirst = false
    const [low, high] = [plain.length & 255, plain.length >> 8]
    return joinBytes([head, Uint8Array.of(0, low, high, low ^ 255, high ^ 255), plain, flush])
  }
}
