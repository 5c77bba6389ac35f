import { StoreError } from '../store.ts'

/** Primary result codes of SQLite (https://sqlite.org/rescode.html); the low byte of what node:sqlite reports. */
const codes = { busy: 5, locked: 6, readonly: 8, ioerr: 10, corrupt: 11, full: 13, cantopen: 14, notadb: 26 }

export const isSqliteError = (error: unknown, name: keyof typeof codes): boolean =>
  error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === codes[name]

/** What the database threw, as a StoreError; undefined for anything but SQLite's and the file system's: a fault of ours. */
export function translateSqliteError(error: unknown, file: string): StoreError | undefined {
  if (error instanceof StoreError) return error
  if (!(error instanceof Error)) return undefined
  if ('errcode' in error && typeof error.errcode === 'number')
    return bySqliteCode(error.errcode & 0xff, error, file)
  if ('syscall' in error) return cantOpenError(file, error)
  // node:sqlite refuses integers that are no safe JavaScript number; we never write one.
  if ('code' in error && error.code === 'ERR_OUT_OF_RANGE') return corruptError(file, error.message, error)
  return undefined
}

function bySqliteCode(code: number, cause: Error, file: string): StoreError {
  switch (code) {
    case codes.full:
      return new StoreError(
        'full',
        `The disk of ${file} is full: nothing was written, reads go on. Free some room; the next write will use it.`,
        { cause },
      )
    case codes.busy:
    case codes.locked:
      return new StoreError(
        'busy',
        `${file} is in use by another process, and only one may open it. Stop that one, or choose another file.`,
        { cause },
      )
    case codes.corrupt:
    case codes.notadb:
      return corruptError(file, cause.message, cause)
    case codes.cantopen:
    case codes.readonly:
      return cantOpenError(file, cause)
    case codes.ioerr:
      return new StoreError(
        'unavailable',
        `The disk of ${file} failed (${cause.message}): the outcome of the write is unknown. Check the disk, then read again.`,
        { cause },
      )
    default:
      return new StoreError('unavailable', `SQLite refused on ${file}: ${cause.message}.`, { cause })
  }
}

const cantOpenError = (file: string, cause: Error): StoreError =>
  new StoreError(
    'unavailable',
    `${file} can't be opened for writing (${cause.message}). Check that its folder exists and belongs to this user.`,
    { cause },
  )

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
