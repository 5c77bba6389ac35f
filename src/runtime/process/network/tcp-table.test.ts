import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { parseAwaited, parseTcpTable, parseTcpUsers, readListening, readTcpUsers } from './tcp-table.ts'

const head =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const row = (local: string, state = '0A') =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 13508287 1 0`

/** What the kernel's tables say, and who listens by that. */
const tables: readonly (readonly [string, readonly object[]])[] = [
  [row('0170727F:0BB8'), [{ address: '127.114.112.1', port: 3000, uid: 1000 }]],
  [row('00000000:0050'), [{ address: undefined, port: 80, uid: 1000 }]],
  [row('0170727F:0BB8', '01'), []], // a connection
  [row(`${'0'.repeat(32)}:1F90`), [{ address: undefined, port: 8080, uid: 1000 }]],
  [row('0000000000000000FFFF00000170727F:1F90'), [{ address: '127.114.112.1', port: 8080, uid: 1000 }]],
  [row('00000000000000000000000001000000:1F90'), []], // ::1
  ['', []],
]

for (const [text, found] of tables)
  test(`${text.trim() || 'nothing'} yields ${JSON.stringify(found)}`, () =>
    assert.deepEqual(parseTcpTable(`${head}\n${text}\n`), found))

test('whoever waits for a connection waits for its port', () => {
  const waiting = (remote: string, state = '02') =>
    `   0: 020012C6:A1B2 ${remote} ${state} 0:0 00:0 0  1000 0 1 1 0`
  const lines = [
    waiting('076433C6:3039'),
    waiting('0000000000000000FFFF0000076433C6:303A'),
    waiting('076433C6:303B', '01'), // is through
    waiting('0100007F:303C'), // somebody of its own network is slow
    waiting('B80D0120000000000000000001000000:303D'), // of IPv6 alone
  ]
  assert.deepEqual(parseAwaited(`${head}\n${lines.join('\n')}\n`), [12345, 12346])
})

test('a socket that listens is found, until it is closed', async () => {
  const server = createServer().listen(0, '127.64.3.9')
  await once(server, 'listening')
  const isFound = () => readListening('self').some(({ address }) => address === '127.64.3.9')
  assert.equal(isFound(), true)
  server.close()
  await once(server, 'close')
  assert.equal(isFound(), false)
})

test('each end of a connection has its user', async (t) => {
  const ends = '   1: 0170727F:0BB8 0270727F:0050 01 0:0 00:0 0  1000 0 1 1 0'
  assert.deepEqual(parseTcpUsers(`${head}\n${ends}\n${row('0170727F:0BB8')}\n`), [
    ['127.114.112.1:3000 127.114.112.2:80', 1000],
  ])
  const server = createServer().listen(0, '127.64.3.9')
  t.after(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  const client = connect({ host: '127.64.3.9', port: typeof address === 'object' ? (address?.port ?? 0) : 0 })
  t.after(() => client.destroy())
  await once(client, 'connect')
  const found = readTcpUsers().get(`127.0.0.1:${client.localPort} 127.64.3.9:${client.remotePort}`)
  assert.equal(found, process.getuid?.())
})
