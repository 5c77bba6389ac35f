import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import { allTo, gatewayTo, openApp, RawClient, type Upstream } from './fixture.ts'
import type { Gateway } from './gateway.ts'

/**
 * Requests that two servers may read differently. Each must be refused, the connection closed, and nothing of what
 * hides behind it may reach the app.
 */
const hidden = 'GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n'
const post = (lines: string, body = '') => `POST /p HTTP/1.1\r\nHost: x\r\n${lines}\r\n${body}${hidden}`
const get = (lines: string) => `GET /g HTTP/1.1\r\n${lines}\r\n${hidden}`

const corpus: [string, string, number][] = [
  ['length and chunks', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  ['chunks and length', post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'), 400],
  ['two lengths', post('Content-Length: 0\r\nContent-Length: 5\r\n'), 400],
  ['two equal lengths', post('Content-Length: 0\r\nContent-Length: 0\r\n'), 400],
  ['a list of lengths', post('Content-Length: 0, 0\r\n'), 400],
  ['a signed length', post('Content-Length: +0\r\n'), 400],
  ['a negative length', post('Content-Length: -1\r\n'), 400],
  ['a hex length', post('Content-Length: 0x0\r\n'), 400],
  ['an empty length', post('Content-Length:\r\n'), 400],
  ['an endless length', post('Content-Length: 99999999999999999999\r\n'), 400],
  ['a length with a blank inside', post('Content-Length: 1 0\r\n'), 400],
  ['another coding', post('Transfer-Encoding: gzip\r\n'), 400],
  ['two codings', post('Transfer-Encoding: gzip, chunked\r\n'), 400],
  ['chunked twice', post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'), 400],
  [
    'chunked on two lines',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    400,
  ],
  ['a disguised coding', post('Transfer-Encoding: xchunked\r\n'), 400],
  ['a quoted coding', post('Transfer-Encoding: "chunked"\r\n'), 400],
  ['a coding behind a vertical tab', post('Transfer-Encoding: \x0bchunked\r\n'), 400],
  ['identity', post('Transfer-Encoding: identity\r\n'), 400],
  ['a coding with an underscore', post('Transfer_Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  ['a length with an underscore', post('content_length: 5\r\n'), 400],
  ['a blank before the colon', post('Transfer-Encoding : chunked\r\n'), 400],
  ['a tab before the colon', post('Content-Length\t: 5\r\n'), 400],
  ['a folded line', post('X: a\r\n Transfer-Encoding: chunked\r\n'), 400],
  ['a first line that is folded', `GET /g HTTP/1.1\r\n Host: x\r\n\r\n${hidden}`, 400],
  ['a bare line feed', `GET /g HTTP/1.1\nHost: x\n\n${hidden}`, 400],
  ['a bare line feed between headers', get('Host: x\nA: b\r\n'), 400],
  ['a bare carriage return', get('Host: x\r\nA: b\rTransfer-Encoding: chunked\r\n'), 400],
  ['a NUL in a value', get('Host: x\r\nA: b\0c\r\n'), 400],
  ['a control character in a value', get('Host: x\r\nA: b\x01\r\n'), 400],
  ['DEL in a value', get('Host: x\r\nA: b\x7f\r\n'), 400],
  ['a name with a blank', get('Host: x\r\nA b: c\r\n'), 400],
  ['an empty name', get('Host: x\r\n: c\r\n'), 400],
  ['a line without a colon', get('Host: x\r\nABC\r\n'), 400],
  ['a name of other letters', get('Host: x\r\nÄ: c\r\n'), 400],
  ['no host', get('A: b\r\n'), 400],
  ['two hosts', get('Host: x\r\nHost: y\r\n'), 400],
  ['a host with a path', get('Host: x/y\r\n'), 400],
  ['a target of another host', 'GET http://y/g HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a target that is no path', 'GET g HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a fragment', 'GET /g#h HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a raw byte in the target', 'GET /\xe4 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['two blanks', 'GET  /g HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a tab in the first line', 'GET\t/g HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['HTTP/0.9', 'GET /g\r\n\r\n', 400],
  ['HTTP/1.2', 'GET /g HTTP/1.2\r\nHost: x\r\n\r\n', 400],
  ['HTTP/2.0', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['a version in small letters', 'GET /g http/1.1\r\nHost: x\r\n\r\n', 400],
  ['a blank behind the version', 'GET /g HTTP/1.1 \r\nHost: x\r\n\r\n', 400],
  ['a method that is no token', 'GE(T /g HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['CONNECT', 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['TRACE', 'TRACE /g HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['a dot segment', 'GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['Connection that names the length', post('Connection: Content-Length\r\nContent-Length: 0\r\n'), 400],
  [
    'Connection that names the coding',
    post('Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    400,
  ],
  ['chunks in HTTP/1.0', `POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a bad chunk size', post('Transfer-Encoding: chunked\r\n', 'zz\r\nhello\r\n0\r\n\r\n'), 400],
  ['a chunk size with a blank', post('Transfer-Encoding: chunked\r\n', '5 \r\nhello\r\n0\r\n\r\n'), 400],
  [
    'a line feed in a chunk extension',
    post('Transfer-Encoding: chunked\r\n', '5;\nxx\r\nhello\r\n0\r\n\r\n'),
    400,
  ],
  [
    'a chunk that is longer than it says',
    post('Transfer-Encoding: chunked\r\n', '4\r\nhello\r\n0\r\n\r\n'),
    400,
  ],
  ['a first line of 9 KiB', `GET /${'a'.repeat(9 * 1024)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
  ['a head of 17 KiB', get(`Host: x\r\nA: ${'b'.repeat(17 * 1024)}\r\n`), 431],
  ['a head of 17 KiB that does not end', `GET /g HTTP/1.1\r\nHost: x\r\nA: ${'b'.repeat(17 * 1024)}`, 431],
  ['a hundred and one headers', get(`Host: x\r\n${'A: b\r\n'.repeat(100)}`), 431],
]

let app: Upstream
let gateway: Gateway
const seen: string[] = []
before(async () => {
  app = await openApp((request, response) => {
    seen.push(request.url ?? '')
    request.resume()
    request.on('end', () => response.end('served'))
    request.on('error', () => {}) // the gateway cuts a body that it refuses half-way
  })
  gateway = await gatewayTo(allTo(app.port))
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await app[Symbol.asyncDispose]()
})

const statusOf = (text: string) => Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1])

for (const [name, bytes, status] of corpus)
  test(`${name}: ${status}, and closed`, async () => {
    seen.length = 0
    const client = new RawClient(gateway.address.port)
    client.send(bytes)
    const text = await client.closed()
    assert.equal(statusOf(text), status, text)
    assert.match(text, /\r\nx-sampan-reason: bad-request:/)
    assert.match(text, /\r\nConnection: close\r\n/)
    assert.equal(text.split('HTTP/1.1 ').length, 2, 'one answer only')
    assert.ok(!seen.includes('/hidden'))
  })

test('a refused request is refused however it is cut', async () => {
  const cut = corpus.filter(([, bytes]) => bytes.length < 400)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...cut),
      fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 4 }),
      async (row, sizes) => {
        const [, bytes, status] = row
        const client = new RawClient(gateway.address.port)
        let at = 0
        for (const size of sizes) {
          client.send(bytes.slice(at, (at += size)))
          await new Promise((resolve) => setImmediate(resolve))
        }
        client.send(bytes.slice(at))
        assert.equal(statusOf(await client.closed()), status)
        assert.ok(!seen.includes('/hidden'))
      },
    ),
    { numRuns: 60 },
  )
})

test('a valid sequence of requests has the same answers however it is cut', async () => {
  const body = 'x'.repeat(30)
  const bytes =
    'GET /1 HTTP/1.1\r\nHost: x\r\n\r\n' +
    `POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
    'POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;e=1\r\nyou\r\n0\r\nT: 1\r\n\r\n' +
    'HEAD /4 HTTP/1.1\r\nHost: x\r\n\r\n' +
    '\r\nGET /5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 12 }), async (sizes) => {
      seen.length = 0
      const client = new RawClient(gateway.address.port)
      let at = 0
      for (const size of sizes) {
        client.send(bytes.slice(at, (at += size)))
        await new Promise((resolve) => setImmediate(resolve))
      }
      client.send(bytes.slice(at))
      const text = await client.closed()
      assert.equal(text.split('HTTP/1.1 200 OK').length - 1, 5, text)
      assert.equal(text.split('served').length - 1, 4)
      assert.deepEqual(seen, ['/1', '/2', '/3', '/4', '/5'])
    }),
    { numRuns: 60 },
  )
})
