/**
 * etcd's v3 messages, as far as they are used here. Names and numbers of fields are those of etcd's `rpc.proto` and
 * `kv.proto`, which are the same from 3.4 on.
 */
import { bytesField, numberField, ownBytes, readFields, type Parts } from './protobuf.ts'

export const methods = {
  range: '/etcdserverpb.KV/Range',
  put: '/etcdserverpb.KV/Put',
  txn: '/etcdserverpb.KV/Txn',
  compact: '/etcdserverpb.KV/Compact',
  watch: '/etcdserverpb.Watch/Watch',
  leaseGrant: '/etcdserverpb.Lease/LeaseGrant',
  authenticate: '/etcdserverpb.Auth/Authenticate',
} as const

export interface KeyValue {
  readonly key: string
  readonly value: Uint8Array
  readonly createRevision: number
  readonly modRevision: number
}

export interface RangeRequest {
  readonly key: string
  /** Exclusive; unset means the one key. `keyAfterAll` means to the end. */
  readonly rangeEnd?: string
  readonly limit?: number
  readonly revision?: number
  readonly keysOnly?: boolean
}

export interface Header {
  /** To be compared with that of other answers, and for nothing else: it has lost precision. */
  readonly clusterId: number
  /** The store's revision when it answered, whatever revision was asked for. */
  readonly revision: number
}

export interface RangeResponse extends Header {
  readonly entries: readonly KeyValue[]
  readonly more: boolean
  /** Of all keys in the range, also beyond the limit. */
  readonly count: number
}

export const keyAfterAll = '\0'

export const rangeRequest = ({
  key,
  rangeEnd,
  limit = 0,
  revision = 0,
  keysOnly = false,
}: RangeRequest): Parts => [
  ...bytesField(1, key),
  ...(rangeEnd === undefined ? [] : bytesField(2, rangeEnd)),
  ...numberField(3, limit),
  ...numberField(4, revision),
  ...numberField(8, keysOnly),
]

export function rangeResponse(message: Buffer): RangeResponse {
  const entries: KeyValue[] = []
  let [header, more, count] = [noHeader, false, 0]
  readFields(message, (field, number, bytes) => {
    if (field === 1) header = headerOf(bytes)
    else if (field === 2) entries.push(keyValue(bytes))
    else if (field === 3) more = number !== 0
    else if (field === 4) count = number
  })
  return { ...header, entries, more, count }
}

export interface PutRequest {
  readonly key: string
  readonly value: Uint8Array
  /** 0: it stays. */
  readonly lease: number
}

export const putRequest = ({ key, value, lease }: PutRequest): Parts => [
  ...bytesField(1, key),
  ...bytesField(2, value),
  ...numberField(3, lease),
]

export const putResponse = (message: Buffer): number => headerRevision(message)

/** What must hold for a write; unset: nothing. */
export interface Condition {
  readonly on: 'createRevision' | 'modRevision'
  readonly equals: number
}

const compare = (key: string, { on, equals }: Condition): Parts => [
  // result = EQUAL = 0 is left out; target: CREATE = 1, MOD = 2; target_union: create_revision = 5, mod_revision = 6
  ...numberField(2, on === 'createRevision' ? 1 : 2),
  ...bytesField(3, key),
  // A oneof is written even when it is 0.
  ...(equals === 0
    ? [Uint8Array.of((on === 'createRevision' ? 5 : 6) << 3, 0)]
    : numberField(on === 'createRevision' ? 5 : 6, equals)),
]

/** Either `put`s or deletes `key`; when a condition on its last write does not hold, answers with the key's revisions. */
export function txnRequest(
  key: string,
  condition: Condition | undefined,
  put: PutRequest | undefined,
): Parts {
  // RequestOp: request_range = 1, request_put = 2, request_delete_range = 3 { key = 1, prev_kv = 3 }
  const change = put
    ? bytesField(2, putRequest(put))
    : bytesField(3, [...bytesField(1, key), ...numberField(3, true)])
  return [
    ...(condition ? bytesField(1, compare(key, condition)) : []),
    ...bytesField(2, change),
    ...(condition?.on === 'modRevision'
      ? bytesField(3, bytesField(1, rangeRequest({ key, keysOnly: true })))
      : []),
  ]
}

export interface TxnResponse extends Header {
  readonly succeeded: boolean
  /** The key as it was deleted, or, when the condition did not hold, as it is, without its value. */
  readonly entry: KeyValue | undefined
}

export function txnResponse(message: Buffer): TxnResponse {
  let [header, succeeded] = [noHeader, false]
  let entry: KeyValue | undefined
  readFields(message, (field, number, bytes) => {
    if (field === 1) header = headerOf(bytes)
    else if (field === 2) succeeded = number !== 0
    else if (field === 3)
      readFields(bytes, (kind, _number, response) => (entry = entryOf(kind, response) ?? entry))
  })
  return { ...header, succeeded, entry }
}

/** ResponseOp: response_range = 1 { kvs = 2 }, response_delete_range = 3 { prev_kvs = 3 }. */
function entryOf(kind: number, response: Buffer): KeyValue | undefined {
  let entry: KeyValue | undefined
  const wanted = kind === 1 ? 2 : kind === 3 ? 3 : 0
  readFields(response, (field, _number, bytes) => {
    if (field === wanted) entry = keyValue(bytes)
  })
  return entry
}

export const compactRequest = (revision: number): Parts => numberField(1, revision)

export const leaseGrantRequest = (lease: { readonly ttlSeconds: number; readonly id: number }): Parts => [
  ...numberField(1, lease.ttlSeconds),
  ...numberField(2, lease.id),
]

export const authenticateRequest = (user: { readonly name: string; readonly password: string }): Parts => [
  ...bytesField(1, user.name),
  ...bytesField(2, user.password),
]

export function authenticateResponse(message: Buffer): string {
  let token = ''
  readFields(message, (field, _number, bytes) => {
    if (field === 2) token = bytes.toString('utf8')
  })
  return token
}

/** Everything from `startRevision` on, with previous values; in pieces where it is large; with progress when quiet. */
export function watchRequest(range: {
  readonly key: string
  readonly rangeEnd: string
  readonly startRevision: number
}): Parts {
  // WatchRequest: create_request = 1 { key, range_end, start_revision, progress_notify, filters, prev_kv, watch_id, fragment }
  return bytesField(1, [
    ...bytesField(1, range.key),
    ...bytesField(2, range.rangeEnd),
    ...numberField(3, range.startRevision),
    ...numberField(4, true),
    ...numberField(6, true),
    ...numberField(8, true),
  ])
}

export interface WatchEvent {
  readonly isDelete: boolean
  readonly entry: KeyValue
  readonly previous: KeyValue | undefined
}

export interface WatchResponse {
  readonly revision: number
  readonly isCreated: boolean
  readonly isCanceled: boolean
  /** With `isCanceled`: what is older than this is no longer kept. 0: it was canceled for another reason. */
  readonly compactRevision: number
  readonly cancelReason: string
  /** More of the same moment follows. */
  readonly isFragment: boolean
  readonly events: readonly WatchEvent[]
}

export function watchResponse(message: Buffer): WatchResponse {
  let [revision, compactRevision, cancelReason] = [0, 0, '']
  let [isCreated, isCanceled, isFragment] = [false, false, false]
  const events: WatchEvent[] = []
  readFields(message, (field, number, bytes) => {
    if (field === 1) revision = revisionOf(bytes)
    else if (field === 3) isCreated = number !== 0
    else if (field === 4) isCanceled = number !== 0
    else if (field === 5) compactRevision = number
    else if (field === 6) cancelReason = bytes.toString('utf8')
    else if (field === 7) isFragment = number !== 0
    else if (field === 11) events.push(watchEvent(bytes))
  })
  return { revision, isCreated, isCanceled, compactRevision, cancelReason, isFragment, events }
}

const noEntry: KeyValue = { key: '', value: new Uint8Array(), createRevision: 0, modRevision: 0 }

function watchEvent(message: Buffer): WatchEvent {
  let isDelete = false
  let entry = noEntry
  let previous: KeyValue | undefined
  readFields(message, (field, number, bytes) => {
    if (field === 1) isDelete = number === 1
    else if (field === 2) entry = keyValue(bytes)
    else if (field === 3) previous = keyValue(bytes)
  })
  return { isDelete, entry, previous }
}

function keyValue(message: Buffer): KeyValue {
  let [key, createRevision, modRevision] = ['', 0, 0]
  let value = noEntry.value
  readFields(message, (field, number, bytes) => {
    if (field === 1) key = bytes.toString('utf8')
    else if (field === 2) createRevision = number
    else if (field === 3) modRevision = number
    else if (field === 5) value = ownBytes(bytes)
  })
  return { key, value, createRevision, modRevision }
}

/** The revision in the header that every answer begins with. */
export function headerRevision(message: Buffer): number {
  let revision = 0
  readFields(message, (field, _number, bytes) => {
    if (field === 1) revision = revisionOf(bytes)
  })
  return revision
}

const revisionOf = (header: Buffer): number => headerOf(header).revision

const noHeader: Header = { clusterId: 0, revision: 0 }

/** ResponseHeader: cluster_id = 1, member_id = 2, revision = 3. */
function headerOf(header: Buffer): Header {
  let [clusterId, revision] = [0, 0]
  readFields(header, (field, number) => {
    if (field === 1) clusterId = number
    else if (field === 3) revision = number
  })
  return { clusterId, revision }
}
