import type { SQLOutputValue } from 'node:sqlite'
import { crc32 } from 'node:zlib'

import type { Revision } from '../store.ts'
import { corruptError, corruptValueError } from './sqlite-errors.ts'

export const writeTypes = ['create', 'update', 'delete'] as const
export type WriteType = (typeof writeTypes)[number]

/** A row of `log`, and the one place that says what its checksum covers. */
export interface LogRow {
  readonly revision: Revision
  /** Index in `writeTypes`. */
  readonly type: number
  /** The revision replaced; 0: none. */
  readonly previous: Revision
  readonly createRevision: Revision
  readonly key: string
  /** Empty for a delete. */
  readonly value: Uint8Array
}

export type SqlRow = Record<string, SQLOutputValue>

export const sumOf = ({ revision, type, previous, createRevision, key, value }: LogRow): number =>
  crc32(value, crc32(`${revision} ${type} ${previous} ${createRevision} ${key}`))

/** Throws `corrupt` unless the row, under the key by which it was found, is what was written. */
export function verified(sql: SqlRow, key: string, revision: Revision, file: string): LogRow {
  const row: LogRow = {
    revision,
    type: Number(sql['type']),
    previous: Number(sql['previous']),
    createRevision: Number(sql['create_revision']),
    key,
    value: sql['value'] instanceof Uint8Array ? sql['value'] : new Uint8Array(),
  }
  if (sumOf(row) !== sql['sum']) throw corruptValueError(file, key)
  return row
}

export function textIn(sql: SqlRow, column: string, file: string): string {
  const value = sql[column]
  if (typeof value !== 'string') throw corruptError(file, `the column ${column} holds no text`)
  return value
}

export function numberIn(sql: SqlRow, column: string, file: string): number {
  const value = sql[column]
  if (typeof value !== 'number') throw corruptError(file, `the column ${column} holds no number`)
  return value
}
