/** What the caches may get wrong. The whole is proved on a real API server in tests/controllers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { seededRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import type { KubeObject } from '../api/meta.ts'
import type { ResourceDef } from '../api/resource.ts'
import { configMaps } from '../api/resources/configmaps.ts'
import { nodes } from '../api/resources/nodes.ts'
import { notFound, unknownResource } from '../api/status.ts'
import { openInformers } from '../client/informers.ts'
import { bookmark, event, object, scriptedClient } from '../client/fixture.ts'
import { runGarbageCollector } from './garbage.ts'
import { findOwner, graphOf } from './garbage-graph.ts'
import { mayAdopt } from './owned.ts'

const resources = [configMaps, nodes] as unknown as readonly ResourceDef[]
const reference = (more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: 'owner',
  uid: 'owner',
  ...more,
})
const child = (resourceVersion: number, ...ownerReferences: ReturnType<typeof reference>[]): KubeObject => {
  const made = object('child', resourceVersion)
  return { ...made, metadata: { ...made.metadata, ownerReferences } }
}
const gone = notFound({ group: '', resource: 'configmaps' }, 'owner')

test('a deletion carries the revision it was decided on: what was let go meanwhile stays', async () => {
  const clock = fakeClock()
  const deleted: unknown[] = []
  const client = scriptedClient(
    [
      [
        event('ADDED', 'owner', 1),
        { type: 'ADDED', object: child(7, reference()) },
        bookmark(7, true),
        event('DELETED', 'owner', 9),
      ],
    ],
    {
      get: () => Promise.reject(gone),
      delete: async (name, query) => void deleted.push([name, query]),
    },
  )
  const loop = { client, clock, random: seededRandom(1), logger: silentLogger }
  const informers = openInformers(loop)
  const stop = new AbortController()
  const running = runGarbageCollector(resources.slice(0, 1), { ...loop, informers }, stop.signal)
  await clock.advance(100)
  assert.deepEqual(deleted, [
    ['child', { namespace: 'default', uid: 'child', resourceVersion: '7', propagationPolicy: 'Background' }],
  ])
  stop.abort(new Error('the test ends'))
  await running
  await informers[Symbol.asyncDispose]()
})

const lookUps: readonly {
  readonly name: string
  readonly dependent: KubeObject
  readonly refers?: object
  readonly answer?: () => Promise<KubeObject>
  readonly is: string | undefined
}[] = [
  { name: 'in the cache', dependent: child(1), is: 'owner' },
  {
    name: 'not in the cache, but at the server',
    dependent: child(1),
    refers: { name: 'late', uid: 'late' },
    answer: async () => object('late', 9),
    is: 'late',
  },
  {
    name: 'gone, says the server',
    dependent: child(1),
    refers: { uid: 'another' },
    answer: () => Promise.reject(gone),
    is: undefined,
  },
  {
    name: 'a namesake',
    dependent: child(1),
    refers: { uid: 'another' },
    answer: async () => object('owner', 9),
    is: undefined,
  },
  { name: 'a kind that nobody knows', dependent: child(1), refers: { kind: 'Widget' }, is: 'unknowable' },
  {
    name: 'a kind that this server does not serve',
    dependent: child(1),
    refers: { uid: 'another' },
    answer: () => Promise.reject(unknownResource()),
    is: 'unknowable',
  },
  {
    name: 'a namespaced owner of something that is not',
    dependent: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } },
    is: 'unknowable',
  },
]
for (const { name, dependent, refers = {}, answer, is } of lookUps) {
  test(`an owner: ${name}`, async () => {
    const unexpected = () => Promise.reject(new Error('the server was asked'))
    const client = scriptedClient([[event('ADDED', 'owner', 1), bookmark(1, true)]], {
      get: answer ?? unexpected,
    })
    const informers = openInformers({
      client,
      clock: fakeClock(),
      random: seededRandom(1),
      logger: silentLogger,
    })
    const graph = graphOf(resources, informers)
    await informers.metadata(configMaps).synced
    const owner = await findOwner(reference(refers), dependent, { client, graph })
    assert.equal(typeof owner === 'object' ? owner.metadata.name : owner, is)
    await informers[Symbol.asyncDispose]()
  })
}

const adopters: readonly {
  readonly name: string
  readonly answer: () => Promise<KubeObject>
  readonly is: boolean
}[] = [
  { name: 'as the cache has it', answer: async () => object('owner', 2), is: true },
  { name: 'gone', answer: () => Promise.reject(gone), is: false },
  { name: 'a namesake by now', answer: async () => object('owner', 2, { uid: 'another' }), is: false },
  {
    name: 'being deleted',
    answer: async () => object('owner', 2, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    is: false,
  },
]
for (const { name, answer, is } of adopters) {
  test(`whether an owner may adopt is for the server to say: ${name}`, async () => {
    assert.equal(await mayAdopt(scriptedClient([], { get: answer }), configMaps, object('owner', 1)), is)
  })
}
