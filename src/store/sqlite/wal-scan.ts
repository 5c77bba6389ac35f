import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { endianness } from 'node:os'

import type { Revision } from '../store.ts'
import { pageBytes } from './schema.ts'
import { decodeState, isStateLike, stateBytes } from './state.ts'

/**
 * Reads SQLite's write-ahead log as SQLite would recover it (https://sqlite.org/fileformat2.html#the_write_ahead_log),
 * and then what lies behind the point where SQLite stops, which it drops without a word.
 *
 *     header | frame … commit | frame … commit | frame … bad frame ┊ whatever follows
 *     └────────── SQLite recovers up to the last commit ─────────┘ └ is it an end, or was it torn out of the middle?
 *
 * Each transaction is synced before the next one is begun. A power cut therefore tears at most one transaction: bytes
 * of a second one behind a bad frame prove that the first had been acknowledged.
 */
export interface WalScan {
  /** Of this generation of the log: SQLite draws them anew each time it starts at the log's beginning. */
  readonly salts: bigint
  /** The store's revision at the last commit that SQLite recovers; undefined when it recovers none. */
  readonly revision: Revision | undefined
  /** Bytes behind the last frame that belongs to the chain of checksums. */
  readonly bytesBehind: number
  /** What can't be the work of a power cut, as half a sentence. */
  readonly damage: string | undefined
}

const headerBytes = 32
const frameHeaderBytes = 24
const frameBytes = frameHeaderBytes + pageBytes
const framesPerRead = 256 // one MiB

const nothing: WalScan = { salts: 0n, revision: undefined, bytesBehind: 0, damage: undefined }

export const walOf = (file: string): string => `${file}-wal`

export function scanWal(file: string): WalScan {
  const wal = walOf(file)
  if (!existsSync(wal)) return nothing
  const fd = openSync(wal, 'r')
  try {
    return scan(fd, fstatSync(fd).size)
  } finally {
    closeSync(fd)
  }
}

function scan(fd: number, size: number): WalScan {
  if (size === 0) return nothing
  const header = Buffer.alloc(headerBytes)
  const read = readSync(fd, header, 0, headerBytes, 0)
  const chain = read === headerBytes ? chainFrom(header) : undefined
  if (!chain) {
    // Space that was given to a new file and never written to; SQLite syncs a header before the frames behind it.
    if (isZero(fd, size)) return nothing
    return { ...nothing, bytesBehind: size, damage: 'the header of its log fails its checksum' }
  }
  const state = { chain, salts: header.readBigUInt64BE(16), ...newTally() }
  const buffer = Buffer.alloc(framesPerRead * frameBytes)
  let position = headerBytes
  for (;;) {
    const bytes = readSync(fd, buffer, 0, buffer.length, position)
    const frames = Math.floor(bytes / frameBytes)
    for (let i = 0; i < frames; i++) take(state, buffer.subarray(i * frameBytes, (i + 1) * frameBytes))
    position += frames * frameBytes
    if (bytes < buffer.length) break
  }
  return {
    salts: state.salts,
    revision: state.revision,
    bytesBehind: size - headerBytes - state.framesInChain * frameBytes,
    damage:
      state.transactionsBehind > 1 || state.isFollowed
        ? `its log has a bad frame in the middle, number ${state.framesInChain + 1}; writes behind it would be lost`
        : undefined,
  }
}

interface Tally {
  framesInChain: number
  isBroken: boolean
  /** Of the transaction being read. */
  pending: Revision | undefined
  revision: Revision | undefined
  /** Behind the last commit of the chain: transactions of this generation, by the pages that each writes once. */
  transactionsBehind: number
  /** The transaction that the chain breaks in has a commit behind it. */
  hasCommitBehind: boolean
  /** … and frames of this generation behind that. */
  isFollowed: boolean
}

const newTally = (): Tally => ({
  framesInChain: 0,
  isBroken: false,
  pending: undefined,
  revision: undefined,
  transactionsBehind: 0,
  hasCommitBehind: false,
  isFollowed: false,
})

function take(state: Tally & { readonly chain: Chain; readonly salts: bigint }, frame: Buffer): void {
  const isCommit = frame.readUInt32BE(4) !== 0
  const isOurs = frame.readBigUInt64BE(8) === state.salts
  const page = frame.subarray(frameHeaderBytes)
  const stateAt = stateIn(page)
  if (!state.isBroken) {
    if (isOurs && state.chain.accepts(frame)) {
      state.framesInChain++
      if (stateAt) {
        state.transactionsBehind = 1
        state.pending = decodeState(stateAt)?.revision
      }
      if (!isCommit) return
      state.revision = state.pending ?? state.revision
      state.pending = undefined
      state.transactionsBehind = 0
      return
    }
    state.isBroken = true
  }
  if (!isOurs) return
  if (state.hasCommitBehind) state.isFollowed = true
  if (isCommit) state.hasCommitBehind = true
  if (stateAt) state.transactionsBehind++
}

/** The page of `state` is a table's leaf with one cell, which SQLite puts at the page's end. */
function stateIn(page: Buffer): Buffer | undefined {
  if (page[0] !== 0x0d || page.readUInt16BE(3) !== 1) return undefined
  const bytes = page.subarray(pageBytes - stateBytes)
  return isStateLike(bytes) ? bytes : undefined
}

interface Chain {
  /** Whether the frame's checksum follows from all before it. */
  accepts(frame: Buffer): boolean
}

/** Undefined unless the header is whole, ours and passes its own checksum. */
function chainFrom(header: Buffer): Chain | undefined {
  const magic = header.readUInt32BE(0)
  if ((magic & ~1) >>> 0 !== 0x377f_0682 || header.readUInt32BE(8) !== pageBytes) return undefined
  const isSwapped = ((magic & 1) === 1) !== (endianness() === 'BE')
  let [a, b] = [0, 0]
  const add = (bytes: Buffer) => {
    const copy = Uint8Array.prototype.slice.call(bytes)
    if (isSwapped) Buffer.from(copy.buffer).swap32()
    const words = new Uint32Array(copy.buffer)
    for (let i = 0; i < words.length; i += 2) {
      a = (a + (words[i] ?? 0) + b) | 0
      b = (b + (words[i + 1] ?? 0) + a) | 0
    }
  }
  const isAt = (bytes: Buffer, at: number) =>
    bytes.readUInt32BE(at) === a >>> 0 && bytes.readUInt32BE(at + 4) === b >>> 0
  add(header.subarray(0, 24))
  if (!isAt(header, 24)) return undefined
  return {
    accepts(frame) {
      add(frame.subarray(0, 8))
      add(frame.subarray(frameHeaderBytes))
      return isAt(frame, 16)
    },
  }
}

function isZero(fd: number, size: number): boolean {
  const buffer = Buffer.alloc(Math.min(size, 1024 * 1024))
  for (let position = 0; position < size;) {
    const bytes = readSync(fd, buffer, 0, buffer.length, position)
    if (buffer.subarray(0, bytes).some((byte) => byte !== 0)) return false
    position += bytes
  }
  return true
}
