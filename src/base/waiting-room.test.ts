import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createWaitingRoom } from './waiting-room.ts'

test('who says nothing makes room, the longest first; who is being answered stays', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sampan-room-'))
  const path = join(folder, 'socket')
  const room = createWaitingRoom(3)
  const come: ((socket: Socket, isIn: boolean) => void)[] = []
  const server = createServer((socket) => come.shift()?.(socket, room.enter(socket))).listen(path)
  await once(server, 'listening')
  const clients: Socket[] = []
  t.after(async () => {
    for (const client of clients) client.destroy()
    server.close()
    await rm(folder, { recursive: true })
  })
  const enter = async () => {
    const entered = new Promise<{ readonly socket: Socket; readonly isIn: boolean }>((resolve) => {
      come.push((socket, isIn) => resolve({ socket, isIn }))
    })
    const client = connect(path).resume()
    const gone = once(client, 'close')
    clients.push(client)
    return { ...(await entered), gone }
  }
  const [first, second, third] = [await enter(), await enter(), await enter()]
  room.serve(first.socket)
  const fourth = await enter()
  await second.gone
  assert.deepEqual(
    [first, third, fourth].map(({ isIn, socket }) => isIn && !socket.destroyed),
    [true, true, true],
  )
  room.serve(third.socket)
  room.serve(fourth.socket)
  const refused = await enter()
  assert.equal(refused.isIn, false)
  await refused.gone
  room.served(third.socket)
  assert.equal((await enter()).isIn, true)
  await third.gone
  first.socket.destroy()
  await first.gone
  assert.equal((await enter()).isIn, true)
  assert.equal(fourth.socket.destroyed, false)
})
