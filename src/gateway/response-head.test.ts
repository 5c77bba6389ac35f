import assert from 'node:assert/strict'
import { test } from 'node:test'
import { incomplete, refused } from './header-fields.ts'
import { defaultLimits } from './limits.ts'
import { type BodyFraming, framingOf, readResponseHead, ResponseHead } from './response-head.ts'

const read = (text: string) => {
  const head = new ResponseHead(defaultLimits)
  return { head, end: readResponseHead(Buffer.from(text, 'latin1'), 0, head) }
}

const framings: [string, string, string, BodyFraming][] = [
  ['a length', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'length'],
  ['chunks', 'GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'chunked'],
  ['neither', 'GET', 'HTTP/1.1 200 OK\r\n\r\n', 'close'],
  ['an answer to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', 'none'],
  ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', 'none'],
  ['304 with a length', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 'none'],
  ['HTTP/1.0', 'GET', 'HTTP/1.0 200 OK\r\n\r\n', 'close'],
]
for (const [name, method, text, framing] of framings)
  test(`the body of ${name} is found by ${framing}`, () => {
    const { head, end } = read(text)
    assert.equal(end, text.length)
    assert.equal(framingOf(head, method), framing)
  })

test('the status line may have no reason, nor the space before it', () => {
  assert.equal(read('HTTP/1.1 200 \r\nA: b\r\n\r\n').head.status, 200)
  assert.equal(read('HTTP/1.1 204\r\nA: b\r\n\r\n').head.status, 204)
})

test('hop-by-hop lines stay, the version becomes 1.1', () => {
  const { head } = read(
    'HTTP/1.0 200 OK\r\nConnection: x-a\r\nX-A: 1\r\nKeep-Alive: timeout=5\r\nB: 2\r\n\r\n',
  )
  assert.equal(head.forwarded, 'HTTP/1.1 200 OK\r\nB: 2\r\n')
  assert.equal(head.isKeptAlive, false)
})

const bodiless: [string, string, string][] = [
  ['204 with a length', '204 No Content\r\nContent-Length: 5', '204 No Content'],
  ['204 with chunks', '204 No Content\r\nTransfer-Encoding: chunked', '204 No Content'],
  [
    '103 with a length',
    '103 Early Hints\r\nContent-Length: 5\r\nLink: </a>',
    '103 Early Hints\r\nLink: </a>',
  ],
  ['304 with chunks', '304 Not Modified\r\nTransfer-Encoding: chunked', '304 Not Modified'],
  // What a 200 would have had: caches know it.
  ['304 with a length', '304 Not Modified\r\nContent-Length: 5', '304 Not Modified\r\nContent-Length: 5'],
]
for (const [name, head, forwarded] of bodiless)
  test(`${name} goes on without what announces a body`, () => {
    assert.equal(read(`HTTP/1.1 ${head}\r\nA: b\r\n\r\n`).head.forwarded, `HTTP/1.1 ${forwarded}\r\nA: b\r\n`)
  })

const refusedHeads: [string, string][] = [
  ['both length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n'],
  ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n'],
  ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a bare line feed', 'HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n'],
  ['a folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2p1\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a status of 600', 'HTTP/1.1 600 OK\r\n\r\n'],
]
for (const [name, text] of refusedHeads)
  test(`a response with ${name} is refused`, () => {
    assert.equal(read(text).end, refused)
  })

test('every proper beginning is incomplete', () => {
  const text = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\n'
  for (let n = 0; n < text.length; n++) assert.equal(read(text.slice(0, n)).end, incomplete, `at ${n}`)
})
