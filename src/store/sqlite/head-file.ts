import { closeSync, existsSync, fdatasync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'

import type { Clock } from '../../base/clock.ts'
import type { Revision } from '../store.ts'

/**
 * A few bytes beside the database, `FILE-head`: up to which revision writes may have been acknowledged, and in which
 * generation of SQLite's log. SQLite drops a last transaction whose frames are damaged just as it drops one that was
 * never finished; the head tells the two apart.
 *
 * It is written before each acknowledgement but synced only now and then, so it costs microseconds, survives the end of
 * the process at any moment, and after a power cut is behind by `syncAfterMs` at most. Being behind is harmless: it
 * claims less.
 */
export interface Head {
  readonly revision: Revision
  readonly salts: bigint
  /** A transaction failed half-way: the log may hold frames of it behind its end. */
  readonly hasLeftovers: boolean
}

export interface HeadFile extends Disposable {
  /** Never throws. `hasLeftovers` stays set until the file is opened anew. */
  note(revision: Revision, options?: { readonly hasLeftovers: boolean }): void
}

const headBytes = 32
const syncAfterMs = 1_000
const magic = 0x534d_5048 // "SMPH"
export const headOf = (file: string): string => `${file}-head`

/** Undefined when there is none, or it is damaged itself: then nothing is claimed. */
export function readHead(file: string): Head | undefined {
  if (!existsSync(headOf(file))) return undefined
  const bytes = readFileSync(headOf(file))
  if (bytes.length !== headBytes || bytes.readUInt32BE(0) !== magic) return undefined
  if (crc32(bytes.subarray(0, 28)) !== bytes.readUInt32BE(28)) return undefined
  return {
    hasLeftovers: bytes.readUInt32BE(4) === 1,
    revision: bytes.readDoubleBE(8),
    salts: bytes.readBigUInt64BE(16),
  }
}

/** `log`: a descriptor of SQLite's log, which stays open for longer than the head. */
export function openHead(file: string, log: number, clock: Clock): HeadFile {
  const fd = openSync(headOf(file), existsSync(headOf(file)) ? 'r+' : 'w+', 0o600)
  let cancelSync: (() => void) | undefined
  let isSyncing = false
  let leftovers = false
  const bytes = Buffer.alloc(headBytes)
  const sync = () => {
    cancelSync = undefined
    isSyncing = true
    // Beside the writes, not before them. A disk that fails here fails the next write too, which says so.
    fdatasync(fd, () => (isSyncing = false))
  }
  return {
    note(revision, { hasLeftovers } = { hasLeftovers: false }) {
      leftovers ||= hasLeftovers
      try {
        bytes.fill(0)
        bytes.writeUInt32BE(magic, 0)
        bytes.writeUInt32BE(leftovers ? 1 : 0, 4)
        bytes.writeDoubleBE(revision, 8)
        readSync(log, bytes, 16, 8, 16)
        bytes.writeUInt32BE(crc32(bytes.subarray(0, 28)), 28)
        writeSync(fd, bytes, 0, headBytes, 0)
      } catch {
        return // the write itself is on disk: a head that is behind claims less, and a failing disk soon speaks for itself
      }
      if (!isSyncing) cancelSync ??= clock.after(syncAfterMs, sync)
    },
    [Symbol.dispose]() {
      cancelSync?.()
      closeSync(fd)
    },
  }
}
