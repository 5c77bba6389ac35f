import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { readTcpUsers } from '../runtime/process/network/tcp-table.ts'
import { createFairShare } from './fair-share.ts'

/** A server whose connections have a share each, and says when it has seen so many. */
async function serve(
  t: TestContext,
  bounds: { readonly socketsMax: number; readonly userSocketsMax: number },
) {
  const excess: (readonly [number, number])[] = []
  const clock = fakeClock()
  const open = new Set<Socket>()
  let seen = 0
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  const share = createFairShare({
    ...bounds,
    clock,
    readUsers: readTcpUsers,
    onExcess: (uid, closed) => excess.push([uid, closed]),
  })
  const server = createServer((socket) => {
    if (share.enter(socket)) {
      open.add(socket.on('error', () => {}).resume())
      socket.once('close', () => open.delete(socket))
    }
    seen++
    for (const { count, resolve } of waiting) if (seen >= count) resolve()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    share.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const sees = (count: number) =>
    new Promise<void>((resolve) => (seen >= count ? resolve() : void waiting.push({ count, resolve })))
  return { clock, excess, open, port, sees }
}

test('there are no more than all together may have, and the next come in when some have gone', async (t) => {
  const { open, port, sees } = await serve(t, { socketsMax: 3, userSocketsMax: 2 })
  const clients = Array.from({ length: 5 }, () => connect(port, '127.0.0.1').resume())
  t.after(() => clients.forEach((client) => client.destroy()))
  await sees(5)
  assert.equal(open.size, 3)
  const gone = [...open].map((socket) => once(socket, 'close'))
  for (const socket of open) socket.destroy()
  await Promise.all(gone)
  clients.push(connect(port, '127.0.0.1').resume())
  await sees(6)
  assert.equal(open.size, 1)
})

test('a user who takes more than one may loses what came last; others keep theirs', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root has pods with users of their own')
  const { clock, excess, open, port, sees } = await serve(t, { socketsMax: 12, userSocketsMax: 4 })
  const greedy = 65_533
  const program = `
    const { connect } = require('node:net')
    process.setgid(${greedy})
    process.setuid(${greedy})
    for (let i = 0; i < 9; i++) connect(${port}, '127.0.0.1').on('error', () => {}).resume()
    setInterval(() => {}, 1000)`
  const own = connect(port, '127.0.0.1').resume()
  t.after(() => own.destroy())
  await sees(1)
  const child = spawn(process.execPath, ['--eval', program], { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  await sees(10)
  await clock.advance(1_000)
  const next = connect(port, '127.0.0.1').resume()
  t.after(() => next.destroy())
  await sees(11)
  const held = new Set([...open].filter((socket) => !socket.destroyed).map(({ remotePort }) => remotePort))
  assert.ok(held.has(own.localPort) && held.has(next.localPort))
  assert.equal(held.size, 2 + 4)
  assert.equal(
    excess.reduce((sum, [uid, closed]) => (uid === greedy ? sum + closed : sum), 0),
    5,
  )
})
