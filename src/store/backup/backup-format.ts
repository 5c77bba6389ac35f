/**
 * A backup: the whole of a store at one revision, in one stream.
 *
 *     "SAMPANB1" | zstd( frame: header | frame: entry … | frame: trailer )
 *     frame = length of the payload (4) | type (1) | payload | CRC-32 of type and payload (4)
 *
 * Header and trailer are JSON. The trailer counts the entries and has the SHA-256 of all frames before it: a backup that
 * was cut, changed or put together from two is no backup. Values are as they lie in the store: what is encrypted there
 * is encrypted here.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { constants, crc32, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { keyBytesMax, valueBytesMax, type Revision } from '../store.ts'

export interface BackupHeader {
  readonly format: 1
  /** RFC 3339. */
  readonly createdAt: string
  /** The store's revision whose state this is. */
  readonly revision: Revision
  /** How many entries follow; earlier versions did not say. The trailer has the number that counts. */
  readonly entries?: number
  /** The Sampan that made it. */
  readonly version: string
}

export interface BackupEntry {
  readonly key: string
  readonly value: Uint8Array
}

/** The backup can't be used; the message says why. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
}

const magic = Buffer.from('SAMPANB1', 'latin1')
const types = { header: 1, entry: 2, trailer: 3 } as const
const payloadBytesMax = keyBytesMax + valueBytesMax + 16
/** Frames are handed to the compressor together: one call each would take most of the time. */
const batchBytes = 256 * 1024

interface Trailer {
  readonly entries: number
  readonly sha256: string
}

/** The bytes of a backup. What `entries` throws ends it; then it lacks its trailer. */
export async function* encodeBackup(
  header: BackupHeader,
  entries: AsyncIterable<BackupEntry>,
): AsyncGenerator<Uint8Array> {
  const packer = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } })
  const source = Readable.from(batched(framesOf(header, entries)), { objectMode: false })
  source.on('error', (error) => packer.destroy(error))
  yield magic
  try {
    for await (const chunk of source.pipe(packer)) yield chunk as Uint8Array
  } finally {
    source.destroy()
    packer.destroy()
  }
}

async function* framesOf(
  header: BackupHeader,
  entries: AsyncIterable<BackupEntry>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  const hashed = (bytes: Buffer) => {
    hash.update(bytes)
    return bytes
  }
  yield hashed(frame(types.header, Buffer.from(JSON.stringify(header))))
  let count = 0
  for await (const { key, value } of entries) {
    const name = Buffer.from(key)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(name.length)
    yield hashed(frame(types.entry, Buffer.concat([length, name, value])))
    count++
  }
  const trailer: Trailer = { entries: count, sha256: hash.digest('hex') }
  yield frame(types.trailer, Buffer.from(JSON.stringify(trailer)))
}

function frame(type: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4 + 1 + payload.length + 4)
  bytes.writeUInt32BE(payload.length)
  bytes[4] = type
  payload.copy(bytes, 5)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 5 + payload.length)), 5 + payload.length)
  return bytes
}

async function* batched(frames: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let batch: Uint8Array[] = []
  let size = 0
  for await (const bytes of frames) {
    batch.push(bytes)
    size += bytes.length
    if (size < batchBytes) continue
    yield Buffer.concat(batch)
    batch = []
    size = 0
  }
  yield Buffer.concat(batch)
}

export interface OpenedBackup {
  readonly header: BackupHeader
  /** Each once, in key order. Throws `BackupError` where the backup is damaged, and at its end when it is not whole. */
  readonly entries: AsyncGenerator<BackupEntry>
}

/** Reads a backup. Throws `BackupError` for what is none. */
export async function decodeBackup(bytes: AsyncIterable<Uint8Array>): Promise<OpenedBackup> {
  const frames = decodeFrames(bytes)
  const first = await frames.next()
  if (first.done === true || first.value.type !== types.header) throw new BackupError('it has no header')
  const header = parse<BackupHeader>(first.value.payload)
  if (header.format !== 1)
    throw new BackupError(`it has format ${String(header.format)}, written by a later Sampan`)
  const hash = createHash('sha256').update(first.value.bytes)
  return { header, entries: entriesOf(frames, hash) }
}

async function* entriesOf(
  frames: AsyncIterable<Frame>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<BackupEntry> {
  let count = 0
  let isWhole = false
  for await (const { bytes, payload, type } of frames) {
    if (isWhole) throw new BackupError('something follows its end')
    if (type === types.trailer) {
      const { entries, sha256 } = parse<Trailer>(payload)
      if (entries !== count) throw new BackupError(`it should hold ${entries} entries and holds ${count}`)
      if (sha256 !== hash.digest('hex'))
        throw new BackupError('its entries are not those that were backed up')
      // Read on: the checksum of the packed stream comes after its last frame.
      isWhole = true
      continue
    }
    if (type !== types.entry) throw new BackupError(`it has a record of type ${type}, which is none`)
    hash.update(bytes)
    count++
    const keyEnd = 2 + payload.readUInt16BE(0)
    yield { key: payload.toString('utf8', 2, keyEnd), value: payload.subarray(keyEnd) }
  }
  if (!isWhole) throw new BackupError(`it ends after ${count} entries, in the middle`)
}

interface Frame {
  readonly type: number
  readonly payload: Buffer
  readonly bytes: Buffer
}

async function* decodeFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let pending = Buffer.alloc(0)
  for await (const chunk of unpacked(source)) {
    pending = pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([pending, chunk])
    let at = 0
    while (pending.length - at >= 9) {
      const length = pending.readUInt32BE(at)
      if (length > payloadBytesMax) throw new BackupError('a record is longer than any can be')
      const end = at + 9 + length
      if (pending.length < end) break
      const bytes = pending.subarray(at, end)
      if (crc32(bytes.subarray(4, 5 + length)) !== bytes.readUInt32BE(5 + length))
        throw new BackupError('a record fails its checksum')
      yield { type: bytes[4] ?? 0, payload: bytes.subarray(5, 5 + length), bytes }
      at = end
    }
    pending = pending.subarray(at)
  }
  if (pending.length > 0) throw new BackupError('it ends in the middle of a record')
}

async function* unpacked(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const unpacker = createZstdDecompress()
  const packed = Readable.from(withoutMagic(source), { objectMode: false })
  packed.on('error', (error) => unpacker.destroy(error))
  try {
    for await (const chunk of packed.pipe(unpacker)) yield chunk as Uint8Array
  } catch (cause) {
    if (cause instanceof BackupError) throw cause
    const isPacking = cause instanceof Error && 'code' in cause && String(cause.code).startsWith('Z')
    const isCut = cause instanceof Error && /unexpected end/i.test(cause.message)
    if (!isPacking && !isCut) throw cause
    throw new BackupError(`it is damaged or cut (${(cause as Error).message})`, { cause })
  } finally {
    packed.destroy()
    unpacker.destroy()
  }
}

async function* withoutMagic(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let start: Buffer | undefined = Buffer.alloc(0)
  for await (const chunk of source) {
    if (!start) yield chunk
    else {
      start = Buffer.concat([start, chunk])
      if (start.length <= magic.length) continue
      if (!start.subarray(0, magic.length).equals(magic)) throw new BackupError('it is no backup of Sampan')
      yield start.subarray(magic.length)
      start = undefined
    }
  }
  if (start) throw new BackupError('it is no backup of Sampan')
}

function parse<T>(payload: Buffer): T {
  try {
    return JSON.parse(payload.toString('utf8')) as T
  } catch (cause) {
    throw new BackupError('a record is no JSON', { cause })
  }
}
