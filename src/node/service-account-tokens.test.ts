import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import type { Client, RawRequest } from '../client/client.ts'
import { createTokenSource } from './service-account-tokens.ts'

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns', uid: 'u1' },
  spec: { serviceAccountName: 'robot', containers: [] },
}
const wish = { path: 'token', expirationSeconds: 1_000 }
const secondsMs = 1_000

/** An API that answers token requests until told otherwise. */
function scripted() {
  const clock = fakeClock()
  const asked: RawRequest[] = []
  const api = { refuses: false }
  const client: Pick<Client, 'request'> = {
    async request<T>(request: RawRequest) {
      asked.push(request)
      if (api.refuses) throw new Error('no API server answers')
      return { status: { token: `token-${asked.length}` } } as T
    },
  }
  const source = createTokenSource({ client: client as Client, clock, logger: silentLogger })
  return { api, asked, clock, source }
}

test('a token is asked for once, bound to its pod, and anew after four fifths of its life', async () => {
  const { asked, clock, source } = scripted()
  assert.equal(await source.token(pod, wish), 'token-1')
  await clock.advance(799 * secondsMs)
  assert.equal(await source.token(pod, wish), 'token-1')
  await clock.advance(secondsMs)
  assert.equal(await source.token(pod, wish), 'token-2')
  assert.equal(asked[0]?.path, '/api/v1/namespaces/ns/serviceaccounts/robot/token')
  const body = asked[0]?.body as { readonly spec: object } | undefined
  assert.deepEqual(body?.spec, {
    audiences: [],
    expirationSeconds: 1_000,
    boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u1' },
  })
})

test('without an API server a token serves until it expires', async () => {
  const { api, clock, source } = scripted()
  await source.token(pod, wish)
  api.refuses = true
  await clock.advance(900 * secondsMs)
  assert.equal(await source.token(pod, wish), 'token-1')
  await clock.advance(100 * secondsMs)
  await assert.rejects(source.token(pod, wish), /no API server answers/)
})

test('another audience is another token', async () => {
  const { source } = scripted()
  assert.equal(await source.token(pod, wish), 'token-1')
  assert.equal(await source.token(pod, { ...wish, audience: 'vault' }), 'token-2')
  assert.equal(await source.token(pod, wish), 'token-1')
})
