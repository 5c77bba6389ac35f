import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isStatusError, isTooManyRequests } from '../../api/status.ts'
import { adminToken, openFixture, readAnswer } from '../fixture.ts'
import type { ApiRequest, ApiResponse, UserInfo } from '../http.ts'
import { bytesResponse } from '../respond.ts'
import { createStreamBounds, streamLimits } from './stream-bounds.ts'

const limits = { heldMax: 5, heldPerUserMax: 3, what: 'watches' }
const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups })
const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make)

function messageOf(act: () => unknown): string {
  try {
    act()
    return ''
  } catch (error) {
    assert.ok(isTooManyRequests(error) && isStatusError(error))
    assert.deepEqual(error.status.details, { retryAfterSeconds: 5 })
    return error.message
  }
}

test('a user has so many, a server so many; each place is given back once', () => {
  const bounds = createStreamBounds(limits)
  const ofAna = times(3, () => bounds.hold(user('ana')))
  assert.equal(
    messageOf(() => bounds.hold(user('ana'))),
    'ana already has 3 watches open, as many as one user may have; close some and try again',
  )
  times(2, () => bounds.hold(user('bo')))
  assert.equal(
    messageOf(() => bounds.hold(user('cy'))),
    'this server already has 5 watches open, as many as it takes; close some and try again',
  )
  ofAna[0]?.()
  ofAna[0]?.()
  assert.equal(bounds.held, 4)
  bounds.hold(user('cy'))
})

test('agents and gateways are never refused, and take nobody else a place', () => {
  const bounds = createStreamBounds(limits)
  times(20, () => bounds.hold(user('system:node:a', 'system:nodes', 'system:authenticated')))
  times(20, () => bounds.hold(user('system:sampan-gateway', 'system:sampan')))
  assert.equal(bounds.held, 0)
})

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Buffer.from('x')
}
async function* short(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('x')
}
// oxlint-disable-next-line require-yield -- it fails first
async function* failing(): AsyncGenerator<Uint8Array> {
  throw new Error('broke off')
}
const streamOf = (body: AsyncIterable<Uint8Array>): ApiResponse => ({ status: 200, headers: {}, body })

const endings: readonly (readonly [how: string, end: (answer: ApiResponse) => Promise<unknown>])[] = [
  ['is read to its end', ({ body }) => Array.fromAsync(body)],
  [
    'is left',
    async ({ body }) => {
      for await (const chunk of body) return chunk
    },
  ],
  ['is never begun', async ({ body }) => await body[Symbol.asyncIterator]().return?.()],
]
for (const [how, end] of endings)
  test(`the place is free when the body ${how}`, async () => {
    const bounds = createStreamBounds(limits)
    const body = how === 'is left' ? endless() : short()
    const answer = await bounds.serve({}, user('ana'), async () => streamOf(body))
    assert.equal(bounds.held, 1)
    await end(answer)
    assert.equal(bounds.held, 0)
  })

test('the place is free when the work or the body fails, the client goes, or there is nothing to stream', async () => {
  const bounds = createStreamBounds(limits)
  await assert.rejects(
    bounds.serve({}, user('ana'), () => Promise.reject(new Error('no'))),
    /no/,
  )
  const broken = await bounds.serve({}, user('ana'), async () => streamOf(failing()))
  await assert.rejects(Array.fromAsync(broken.body), /broke off/)
  await bounds.serve({}, user('ana'), async () => bytesResponse(200, 'text/plain', [Buffer.from('x')]))
  assert.equal(bounds.held, 0)
  const gone = new AbortController()
  await bounds.serve({ signal: gone.signal }, user('ana'), async () => streamOf(endless()))
  assert.equal(bounds.held, 1)
  gone.abort()
  assert.equal(bounds.held, 0)
  await bounds.serve({ signal: gone.signal }, user('ana'), async () => streamOf(endless()))
  assert.equal(bounds.held, 0)
})

test('a client can open so many watches of a server, no more, until it closes one; the server itself always can', async () => {
  await using fixture = await openFixture()
  const path = '/api/v1/configmaps?watch=true&resourceVersion=0'
  const headers = { authorization: `Bearer ${adminToken}` }
  const open = (more: Partial<ApiRequest> = {}) =>
    fixture.server.handle({ method: 'GET', path, headers, ...more })
  const gone = new AbortController()
  const first = await open({ signal: gone.signal })
  for (let count = 1; count < streamLimits.heldPerUserMax; count++)
    assert.equal((await open()).status, first.status)
  const refused = await readAnswer(await open())
  assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '5'])
  assert.equal(
    refused.body.message,
    'admin already has 5000 watches and followed logs open, as many as one user may have; close some and try again',
  )
  assert.equal((await fixture.request('GET', '/api/v1/configmaps')).status, 200)
  assert.equal((await open({ user: user('admin', 'system:masters'), headers: {} })).status, 200)
  gone.abort()
  assert.equal((await open()).status, 200)
})
