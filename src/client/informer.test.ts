import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from '../base/deferred.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { seededRandom } from '../base/ids.ts'
import { createLogger, silentLogger } from '../base/logger.ts'
import { configMaps } from '../api/resources/configmaps.ts'
import { expired, tooLargeResourceVersion } from '../api/status.ts'
import { TransportError } from './client.ts'
import { openInformer } from './informer.ts'
import { bookmark, event, scriptedClient, type Script } from './fixture.ts'

const cut = new TransportError('the connection was cut')

function follow(scripts: readonly Script[], logged: string[] = []) {
  const clock = fakeClock()
  const client = scriptedClient(scripts)
  const logger = createLogger({ clock, level: 'warn', write: (line) => logged.push(line) })
  const informer = openInformer({
    client,
    resource: configMaps,
    clock,
    random: seededRandom(1),
    logger,
    freezes: true,
  })
  const told: string[] = []
  informer.onChange(({ type, object: { metadata } }) =>
    told.push(`${type} ${metadata.name}@${metadata.resourceVersion}`),
  )
  const cached = () =>
    informer
      .list()
      .map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`)
      .toSorted()
  return { clock, client, informer, told, cached }
}

const state = (revision: number, ...objects: (readonly [name: string, revision: number])[]): Script => [
  ...objects.map(([name, at]) => event('ADDED', name, at)),
  bookmark(revision, true),
]

test('nothing is shown before the whole state is there, then everything at once', async () => {
  const rest = deferred()
  const { clock, informer, told, cached } = follow([
    [event('ADDED', 'a', 1), rest.promise, event('ADDED', 'b', 2), bookmark(2, true)],
  ])
  await clock.advance(100)
  assert.deepEqual([informer.isSynced, cached(), told], [false, [], []])
  rest.resolve()
  await informer.synced
  assert.deepEqual(
    [cached(), told],
    [
      ['a@1', 'b@2'],
      ['added a@1', 'added b@2'],
    ],
  )
  await informer[Symbol.asyncDispose]()
})

test('an ordinary bookmark among the initial events ends nothing', async () => {
  const { clock, informer } = follow([[event('ADDED', 'a', 1), bookmark(1)]])
  await clock.advance(100)
  assert.equal(informer.isSynced, false)
  await informer[Symbol.asyncDispose]()
})

test('what is deleted and changed during the initial events never shows', async () => {
  const { informer, told } = follow([
    [
      event('ADDED', 'a', 1),
      event('ADDED', 'b', 2),
      event('DELETED', 'a', 3),
      event('MODIFIED', 'b', 4),
      bookmark(4, true),
    ],
  ])
  await informer.synced
  assert.deepEqual(told, ['added b@4'])
  await informer[Symbol.asyncDispose]()
})

test('a first watch that breaks off starts over, and its half state is forgotten', async () => {
  const { clock, informer, told, client } = follow([[event('ADDED', 'gone', 1), cut], state(5, ['a', 2])])
  await clock.advance(1_000)
  assert.deepEqual([informer.isSynced, told], [true, ['added a@2']])
  assert.equal(client.queries[1]?.sendInitialEvents, true)
  assert.equal(client.queries[1]?.resourceVersion, undefined)
  await informer[Symbol.asyncDispose]()
})

test('after a cut it goes on from the last event or bookmark, and tells nothing twice', async () => {
  const { clock, client, informer, told } = follow([
    [...state(5, ['a', 2]), event('MODIFIED', 'a', 7), cut],
    [event('ADDED', 'b', 8), bookmark(20), 'end'],
    [event('DELETED', 'a', 21)],
  ])
  await clock.advance(2_000)
  assert.deepEqual(
    client.queries.map(({ resourceVersion }) => resourceVersion),
    [undefined, '7', '20'],
  )
  assert.deepEqual(
    client.queries.map(({ sendInitialEvents }) => sendInitialEvents),
    [true, undefined, undefined],
  )
  assert.deepEqual(told, ['added a@2', 'updated a@7', 'added b@8', 'deleted a@21'])
  await informer[Symbol.asyncDispose]()
})

test('a connection on which nothing comes any more is given up, and the watch goes on from where it was', async () => {
  const { clock, client, informer, told } = follow([
    state(5, ['a', 2]), // then silence, for ever
    [bookmark(6), event('ADDED', 'b', 7)],
  ])
  await clock.advance(60_000)
  assert.equal(client.queries.length, 1)
  await clock.advance(200_000)
  assert.equal(client.queries[1]?.resourceVersion, '5')
  assert.deepEqual(told, ['added a@2', 'added b@7'])
  await informer[Symbol.asyncDispose]()
})

test('an event that comes again after a cut is no change', async () => {
  const { clock, informer, told } = follow([
    [...state(5, ['a', 2]), cut],
    [event('MODIFIED', 'a', 2), event('MODIFIED', 'a', 9)],
  ])
  await clock.advance(1_000)
  assert.deepEqual(told, ['added a@2', 'updated a@9'])
  await informer[Symbol.asyncDispose]()
})

for (const [name, error] of [
  ['when its revision is gone (410)', expired()],
  [
    'when the server is behind it (restored from a backup)',
    tooLargeResourceVersion({ asked: 9n, current: 3n } as never),
  ],
] as const) {
  test(`${name} it asks for the whole state again and tells the difference`, async () => {
    const { clock, client, informer, told, cached } = follow([
      [...state(5, ['kept', 1], ['changed', 2], ['removed', 3]), error],
      state(50, ['kept', 1], ['changed', 40], ['new', 41]),
    ])
    await informer.synced
    assert.deepEqual(cached(), ['changed@2', 'kept@1', 'removed@3'], 'until then it shows what it knew')
    await clock.advance(1_000)
    assert.equal(client.queries[1]?.sendInitialEvents, true)
    assert.deepEqual(told.slice(3), ['deleted removed@3', 'updated changed@40', 'added new@41'])
    await informer[Symbol.asyncDispose]()
  })
}

test('a namesake made while nobody watched is told as a deletion and an addition', async () => {
  const { clock, informer, told } = follow([
    [...state(5, ['a', 2]), expired()],
    [
      event('ADDED', 'a', 30, { uid: 'another' }),
      bookmark(50, true),
      event('MODIFIED', 'a', 60, { uid: 'a third' }),
    ],
  ])
  await clock.advance(1_000)
  assert.deepEqual(told, ['added a@2', 'deleted a@2', 'added a@30', 'deleted a@30', 'added a@60'])
  await informer[Symbol.asyncDispose]()
})

test('hasSeen follows events and bookmarks; until wakes when its condition holds', async () => {
  const more = deferred()
  const { clock, informer } = follow([
    [...state(5, ['a', 2]), more.promise, event('MODIFIED', 'a', 7), bookmark(9)],
  ])
  await informer.synced
  assert.deepEqual([informer.hasSeen('5'), informer.hasSeen('6')], [true, false])
  const signal = AbortSignal.timeout(60_000)
  const seen = informer.until(() => informer.get('default', 'a')?.metadata.resourceVersion === '7', signal)
  more.resolve()
  await seen
  await clock.advance(10)
  assert.deepEqual([informer.hasSeen('9'), informer.hasSeen('10')], [true, false])
  await assert.rejects(
    informer.until(() => false, AbortSignal.abort(new Error('enough'))),
    /enough/,
  )
  await informer[Symbol.asyncDispose]()
})

test('after a restore from a backup, revisions that no longer exist are not taken for seen', async () => {
  const { clock, informer } = follow([[...state(500), expired()], state(20)])
  await clock.advance(1_000)
  assert.deepEqual([informer.hasSeen('20'), informer.hasSeen('21')], [true, false])
  await informer[Symbol.asyncDispose]()
})

test('a handler that comes late is told what is there; one that has left is told nothing', async () => {
  const more = deferred()
  const { clock, informer } = follow([[...state(5, ['a', 2]), more.promise, event('ADDED', 'b', 6)]])
  await informer.synced
  const told: string[] = []
  const leave = informer.onChange(({ type, object }) => told.push(`${type} ${object.metadata.name}`))
  assert.deepEqual(told, ['added a'])
  leave()
  more.resolve()
  await clock.advance(10)
  assert.deepEqual([told, informer.size], [['added a'], 2])
  await informer[Symbol.asyncDispose]()
})

test('a handler that throws is logged; others and later changes are not harmed', async () => {
  const logged: string[] = []
  const { clock, informer, client } = follow([[...state(5, ['a', 2]), event('ADDED', 'b', 6)]], logged)
  const told: string[] = []
  informer.onChange(() => {
    throw new Error('a bug')
  })
  informer.onChange(({ object }) => told.push(object.metadata.name ?? ''))
  await clock.advance(100)
  assert.deepEqual([told, client.queries.length], [['a', 'b'], 1])
  assert.equal(logged.filter((line) => line.includes('a bug')).length, 2)
  await informer[Symbol.asyncDispose]()
})

test('a server that stays away is told of once, and asked less and less often', async () => {
  const logged: string[] = []
  const { clock, client, informer } = follow(
    Array.from({ length: 500 }, () => [cut]),
    logged,
  )
  await clock.advance(60_000)
  assert.equal(logged.length, 1)
  assert.match(logged[0] ?? '', /"level":"warn".*the connection was cut/)
  assert.ok(
    client.queries.length > 10 && client.queries.length < 40,
    `${client.queries.length} tries in a minute`,
  )
  await informer[Symbol.asyncDispose]()
})

test('shared objects are frozen where that is asked for', async () => {
  const { informer } = follow([state(5, ['a', 2])])
  await informer.synced
  const [found] = informer.list()
  assert.throws(() => Object.assign(found?.metadata ?? {}, { name: 'b' }), TypeError)
  await informer[Symbol.asyncDispose]()
})

test('an informer disposed before its first sync says so to those who wait', async () => {
  const clock = fakeClock()
  const informer = openInformer({
    client: scriptedClient([]),
    resource: configMaps,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
  })
  const synced = assert.rejects(informer.synced, /disposed/)
  await informer[Symbol.asyncDispose]()
  await synced
  assert.equal(clock.pending, 0)
})

test('who owns which field is not kept', async () => {
  const owned = event('ADDED', 'a', 1)
  const managedFields = [{ manager: 'kubectl', operation: 'Apply' }]
  const script = [
    { ...owned, object: { ...owned.object, metadata: { ...owned.object.metadata, managedFields } } },
  ]
  const { informer } = follow([[...script, bookmark(1, true)]])
  await informer.synced
  assert.deepEqual(informer.list(), [owned.object])
  await informer[Symbol.asyncDispose]()
})
