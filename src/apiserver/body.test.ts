import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { isTimeout } from '../api/status.ts'
import { bodyWithinMs, readBody } from './body.ts'

function receiving(headers: Readonly<Record<string, string>> = {}, already = '') {
  const clock = fakeClock()
  const body = new PassThrough()
  if (already !== '') body.write(already)
  const request = { method: 'POST', path: '/', headers, body }
  return { body, clock, reading: readBody({ request, machinery: { clock } }) }
}

test('a body that comes in pieces is whole, and leaves no timer behind', async () => {
  const { body, clock, reading } = receiving()
  body.write('one ')
  await clock.advance(bodyWithinMs - 1)
  body.end('two')
  assert.equal(Buffer.from(await reading).toString(), 'one two')
  assert.equal(clock.pending, 0)
})

test('a body that has come with its headers waits for nothing', async () => {
  const { clock, reading } = receiving({ 'content-length': '6' }, 'at one')
  assert.equal(clock.pending, 0)
  assert.equal(Buffer.from(await reading).toString(), 'at one')
})

test('of a body that has come in part the rest is waited for', async () => {
  const { body, clock, reading } = receiving({ 'content-length': '7' }, 'one ')
  assert.equal(clock.pending, 1)
  body.end('two')
  assert.equal(Buffer.from(await reading).toString(), 'one two')
  assert.equal(clock.pending, 0)
})

test('a body that is never finished holds its place for a minute, not for ever', async () => {
  const { body, clock, reading } = receiving()
  body.write('{')
  const refused = assert.rejects(reading, isTimeout)
  await clock.advance(bodyWithinMs)
  await refused
  // What comes too late is nobody's, and holds up nothing.
  body.end('}')
  assert.equal(clock.pending, 0)
})
