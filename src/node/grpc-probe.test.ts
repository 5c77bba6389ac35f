import assert from 'node:assert/strict'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { realClock } from '../base/clock.ts'
import { askGrpc, type GrpcQuestion } from './grpc-probe.ts'

type Answers = (stream: ServerHttp2Stream, request: Buffer) => void

const respond = (stream: ServerHttp2Stream, message: readonly number[], status = '0') => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
  stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]))
}
const refuse = (stream: ServerHttp2Stream, status: string, message: string) =>
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status, 'grpc-message': message },
    { endStream: true },
  )

interface Row {
  readonly name: string
  readonly answers: Answers
  readonly service?: string
  readonly limitMs?: number
  readonly message: string | RegExp
}
const rows: Row[] = [
  { name: 'SERVING', answers: (stream) => respond(stream, [8, 1]), message: '' },
  {
    name: 'NOT_SERVING',
    answers: (stream) => respond(stream, [8, 2]),
    message: 'service unhealthy (responded with "NOT_SERVING")',
  },
  {
    name: 'UNKNOWN, which is zero and left out',
    answers: (stream) => respond(stream, []),
    message: 'service unhealthy (responded with "UNKNOWN")',
  },
  {
    name: 'the name of the service, longer than one byte of length can say',
    service: 's'.repeat(200),
    answers(stream, request) {
      const name = Buffer.from('s'.repeat(200))
      const expected = Buffer.concat([Buffer.from([0, 0, 0, 0, 203, 0x0a, 0xc8, 0x01]), name])
      respond(stream, [8, expected.equals(request) ? 1 : 2])
    },
    message: '',
  },
  {
    name: 'a service that it does not know',
    answers: (stream) => refuse(stream, '5', 'unknown%20service'),
    message: 'error: health rpc failed with 5: unknown service',
  },
  {
    name: 'a message that is not encoded as it should be',
    answers: (stream) => refuse(stream, '13', 'disk is 100% full'),
    message: 'error: health rpc failed with 13: disk is 100% full',
  },
  {
    name: 'no health service',
    answers: (stream) => refuse(stream, '12', ''),
    message: 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)',
  },
  {
    name: 'no gRPC at all',
    answers: (stream) => stream.respond({ ':status': 404 }, { endStream: true }),
    message: 'error: health rpc failed: HTTP status 404',
  },
  {
    name: 'silence',
    answers: () => {},
    limitMs: 100,
    message: /^timeout: failed to connect service at 10\.64\.0\.1:\d+ within 0\.1s$/,
  },
]
for (const { name, answers, service = '', limitMs = 5_000, message } of rows)
  test(`gRPC probe: ${name}`, async (t) => {
    const server = createServer()
    server.on('stream', (stream, headers) => {
      assert.equal(headers[':path'], '/grpc.health.v1.Health/Check')
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => answers(stream, Buffer.concat(chunks)))
      stream.on('error', () => {}) // the probe hangs up on silence
    })
    t.after(() => server.close())
    const { port } = await listen(server)
    const answer = await ask({ port, service, limitMs })
    assert.match(answer.message, message instanceof RegExp ? message : literally(message))
    assert.equal(answer.isSuccess, message === '')
  })

test('gRPC probe: nobody listens', async () => {
  const server = createServer()
  const { port } = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  const answer = await ask({ port, service: '', limitMs: 5_000 })
  assert.match(answer.message, /^error: failed to connect service at 10\.64\.0\.1:\d+: .*ECONNREFUSED/)
})

const ask = (question: Omit<GrpcQuestion, 'host'>) =>
  askGrpc({ host: '127.0.0.1', ...question }, { clock: realClock, podIP: '10.64.0.1' })

const literally = (text: string): RegExp => new RegExp(`^${text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)

async function listen(server: ReturnType<typeof createServer>): Promise<AddressInfo> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server.address() as AddressInfo
}
