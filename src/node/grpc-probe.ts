/**
 * A gRPC probe: one call of `grpc.health.v1.Health/Check` (github.com/grpc/grpc-proto grpc/health/v1/health.proto) in
 * clear text, as kubelet makes it (pkg/probe/grpc/grpc.go). The two messages have one field each, so they are written
 * and read here by hand.
 */
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import type { Clock } from '../base/clock.ts'

export interface GrpcQuestion {
  readonly host: string
  readonly port: number
  readonly service: string
  readonly limitMs: number
}

const servingStatus = 1
const statusNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']
/** The answer is one small number; more than this is no answer of a health service. */
const answerBytesMax = 4_096
const unimplemented = '12'

interface Answer {
  readonly isSuccess: boolean
  readonly message: string
}

/** Never rejects. */
export async function askGrpc(
  question: GrpcQuestion,
  { clock, podIP }: { readonly clock: Clock; readonly podIP: string },
): Promise<Answer> {
  const { host, limitMs, port, service } = question
  const shown = `service at ${podIP}:${port}`
  const session = connect(`http://${host}:${port}`)
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const fail = (message: string) => resolve({ isSuccess: false, message })
  const cancel = clock.after(limitMs, () =>
    fail(`timeout: failed to connect ${shown} within ${limitMs / 1000}s`),
  )
  session.on('error', (error) => fail(`error: failed to connect ${shown}: ${error.message}`))
  try {
    call(session, service).then(
      (answer) => resolve(judge(answer)),
      (error: Error) => fail(`error: health rpc failed: ${error.message}`),
    )
    return await promise
  } finally {
    cancel()
    session.destroy()
  }
}

interface Reply {
  readonly status: string
  readonly message: string
  readonly body: Buffer
}

function judge({ status, message, body }: Reply): Answer {
  if (status === unimplemented)
    return {
      isSuccess: false,
      message: 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)',
    }
  if (status !== '0')
    return { isSuccess: false, message: `error: health rpc failed with ${status}: ${message}` }
  const serving = statusOf(body)
  const name = statusNames[serving] ?? String(serving)
  return serving === servingStatus
    ? { isSuccess: true, message: '' }
    : { isSuccess: false, message: `service unhealthy (responded with "${name}")` }
}

function call(session: ClientHttp2Session, service: string): Promise<Reply> {
  const request = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    'user-agent': 'kube-probe/1.35',
    te: 'trailers',
  })
  return new Promise((resolve, reject) => {
    let ends: IncomingHttpHeaders = {}
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('error', reject)
    // An error without a message comes as headers that are trailers too.
    request.on('response', (headers) => {
      if (headers[':status'] !== 200) reject(new Error(`HTTP status ${headers[':status']}`))
      else ends = { ...ends, ...headers }
    })
    request.on('trailers', (trailers) => (ends = { ...ends, ...trailers }))
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > answerBytesMax) reject(new Error(`the answer has more than ${answerBytesMax} bytes`))
      else chunks.push(chunk)
    })
    request.on('end', () =>
      resolve({
        status: String(ends['grpc-status'] ?? 'no status'),
        message: decoded(String(ends['grpc-message'] ?? '')),
        body: Buffer.concat(chunks),
      }),
    )
    request.end(frame(service))
  })
}

/** As it came where it isn't encoded: the program may send what it likes. */
function decoded(message: string): string {
  try {
    return decodeURIComponent(message)
  } catch {
    return message
  }
}

/** HealthCheckRequest { string service = 1 }, in gRPC's frame: not compressed, four bytes of length. */
function frame(service: string): Buffer {
  const name = Buffer.from(service)
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name])
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return Buffer.from([...bytes, rest])
}

/** HealthCheckResponse { ServingStatus status = 1 }; zero is not written. */
function statusOf(body: Buffer): number {
  const message = body.subarray(5)
  return message[0] === 0x08 ? (message[1] ?? 0) : 0
}
