import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'

import { etcdVersion, startEtcdCluster } from '../tests/support/etcd.ts'

/** A one-member etcd and the smallest gRPC client that can put and get: what the engine costs without a store around it. */
export interface Etcd extends AsyncDisposable {
  readonly version: string
  /** `HOST:PORT`. */
  readonly endpoint: string
  /** Resolves when etcd has answered, which it does after its log is synced. */
  put(key: string, value: Uint8Array): Promise<void>
  /** A create: the same, in a transaction that checks that the key is new. */
  create(key: string, value: Uint8Array): Promise<void>
  /** A serializable read of a missing key: no disk, no consensus. It shows what this client and gRPC alone can do. */
  ping(): Promise<void>
  /** One key. Resolves with the size of the answer. */
  get(key: string): Promise<number>
  /** All keys under a prefix with their values, in one answer. Resolves with its size. */
  list(prefix: string): Promise<number>
  /** Watchers of a prefix, on one stream, as many as wanted. `onEvents` gets the messages as they come. */
  watch(prefix: string, watchers: number, onMessage: (bytes: Buffer) => void): Promise<Disposable>
  /** Resident memory of etcd; undefined where the system does not say. */
  memoryBytes(): number | undefined
  /** Processor seconds that etcd has used; undefined where the system does not say. */
  cpuSeconds(): number | undefined
}

/** Undefined when etcd is not installed. */
export async function startEtcd(folder: string): Promise<Etcd | undefined> {
  const version = etcdVersion()
  if (version === undefined) return undefined
  const cluster = await startEtcdCluster({ folder })
  const session = connect(`http://${cluster.endpoints}`)
  await once(session, 'connect')
  session.setLocalWindowSize(8 * 1024 * 1024)
  return {
    version,
    endpoint: cluster.endpoints,
    async put(key, value) {
      await call(session, '/etcdserverpb.KV/Put', [field(1, Buffer.from(key)), field(2, value)])
    },
    async create(key, value) {
      await call(session, '/etcdserverpb.KV/Txn', txnIfNew(Buffer.from(key), value))
    },
    get: (key) => call(session, rangePath, [field(1, Buffer.from(key))]),
    list: (prefix) => call(session, rangePath, [field(1, Buffer.from(prefix)), field(2, endOf(prefix))]),
    watch: (prefix, watchers, onMessage) => openWatch(session, { prefix, watchers, onMessage }),
    memoryBytes: () => residentBytesOf(cluster.members[0]?.pid),
    // RangeRequest: key = 1, serializable = 7
    async ping() {
      await call(session, rangePath, [field(1, Buffer.from('/none')), Buffer.from([7 << 3, 1])])
    },
    cpuSeconds: () => cpuSecondsOf(cluster.members[0]?.pid),
    async [Symbol.asyncDispose]() {
      session.close()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

/** TxnRequest: compare = 1 { target = CREATE, key, create_revision = 0 }, success = 2 { request_put }. */
function txnIfNew(key: Uint8Array, value: Uint8Array): Uint8Array[] {
  const compare = Buffer.concat([Buffer.from([2 << 3, 1]), field(3, key), Buffer.from([5 << 3, 0])])
  const put = Buffer.concat([field(1, key), field(2, value)])
  return [field(1, compare), field(2, field(2, put))]
}

const rangePath = '/etcdserverpb.KV/Range'

/** The first key behind all that begin with the prefix. */
const endOf = (prefix: string): Buffer => {
  const end = Buffer.from(prefix)
  end[end.length - 1] = (end.at(-1) ?? 0) + 1
  return end
}

const open = (session: ClientHttp2Session, path: string): ClientHttp2Stream =>
  session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: path,
    'content-type': 'application/grpc',
    te: 'trailers',
  })

function framed(fields: readonly Uint8Array[]): Buffer {
  const message = Buffer.concat(fields)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

interface Watched {
  readonly prefix: string
  readonly watchers: number
  readonly onMessage: (bytes: Buffer) => void
}

/** Resolves when each watcher has been confirmed. */
function openWatch(
  session: ClientHttp2Session,
  { onMessage, prefix, watchers }: Watched,
): Promise<Disposable> {
  const stream = open(session, '/etcdserverpb.Watch/Watch')
  // WatchRequest: create_request = 1 { key = 1, range_end = 2 }
  const create = framed([field(1, Buffer.concat([field(1, Buffer.from(prefix)), field(2, endOf(prefix))]))])
  for (let i = 0; i < watchers; i++) stream.write(create)
  return new Promise((resolve, reject) => {
    stream.on('error', reject)
    let confirmed = 0
    stream.on('data', (chunk: Buffer) => {
      if (confirmed >= watchers) return onMessage(chunk)
      // A confirmation is a message of its own that begins with a zero, for "not compressed".
      for (let at = 0; at + 5 <= chunk.length; at += 5 + chunk.readUInt32BE(at + 1)) confirmed++
      if (confirmed >= watchers) resolve({ [Symbol.dispose]: () => stream.close(constants.NGHTTP2_CANCEL) })
    })
  })
}

/** A unary call: one length-prefixed message there, one back, the outcome in the trailers. Resolves with the answer's size. */
function call(session: ClientHttp2Session, path: string, fields: readonly Uint8Array[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = open(session, path)
    let size = 0
    stream.on('trailers', (trailers) => {
      if (trailers['grpc-status'] === '0') resolve(size)
      else reject(new Error(`etcd answered ${trailers['grpc-status']}: ${trailers['grpc-message']}`))
    })
    stream.on('error', reject)
    stream.on('close', () => reject(new Error('etcd closed the stream without an answer')))
    stream.on('data', (chunk: Buffer) => (size += chunk.length))
    stream.end(framed(fields))
  })
}

/** A length-delimited protobuf field. */
function field(number: number, value: Uint8Array): Buffer {
  const head = [(number << 3) | 2]
  let length = value.byteLength
  for (; length > 0x7f; length >>>= 7) head.push((length & 0x7f) | 0x80)
  head.push(length)
  return Buffer.concat([Buffer.from(head), value])
}

function residentBytesOf(pid: number | undefined): number | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined
  const kB = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return kB === undefined ? undefined : Number(kB) * 1_024
}

const ticksPerSecond = 100 // USER_HZ, the same on every Linux that Node supports

function cpuSecondsOf(pid: number | undefined): number | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond // utime and stime, see proc(5)
}
