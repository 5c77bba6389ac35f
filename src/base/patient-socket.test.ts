import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { connectPatiently } from './patient-socket.ts'

for (const writes of ['one by one', 'corked'])
  test(`what a peer said before it closed on unread bytes is read (${writes})`, async () => {
    await using server = createServer((socket) => {
      socket.on('error', () => {})
      // Unread bytes make the kernel send a reset right behind the answer.
      socket.once('readable', () => {
        socket.write('too much')
        socket.destroy()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = connectPatiently({ host: '127.0.0.1', port, allowHalfOpen: true })
    socket.pause()
    const errors: Error[] = []
    let text = ''
    let erroredAtEnd: Error | null = null
    socket.on('end', () => (erroredAtEnd = socket.errored))
    socket.on('error', (error) => errors.push(error))
    const endListeners = socket.listenerCount('end')
    socket.write('first')
    // Not read before a write has failed: the order in which the answer would get lost.
    const lost = Promise.withResolvers<void>()
    const upload = () => {
      if (socket.destroyed) return lost.resolve()
      if (writes === 'corked') {
        socket.cork()
        socket.write('more')
        process.nextTick(() => socket.uncork())
      }
      socket.write('more', () =>
        socket.listenerCount('end') > endListeners ? lost.resolve() : setImmediate(upload),
      )
    }
    upload()
    await lost.promise
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.resume()
    await new Promise((resolve) => socket.once('close', resolve))
    assert.equal(text, 'too much')
    assert.equal(errors.length, 1)
    assert.equal(erroredAtEnd, errors[0])
  })
