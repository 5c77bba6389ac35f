import assert from 'node:assert/strict'
import { test } from 'node:test'
import { realClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { openMemoryStore } from '../../store/memory/memory-store.ts'
import { StoreError, type Store } from '../../store/store.ts'
import { configMap, openFixture, refusal } from '../fixture.ts'

const path = '/api/v1/namespaces/default/configmaps'

/** A store that refuses to delete one object and takes a few turns of the loop for each other. */
const reluctant = (store: Store, name: string): Store =>
  new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property)
      if (property !== 'delete') return typeof value === 'function' ? value.bind(target) : value
      return async (...args: Parameters<Store['delete']>) => {
        if (args[0].endsWith(`/${name}`)) throw new StoreError('unavailable', 'the test says so')
        for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve))
        return await target.delete(...args)
      }
    },
  })

test('nothing is deleted behind an answer that says it failed', async () => {
  await using inner = await openMemoryStore({ clock: realClock, logger: silentLogger })
  await using fixture = await openFixture({ store: reluctant(inner, 'object-00') })
  const { request } = fixture
  const left = async () => (await request('GET', path)).body.items.length
  for (let n = 0; n < 60; n++) await request('POST', path, configMap(`object-${String(n).padStart(2, '0')}`))
  assert.equal((await request('DELETE', path)).status, 503)
  const then = await left()
  assert.ok(then > 40, `${then} are left: others than those under way were begun after the failure`)
  for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await left(), then)
})

test('what can not be read is not deleted by the dozen', async () => {
  await using fixture = await openFixture()
  const answer = await fixture.request(
    'DELETE',
    `${path}?ignoreStoreReadErrorWithClusterBreakingPotential=true`,
  )
  assert.equal(answer.status, 422)
  assert.match(refusal(answer), /is not allowed with DELETECOLLECTION/)
})
