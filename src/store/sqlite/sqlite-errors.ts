import { StoreError } from '../store.ts'

/** Primary result codes of SQLite (https://sqlite.org/rescode.html); the low byte of what node:sqlite reports. */
const codes = { busy: 5, locked: 6, readonly: 8, ioerr: 10, corrupt: 11, full: 13, cantopen: 14, notadb: 26 }

/** What the database threw, as a StoreError; undefined for anything that isn't SQLite's: a fault of ours. */
export function translateSqliteError(error: unknown, file: string): StoreError | undefined {
  if (error instanceof StoreError) return error
  const code = sqliteCode(error)
  if (code === undefined)
    return isOutOfRange(error) ? corruptError(file, 'a number is out of range', error) : undefined
  const details = { cause: error }
  switch (code) {
    case codes.full:
      return new StoreError(
        'full',
        `The disk of ${file} is full: nothing was written, reads go on. Free some room; the next write will use it.`,
        details,
      )
    case codes.busy:
    case codes.locked:
      return new StoreError(
        'busy',
        `${file} is in use by another process, and only one may open it. Stop that one, or choose another file.`,
        details,
      )
    case codes.corrupt:
    case codes.notadb:
      return corruptError(file, messageOf(error), error)
    case codes.cantopen:
    case codes.readonly:
      return new StoreError(
        'unavailable',
        `${file} can't be opened for writing (${messageOf(error)}). Check that its folder exists and belongs to this user.`,
        details,
      )
    case codes.ioerr:
      return new StoreError(
        'unavailable',
        `The disk of ${file} failed (${messageOf(error)}): the outcome of the write is unknown. Check the disk, then read again.`,
        details,
      )
    default:
      return new StoreError('unavailable', `SQLite refused on ${file}: ${messageOf(error)}.`, details)
  }
}

export const corruptError = (file: string, what: string, cause?: unknown): StoreError =>
  new StoreError(
    'corrupt',
    `The database ${file} is damaged: ${what}. Stop Sampan, keep a copy of ${file} and ${file}-wal, and restore a backup.`,
    { cause },
  )

export const corruptValueError = (file: string, key: string): StoreError =>
  new StoreError(
    'corrupt',
    `The database ${file} is damaged: the entry "${key}" fails its checksum. Stop Sampan, keep a copy of ${file} and ${file}-wal, and restore a backup.`,
    { key },
  )

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error && 'errcode' in error && typeof error.errcode === 'number')) return undefined
  return error.errcode & 0xff
}

/** node:sqlite refuses integers that are no safe JavaScript number; we never write one. */
const isOutOfRange = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_OUT_OF_RANGE'

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
