import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resources } from '../api/table.ts'
import { CachedObject } from './cached-object.ts'
import { CacheEvent, EventRing, ringBytesMax, ringEventsMax } from './event-ring.ts'
import { configMap } from './fixture.ts'
import { encodeStored, parseStored, storedBytes, wireBytes } from './wire.ts'

const def = resources.find(({ plural }) => plural === 'configmaps')
assert.ok(def)

const stored = (name: string, filler = '') =>
  encodeStored(configMap(name, { filler }, { resourceVersion: '99' }))
const object = (name: string, revision: number, filler = '') =>
  new CachedObject(def, `/registry/core/configmaps/default/${name}`, stored(name, filler), revision)
const event = (revision: number, filler = '') =>
  new CacheEvent({ type: 'create', revision }, object(`n${revision}`, revision, filler), undefined)

test('a ring keeps the newest events and knows from where on it has all', () => {
  const ring = new EventRing(10)
  for (let revision = 11; revision <= ringEventsMax + 30; revision++) ring.push(event(revision))
  assert.equal(ring.floor, 30)
  assert.equal(ring.at(ring.positionAfter(30))?.revision, 31)
  assert.equal(ring.at(ring.positionAfter(1_000))?.revision, 1_001)
  assert.equal(ring.positionAfter(ringEventsMax + 30), ring.end)
  assert.equal(ring.at(0), undefined)
})

test('a ring is bounded in bytes, yet always keeps its newest event', () => {
  const ring = new EventRing(0)
  const filler = 'x'.repeat(1024 * 1024)
  for (let revision = 1; revision <= 20; revision++) ring.push(event(revision, filler))
  assert.ok((ring.end - ring.positionAfter(ring.floor)) * 2 * filler.length <= ringBytesMax)
  ring.push(event(21, 'x'.repeat(ringBytesMax)))
  assert.equal(ring.floor, 20)
  assert.equal(ring.at(ring.end - 1)?.revision, 21)
})

test('a frame is encoded once for each type', () => {
  const one = event(5)
  assert.equal(one.frame('ADDED', one.object), one.frame('ADDED', one.object))
  assert.notEqual(one.frame('ADDED', one.object), one.frame('MODIFIED', one.object))
  assert.equal(
    one.frame('ADDED', one.object).toString(),
    '{"type":"ADDED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"5","name":"n5"},"data":{"filler":""}}}\n',
  )
})

test('stored bytes have no revision; wire bytes have the one of the write; both come back', () => {
  const bytes = stored('é "metadata":{')
  assert.doesNotMatch(bytes.toString(), /resourceVersion/)
  const wire = wireBytes(bytes, 42, { isKept: true })
  assert.equal(JSON.parse(wire.toString()).metadata.resourceVersion, '42')
  assert.deepEqual(storedBytes(wire, 42), bytes)
  assert.equal(parseStored(bytes, 7).metadata.resourceVersion, '7')
})
