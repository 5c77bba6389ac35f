import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, constants, type ClientHttp2Session } from 'node:http2'

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
    put: (key, value) => call(session, '/etcdserverpb.KV/Put', [field(1, Buffer.from(key)), field(2, value)]),
    create: (key, value) => call(session, '/etcdserverpb.KV/Txn', txnIfNew(Buffer.from(key), value)),
    // RangeRequest: key = 1, serializable = 7
    ping: () =>
      call(session, '/etcdserverpb.KV/Range', [field(1, Buffer.from('/none')), Buffer.from([7 << 3, 1])]),
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

/** A unary call: one length-prefixed message there, one back, the outcome in the trailers. */
function call(session: ClientHttp2Session, path: string, fields: readonly Uint8Array[]): Promise<void> {
  const message = Buffer.concat(fields)
  const frame = Buffer.alloc(5 + message.length)
  frame.writeUInt32BE(message.length, 1)
  message.copy(frame, 5)
  return new Promise((resolve, reject) => {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.on('trailers', (trailers) => {
      if (trailers['grpc-status'] === '0') resolve()
      else reject(new Error(`etcd answered ${trailers['grpc-status']}: ${trailers['grpc-message']}`))
    })
    stream.on('error', reject)
    stream.on('close', () => reject(new Error('etcd closed the stream without an answer')))
    stream.resume()
    stream.end(frame)
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

const ticksPerSecond = 100 // USER_HZ, the same on every Linux that Node supports

function cpuSecondsOf(pid: number | undefined): number | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond // utime and stime, see proc(5)
}
