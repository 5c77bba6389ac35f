import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { inMessages, messageBytesMax } from './message-stream.ts'

/** Takes each message in a turn of its own; the message `failsAt` fails. */
function messages(failsAt = Infinity) {
  const taken: Buffer[] = []
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      taken.push(chunk)
      setImmediate(() => done(taken.length > failsAt ? new Error('broken') : null))
    },
  })
  return { stream: inMessages(stream), taken }
}

test('a write becomes as many messages as it needs, in order', async () => {
  const { stream, taken } = messages()
  const parts = [1, messageBytesMax, messageBytesMax + 1, 5 * messageBytesMax].map((size) =>
    randomBytes(size),
  )
  for (const part of parts) stream.write(part)
  stream.end()
  await once(stream, 'finish')
  assert.deepEqual(
    taken.map(({ length }) => length),
    [1, messageBytesMax, messageBytesMax, 1, ...Array<number>(5).fill(messageBytesMax)],
  )
  assert.ok(Buffer.concat(taken).equals(Buffer.concat(parts)))
})

test('after a message that fails nothing more is sent', async () => {
  const { stream, taken } = messages(1)
  stream.write(Buffer.alloc(4 * messageBytesMax))
  const [error] = (await once(stream, 'error')) as [Error]
  assert.equal(error.message, 'broken')
  assert.equal(taken.length, 2)
})
