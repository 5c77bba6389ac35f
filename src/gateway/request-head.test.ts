import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../base/fast-check.ts'
import { incomplete, refused } from './header-fields.ts'
import { defaultLimits } from './limits.ts'
import { readRequestHead, RequestHead } from './request-head.ts'

const read = (text: string, trust = false) => {
  const head = new RequestHead(defaultLimits, trust)
  return { head, end: readRequestHead(Buffer.from(text, 'latin1'), head) }
}

const rows: { name: string; head: string; forwarded: string }[] = [
  {
    name: 'a plain head goes on verbatim',
    head: 'GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Odd:   spaced  \r\n\r\n',
    forwarded: 'GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Odd:   spaced  \r\n',
  },
  {
    name: 'hop-by-hop lines and those that Connection names are left out',
    head: 'GET / HTTP/1.1\r\nConnection: close, X-Mine\r\nHost: x\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: a\r\nB: 2\r\n\r\n',
    forwarded: 'GET / HTTP/1.1\r\nHost: x\r\nB: 2\r\n',
  },
  {
    name: 'what a client says about earlier hops is left out',
    head: 'GET / HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\nx-forwarded-anything: y\r\nForwarded: for=1\r\nX-Real-IP: 1\r\nHost: x\r\n\r\n',
    forwarded: 'GET / HTTP/1.1\r\nHost: x\r\n',
  },
  {
    name: 'also with underscores, which some frameworks read as dashes',
    head: 'GET / HTTP/1.1\r\nX_Forwarded_For: 1.2.3.4\r\nX-Forwarded_Proto: https\r\nx_forwarded-host: y\r\nX_Real_IP: 1\r\nX_Real-Ip: 1\r\nHost: x\r\nX_Mine: 1\r\n\r\n',
    forwarded: 'GET / HTTP/1.1\r\nHost: x\r\nX_Mine: 1\r\n',
  },
  {
    name: 'HTTP/1.0 is forwarded as such, to be closed after',
    head: 'GET / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n',
    forwarded: 'GET / HTTP/1.0\r\nConnection: close\r\n',
  },
  {
    name: 'an absolute target becomes its path',
    head: 'GET http://X.test/a?b HTTP/1.1\r\nHost: x.test\r\n\r\n',
    forwarded: 'GET /a?b HTTP/1.1\r\nHost: x.test\r\n',
  },
  {
    name: 'an upgrade is asked for in our words',
    head: 'GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n',
    forwarded: 'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n',
  },
  {
    name: 'an upgrade to HTTP/2 is not asked for',
    head: 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\n\r\n',
    forwarded: 'GET / HTTP/1.1\r\nHost: x\r\n',
  },
]
for (const row of rows)
  test(row.name, () => {
    const { head, end } = read(row.head)
    assert.equal(end, row.head.length, head.problem)
    assert.equal(head.forwarded, row.forwarded)
  })

test('a trusted proxy is believed', () => {
  const { head } = read(
    'GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\r\n',
    true,
  )
  assert.match(head.forwarded, /X-Forwarded-For: 1\.2\.3\.4/)
  assert.equal(head.hasForwardedProto, true)
})

test('a trusted proxy has dashes: what has underscores is from before it', () => {
  const { head } = read(
    'GET / HTTP/1.1\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Host: y\r\nX_Real_IP: 1\r\nX-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 2\r\nHost: x\r\n\r\n',
    true,
  )
  assert.equal(head.forwarded, 'GET / HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 2\r\nHost: x\r\n')
  assert.equal(head.hasForwardedHost, false)
})

const hosts: [string, string | undefined][] = [
  ['Example.COM', 'example.com'],
  ['example.com:8080', 'example.com'],
  ['example.com.', 'example.com'],
  ['[::1]:80', '[::1]'],
  ['a_b.test', 'a_b.test'],
  ['', undefined],
  ['a b', undefined],
  ['a/b', undefined],
  ['a@b', undefined],
  ['a,b', undefined],
  ['x:99999999', undefined],
  ['ä.test', undefined],
]
for (const [sent, host] of hosts)
  test(`the host ${JSON.stringify(sent)} is ${host ?? 'refused'}`, () => {
    const { head, end } = read(`GET / HTTP/1.1\r\nHost: ${sent}\r\n\r\n`)
    if (host === undefined) assert.equal(end, refused)
    else assert.equal(head.host, host)
  })

test('two hosts are refused, also when one of them is empty, by the first request as by any other', () => {
  for (const [a, b] of [
    ['x', 'y'],
    ['', 'x'],
    ['x', ''],
  ])
    assert.equal(read(`GET / HTTP/1.1\r\nHost: ${a}\r\nHost: ${b}\r\n\r\n`).end, refused, `${a}, ${b}`)
})

test('every proper beginning of a head is incomplete', () => {
  const text = 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\n'
  for (let n = 0; n < text.length; n++) assert.equal(read(text.slice(0, n)).end, incomplete, `at ${n}`)
  assert.equal(read(text).end, text.length)
})

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,15}$/)
const value = fc.stringMatching(/^[!-~]([ -~\t]{0,30}[!-~])?$/)

test('any lines that mean nothing to the gateway go on as they came', () => {
  const lines = fc.array(fc.tuple(token, value), { maxLength: 30 })
  fc.assert(
    fc.property(lines, (pairs) => {
      const text = pairs.map(([name, content]) => `Z-${name}: ${content}\r\n`).join('')
      const { head, end } = read(`GET / HTTP/1.1\r\nHost: x\r\n${text}\r\n`)
      assert.notEqual(end, refused, head.problem)
      assert.equal(head.forwarded, `GET / HTTP/1.1\r\nHost: x\r\n${text}`)
    }),
    { numRuns: 300 },
  )
})

test('no bytes make the reader throw or read past their end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      const buf = Buffer.concat([
        Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n'),
        noise,
        Buffer.from('\r\n\r\n'),
      ])
      const end = readRequestHead(buf, new RequestHead(defaultLimits, false))
      assert.ok(end === refused || end === incomplete || end <= buf.length)
    }),
    { numRuns: 500 },
  )
})
