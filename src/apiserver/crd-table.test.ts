import assert from 'node:assert/strict'
import { test } from 'node:test'
import { realClock } from '../base/clock.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { StoreError, type Store } from '../store/store.ts'
import { CachedObject } from './cached-object.ts'
import { openFixture, type Fixture } from './fixture.ts'

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const widgets = '/apis/example.com/v1/namespaces/default/widgets'

const columns = (names: readonly string[]) =>
  names.map((name) => ({ name, type: 'string', jsonPath: `.spec.${name.toLowerCase()}` }))

const definition = {
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget', singular: 'widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        additionalPrinterColumns: columns(['Colour']),
      },
    ],
  },
}

/** A store that has forgotten what came after a watch's place, and then can't be listed for a while, when told to. */
function unsteady(store: Store) {
  const told = { isCompacted: false, failuresLeft: 0 }
  const unsteadyStore = new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property)
      if (property === 'list')
        return async (...args: Parameters<Store['list']>) => {
          const isOurs = args[0].prefix.includes('customresourcedefinitions')
          if (isOurs && told.failuresLeft-- > 0) throw new StoreError('unavailable', 'the test says so')
          return await target.list(...args)
        }
      if (property !== 'watch') return typeof value === 'function' ? value.bind(target) : value
      return async function* (...args: Parameters<Store['watch']>) {
        for await (const batch of target.watch(...args)) {
          if (told.isCompacted) {
            told.isCompacted = false
            throw new StoreError('compacted', 'the test says so', { revision: await target.current() })
          }
          yield batch
        }
      }
    },
  })
  return { store: unsteadyStore, told }
}

async function columnsServed({ request }: Fixture): Promise<readonly string[]> {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  const { body } = await request('GET', widgets, undefined, { accept })
  return body.columnDefinitions?.map(({ name }: { name: string }) => name) ?? []
}

test('a definition that changed while it could not be read is served anew once it can, though nobody asks for what is unknown', async () => {
  await using inner = await openMemoryStore({ clock: realClock, logger: silentLogger })
  const { store, told } = unsteady(inner)
  const clock = fakeClock()
  await using fixture = await openFixture({ store, clock })
  const { request } = fixture
  const made = (await request('POST', definitions, definition)).body
  const conditions = [{ type: 'Established', status: 'True', reason: 'x', message: '' }]
  const status = { ...made.status, acceptedNames: made.spec.names, conditions }
  const path = `${definitions}/widgets.example.com`
  const established = (await request('PUT', `${path}/status`, { ...made, status })).body
  assert.deepEqual(await columnsServed(fixture), ['Name', 'Colour'])

  Object.assign(told, { isCompacted: true, failuresLeft: 3 })
  established.spec.versions[0].additionalPrinterColumns = columns(['Size'])
  assert.equal((await request('PUT', path, established)).status, 200)
  for (let seconds = 0; seconds < 60 && !(await columnsServed(fixture)).includes('Size'); seconds++)
    await clock.advance(1_000)
  assert.deepEqual(await columnsServed(fixture), ['Name', 'Size'])
  assert.ok(told.failuresLeft < 0)
})

test('a request for what nobody knows costs no look into the definitions that are known', async (t) => {
  await using fixture = await openFixture()
  await fixture.request('POST', definitions, definition)
  const unknown = '/apis/example.com/v1/namespaces/default/nothing'
  assert.equal((await fixture.request('GET', unknown)).status, 404)
  const { mock } = t.mock.method(CachedObject.prototype, 'parse')
  assert.equal((await fixture.request('GET', unknown)).status, 404)
  assert.equal(mock.callCount(), 0)
})
