import { conflictError, existsError, missingError } from '../errors.ts'
import { again } from '../group-commit.ts'
import type { Revision, StoreError, StoreEvent } from '../store.ts'
import { encodeBytes, encodeIntegers } from './array.ts'
import { badRowError } from './postgres-errors.ts'
import type { Row } from './prepared-query.ts'
import { anyRevision, writeOutcomes, writeTypes, type WriteType } from './schema.ts'
import type { Session, Statement } from './session.ts'

/**
 * Of replaced values in one answer, which is sent before the commit: about what the buffers of a connection take when
 * its client stands still. A larger single value may hold the lock until `tcp_user_timeout`.
 */
const replacedBytesMax = 256 * 1024

export interface PendingWrite {
  readonly type: WriteType
  readonly key: string
  /** Empty for a delete. */
  readonly value: Uint8Array
  /** Undefined: any. */
  readonly expected: Revision | undefined
  /** 0: never. */
  readonly ttlMs: number
}

export interface Written {
  readonly revision: Revision
  readonly createRevision: Revision
  /** Which revision was replaced; 0 for a create. */
  readonly replaced: Revision
  /** What was replaced; unknown for a large value, never for a delete. */
  readonly previous: Uint8Array | undefined
}

export interface WriteStatements {
  readonly group: Statement
  readonly create: Statement
  readonly replace: Statement
}

export const writeStatements = (schema: string): WriteStatements => ({
  group: {
    name: 'write',
    text: `SELECT * FROM "${schema}".write_2($1::smallint[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6, $7)`,
  },
  create: { name: 'create', text: `SELECT "${schema}".create_3($1, $2, $3, $4)` },
  replace: { name: 'replace', text: `SELECT "${schema}".replace_3($1, $2, $3, $4, $5, $6, $7)` },
})

type Result = Written | StoreError | typeof again

/** Carries out a group in one transaction: the driver tells of the result only after the commit. */
export async function writeGroup(
  session: Session,
  statements: WriteStatements,
  { writes, stamp }: { readonly writes: readonly PendingWrite[]; readonly stamp: string },
): Promise<Result[]> {
  const [first] = writes
  if (first && writes.length === 1) {
    const writeLone = first.type === 'create' ? createLone : replaceLone
    return [await writeLone(session, statements, { write: first, stamp })]
  }
  const rows = await session.query(statements.group, [
    encodeIntegers('int2', writes.map(codeOf)),
    encodeBytes(writes.map(({ key }) => Buffer.from(key))),
    encodeBytes(writes.map(({ value }) => value)),
    encodeIntegers('int8', writes.map(expectationOf)),
    encodeIntegers('int8', writes.map(ttlOf)),
    stamp,
    replacedBytesMax,
  ])
  return writes.map((write, i) => resultOf(write, rows[i]))
}

interface LoneWrite {
  readonly write: PendingWrite
  readonly stamp: string
}

async function createLone(
  session: Session,
  { create }: WriteStatements,
  { write, stamp }: LoneWrite,
): Promise<Result> {
  const [row] = await session.query(create, [Buffer.from(write.key), valueOf(write), ttlOf(write), stamp])
  const revision = Number(row?.[0])
  return revision === 0
    ? existsError(write.key)
    : { revision, createRevision: revision, replaced: 0, previous: undefined }
}

async function replaceLone(
  session: Session,
  { replace }: WriteStatements,
  { write, stamp }: LoneWrite,
): Promise<Result> {
  const [row] = await session.query(replace, [
    codeOf(write),
    Buffer.from(write.key),
    valueOf(write),
    expectationOf(write),
    ttlOf(write),
    stamp,
    replacedBytesMax,
  ])
  const packed = row?.[0]
  return resultOf(write, packed instanceof Uint8Array ? unpack(packed) : undefined)
}

const valueOf = ({ value }: PendingWrite): Buffer =>
  Buffer.from(value.buffer, value.byteOffset, value.byteLength)

/** The row that `write_2` would answer with, from what `replace_3` does (see `write-functions.ts`). */
function unpack(bytes: Uint8Array): Row {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const outcome = view.getInt16(0)
  const at = Number(view.getBigInt64(2))
  if (bytes.byteLength === 10) return [outcome, at]
  const [created, replaced] = [Number(view.getBigInt64(10)), Number(view.getBigInt64(18))]
  return [outcome, at, created, replaced, bytes.byteLength === 26 ? null : bytes.subarray(27)]
}

const codeOf = ({ type }: PendingWrite): number => writeTypes.indexOf(type)

/** What is no revision matches none; above all, a negative one must not pass for "any". */
function expectationOf({ expected }: PendingWrite): Revision {
  if (expected === undefined) return anyRevision
  return Number.isSafeInteger(expected) && expected > 0 ? expected : 0
}

const ttlOf = ({ ttlMs }: PendingWrite): number => Math.min(Math.ceil(ttlMs), Number.MAX_SAFE_INTEGER / 4)

function resultOf({ type, key, expected }: PendingWrite, row: Row | undefined): Result {
  const [code, at, created, replaced, previous] = row ?? []
  switch (writeOutcomes[Number(code)]) {
    case 'ok':
      return {
        revision: Number(at),
        createRevision: Number(created),
        replaced: Number(replaced),
        previous: type !== 'create' && previous instanceof Uint8Array ? previous : undefined,
      }
    case 'exists':
      return existsError(key)
    case 'missing':
      return missingError(key)
    case 'conflict':
      return conflictError(key, expected ?? 0, Number(at))
    case 'later':
      return again
    case 'corrupt':
    case undefined:
    default:
      return badRowError(`the log has no value for the key "${key}"`)
  }
}

/** The events of a group, if all that they tell is known; undefined: they must be read from the log. */
export function eventsOfGroup(
  writes: readonly PendingWrite[],
  results: readonly (Written | StoreError | typeof again)[],
): StoreEvent[] | undefined {
  const events: StoreEvent[] = []
  for (const [i, { type, key, value }] of writes.entries()) {
    const result = results[i]
    if (!result || result === again || result instanceof Error) continue
    const { revision, createRevision, previous } = result
    if (type !== 'create' && !previous) return undefined
    events.push({
      type,
      key,
      value: type === 'delete' ? (previous ?? value) : value,
      previous,
      revision,
      createRevision,
    })
  }
  return events
}
