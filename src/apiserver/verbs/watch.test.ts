import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resources } from '../../api/table.ts'
import { realClock } from '../../base/clock.ts'
import { fakeClock } from '../../base/fake-clock.ts'
import { realRandom } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import { openMemoryStore } from '../../store/memory/memory-store.ts'
import { ringEventsMax } from '../event-ring.ts'
import { configMap, openFixture, type Fixture, type WatchLines } from '../fixture.ts'
import { resourcePrefix } from '../keys.ts'
import { selectionOf } from '../selection.ts'
import { StoreFeed } from '../store-feed.ts'
import { WatchCache } from '../watch-cache.ts'
import { history } from '../watch-cursor.ts'
import type { WatchFrames } from '../watch-frames.ts'
import { encodeStored } from '../wire.ts'

const path = '/api/v1/namespaces/default/configmaps'
const notOlder = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'

const create = async ({ request }: Fixture, name: string, labels?: object) =>
  (await request('POST', path, configMap(name, {}, { ...(labels && { labels }) }))).body
const patch = async ({ request }: Fixture, name: string, body: object) =>
  (await request('PATCH', `${path}/${name}`, body, { 'content-type': 'application/merge-patch+json' })).body

/** `ADDED a 5`: one line for each of the next events. */
async function take(watch: WatchLines, count: number): Promise<string[]> {
  const seen: string[] = []
  while (seen.length < count) {
    const { done, value } = await watch.next()
    if (done) return [...seen, 'END']
    const { type, object } = value
    seen.push(
      [type, object.metadata.name, object.metadata.resourceVersion]
        .filter((word) => word !== undefined)
        .join(' '),
    )
  }
  return seen
}

const end = (controller: AbortController) => ({ [Symbol.dispose]: () => controller.abort() })

test('without a resourceVersion the state comes first, then changes', async () => {
  await using fixture = await openFixture()
  const controller = new AbortController()
  using _ = end(controller)
  await create(fixture, 'a')
  const watch = await fixture.watch(`${path}?watch=true`, controller.signal)
  assert.equal(watch.head.status, 200)
  assert.deepEqual(await take(watch, 1), ['ADDED a 5'])
  await create(fixture, 'b')
  await patch(fixture, 'a', { data: { x: 'y' } })
  await fixture.request('DELETE', `${path}/b`)
  assert.deepEqual(await take(watch, 3), ['ADDED b 6', 'MODIFIED a 7', 'DELETED b 8'])
})

test('after a resourceVersion come the changes since, each once', async () => {
  await using fixture = await openFixture()
  const controller = new AbortController()
  using _ = end(controller)
  const { metadata } = await create(fixture, 'a')
  await create(fixture, 'b')
  const watch = await fixture.watch(
    `${path}?watch=1&resourceVersion=${metadata.resourceVersion}`,
    controller.signal,
  )
  await create(fixture, 'c')
  assert.deepEqual(await take(watch, 2), ['ADDED b 6', 'ADDED c 7'])
})

test('changes from before the cache was filled come from the history of the store', async () => {
  await using first = await openFixture()
  const controller = new AbortController()
  using _ = end(controller)
  await create(first, 'a', { x: '1' })
  await create(first, 'b')
  await patch(first, 'a', { metadata: { labels: { x: '2' } } })
  await using second = await openFixture({ store: first.store })
  await second.request('GET', path)
  const watch = await second.watch(`${path}?watch=1&resourceVersion=5&labelSelector=x%3D1`, controller.signal)
  assert.deepEqual(await take(watch, 1), ['DELETED a 7'])
  await create(second, 'c', { x: '1' })
  assert.deepEqual(await take(watch, 1), ['ADDED c 8'])
})

test('an object that starts or stops matching is added or deleted', async () => {
  await using fixture = await openFixture()
  const controller = new AbortController()
  using _ = end(controller)
  await create(fixture, 'a', { app: 'web' })
  const watch = await fixture.watch(`${path}?watch=1&labelSelector=app%3Dweb`, controller.signal)
  assert.deepEqual(await take(watch, 1), ['ADDED a 5'])
  await patch(fixture, 'a', { metadata: { labels: { app: 'db' } } })
  await patch(fixture, 'a', { data: { unseen: 'x' } })
  await patch(fixture, 'a', { metadata: { labels: { app: 'web' } } })
  await patch(fixture, 'a', { data: { seen: 'x' } })
  const { value } = await watch.next()
  assert.equal(value.type, 'DELETED')
  assert.deepEqual(
    [value.object.metadata.labels, value.object.metadata.resourceVersion],
    [{ app: 'web' }, '6'],
  )
  assert.deepEqual(await take(watch, 2), ['ADDED a 8', 'MODIFIED a 9'])
})

test('a field selector on the name watches one object', async () => {
  await using fixture = await openFixture()
  const controller = new AbortController()
  using _ = end(controller)
  const watch = await fixture.watch(`${path}?watch=1&fieldSelector=metadata.name%3Db`, controller.signal)
  await create(fixture, 'a')
  await create(fixture, 'b')
  assert.deepEqual(await take(watch, 1), ['ADDED b 6'])
})

test('sendInitialEvents ends the state with an annotated bookmark', async () => {
  await using fixture = await openFixture()
  const controller = new AbortController()
  using _ = end(controller)
  await create(fixture, 'a')
  const watch = await fixture.watch(`${path}?watch=1&${notOlder}`, controller.signal)
  assert.deepEqual(await take(watch, 1), ['ADDED a 5'])
  const { value } = await watch.next()
  assert.deepEqual(value, {
    type: 'BOOKMARK',
    object: {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: {
        resourceVersion: '5',
        creationTimestamp: null,
        annotations: { 'k8s.io/initial-events-end': 'true' },
      },
    },
  })
  await create(fixture, 'b')
  assert.deepEqual(await take(watch, 1), ['ADDED b 6'])
})

test('sendInitialEvents of nothing is the bookmark alone', async () => {
  await using fixture = await openFixture()
  const controller = new AbortController()
  using _ = end(controller)
  const watch = await fixture.watch(`/apis/apps/v1/deployments?watch=1&${notOlder}`, controller.signal)
  assert.deepEqual(await take(watch, 1), ['BOOKMARK 4'])
})

const watchWithBookmarks = (
  fixture: Fixture,
  { seconds, signal }: { readonly seconds: number; readonly signal: AbortSignal },
) => fixture.watch(`${path}?watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}`, signal)

test('bookmarks tell how far the watch has come, also without events; the last shortly before the end', async () => {
  const clock = fakeClock()
  await using fixture = await openFixture({ clock })
  const controller = new AbortController()
  using _ = end(controller)
  const watch = await watchWithBookmarks(fixture, { seconds: 100, signal: controller.signal })
  const first = take(watch, 1)
  await fixture.request('POST', '/api/v1/namespaces', { metadata: { name: 'elsewhere' } })
  await clock.advance(61_000)
  assert.deepEqual(await first, ['BOOKMARK 5'])
  const rest = take(watch, 2)
  await clock.advance(37_500)
  await clock.advance(2_000)
  assert.deepEqual(await rest, ['BOOKMARK 5', 'END'])
})

test('a watch ends although its timers are early, as those of Node.js are by a fraction of a millisecond', async () => {
  const clock = { ...realClock, after: (ms: number, fn: () => void) => realClock.after(ms / 100, fn) }
  await using fixture = await openFixture({ clock })
  const controller = new AbortController()
  using _ = end(controller)
  const watch = await watchWithBookmarks(fixture, { seconds: 5, signal: controller.signal })
  assert.deepEqual(await take(watch, 2), ['BOOKMARK 4', 'END'])
})

test('a watch ends, and tells how far it has come, also where there is always something new', async () => {
  const clock = fakeClock()
  await using fixture = await openFixture({ clock })
  const controller = new AbortController()
  using _ = end(controller)
  const watch = await watchWithBookmarks(fixture, { seconds: 100, signal: controller.signal })
  await create(fixture, 'a')
  assert.deepEqual(await take(watch, 1), ['ADDED a 5'])
  await clock.advance(101_000)
  const seen: string[] = []
  for (let n = 0; n < 10 && seen.at(-1) !== 'END'; n++) {
    await patch(fixture, 'a', { data: { n: String(n) } })
    seen.push(...(await take(watch, 1)))
  }
  assert.deepEqual([seen.includes('BOOKMARK 5'), seen.at(-1)], [true, 'END'])
})

test('a watch ends when its client goes', async () => {
  await using fixture = await openFixture()
  const controller = new AbortController()
  const watch = await fixture.watch(`${path}?watch=1`, controller.signal)
  const next = watch.next()
  controller.abort()
  assert.equal((await next).done, true)
})

test('a watch ends when the server ends', async () => {
  const fixture = await openFixture()
  const watch = await fixture.watch(`${path}?watch=1`, new AbortController().signal)
  const next = watch.next()
  await fixture[Symbol.asyncDispose]()
  assert.equal((await next).done, true)
})

test('a revision that is compacted is an ERROR event: list again', async () => {
  await using first = await openFixture()
  for (const name of ['a', 'b', 'c']) await create(first, name)
  await first.store.compact(7)
  await using second = await openFixture({ store: first.store })
  await second.request('GET', path)
  const watch = await second.watch(`${path}?watch=1&resourceVersion=2`, new AbortController().signal)
  const { value } = await watch.next()
  assert.equal(value.type, 'ERROR')
  assert.deepEqual([value.object.kind, value.object.code, value.object.reason], ['Status', 410, 'Expired'])
  assert.match(value.object.message, /^too old resource version: 2 \(\d+\)$/)
  assert.equal((await watch.next()).done, true)
})

test('a revision that has not happened is a timeout the client may retry', async () => {
  const clock = fakeClock()
  await using fixture = await openFixture({ clock })
  const asked = fixture.request('GET', `${path}?watch=1&resourceVersion=99`)
  await clock.advance(4_000)
  const { status, body, headers } = await asked
  assert.equal(status, 504)
  assert.equal(body.message, 'Timeout: Too large resource version: 99, current: 4')
  assert.equal(body.details.causes[0].reason, 'ResourceVersionTooLarge')
  assert.equal(headers['retry-after'], '1')
})

test('a watcher that lets the ring pass it by is closed, and one that resumes misses nothing', async () => {
  await using fixture = await openFixture()
  const watch = await fixture.watch(`${path}?watch=1`, new AbortController().signal)
  await create(fixture, 'first')
  assert.deepEqual(await take(watch, 1), ['ADDED first 5'])
  const count = ringEventsMax + 10
  // Straight into the store: thousands of requests would take seconds.
  const key = '/registry/core/configmaps/default/first'
  for (let i = 0; i < count; i++)
    await fixture.store.update(
      key,
      encodeStored({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'first' } }),
      5 + i,
    )
  await fixture.request('GET', path)
  assert.deepEqual(await take(watch, 1), ['END'])
  const controller = new AbortController()
  using _ = end(controller)
  const resumed = await fixture.watch(`${path}?watch=1&resourceVersion=5`, controller.signal)
  const seen = await take(resumed, count)
  assert.deepEqual(
    seen,
    Array.from({ length: count }, (_, i) => `MODIFIED first ${i + 6}`),
  )
})

test('as Table the first event has the columns and each has one row', async () => {
  await using fixture = await openFixture()
  const controller = new AbortController()
  using _ = end(controller)
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
  await create(fixture, 'a')
  const watch = await fixture.watch(`${path}?watch=1&${notOlder}`, controller.signal, { accept })
  await create(fixture, 'b')
  const tables = [(await watch.next()).value, (await watch.next()).value, (await watch.next()).value]
  assert.deepEqual(
    tables.map(({ type, object }) => [
      type,
      object.kind,
      object.columnDefinitions.length > 0,
      object.rows[0].cells[0],
    ]),
    [
      ['ADDED', 'Table', true, 'a'],
      ['BOOKMARK', 'Table', false, null],
      ['ADDED', 'Table', false, 'b'],
    ],
  )
  assert.equal(tables[0].object.rows[0].object.kind, 'PartialObjectMetadata')
  assert.equal(tables[1].object.rows[0].object.metadata.annotations['k8s.io/initial-events-end'], 'true')
})

test('as PartialObjectMetadata only metadata is told', async () => {
  await using fixture = await openFixture()
  const controller = new AbortController()
  using _ = end(controller)
  const accept = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'
  await create(fixture, 'a')
  const watch = await fixture.watch(`${path}?watch=1`, controller.signal, { accept })
  const { object } = (await watch.next()).value
  assert.deepEqual(
    [object.kind, object.apiVersion, object.metadata.name, object.data],
    ['PartialObjectMetadata', 'meta.k8s.io/v1', 'a', undefined],
  )
})

test('where history ends the ring takes over at once: what it loses afterwards is no silent gap', async () => {
  await using store = await openMemoryStore({ clock: realClock, logger: silentLogger })
  const def = resources.find(({ plural }) => plural === 'configmaps')
  assert.ok(def)
  const key = `${resourcePrefix(def)}default/a`
  let revision = await store.create(key, encodeStored(configMap('a')))
  const from = revision
  const write = async (times: number) => {
    for (let i = 0; i < times; i++) revision = await store.update(key, encodeStored(configMap('a')), revision)
  }
  await write(2)
  await using feed = await StoreFeed.open({
    store,
    clock: realClock,
    random: realRandom,
    logger: silentLogger,
  })
  const cache = new WatchCache(def, feed)
  await cache.ready()
  const selection = selectionOf(def, '', new URLSearchParams())
  const past = history(cache, selection, from, new AbortController().signal)
  let step = await past.next()
  while (step.done !== true) step = await past.next()
  // Whoever asked for it may be slow to go on.
  await write(ringEventsMax + 10)
  assert.ok(await cache.reaches(revision, 10_000))
  const frames = { areShared: false, change: () => Buffer.from('x') } as unknown as WatchFrames
  assert.equal(step.value?.take(frames), 'slow')
})
