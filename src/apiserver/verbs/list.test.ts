import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../../base/fake-clock.ts'
import { configMap, openFixture, pod, type Answer, type Fixture, type FixtureOptions } from '../fixture.ts'

const path = '/api/v1/namespaces/default/configmaps'
const names = ({ body }: Answer): string[] =>
  body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name)

async function withObjects(count: number, options: FixtureOptions = {}): Promise<Fixture> {
  const fixture = await openFixture(options)
  for (let i = 0; i < count; i++)
    await fixture.request('POST', path, configMap(`c${i}`, {}, { labels: { odd: String(i % 2) } }))
  return fixture
}

test('a list has kind, apiVersion and the revision of the store, not of its newest item', async () => {
  await using fixture = await withObjects(1)
  await fixture.request('POST', '/api/v1/namespaces', { metadata: { name: 'later' } })
  const { body, headers } = await fixture.request('GET', path)
  assert.deepEqual(
    [body.kind, body.apiVersion, body.metadata],
    ['ConfigMapList', 'v1', { resourceVersion: '6' }],
  )
  assert.equal(body.items[0].metadata.resourceVersion, '5')
  assert.equal(headers['content-type'], 'application/json')
  assert.equal(Number(headers['content-length']), Buffer.byteLength(JSON.stringify(body)) + 1)
})

test('a list of nothing has items', async () => {
  await using fixture = await openFixture()
  assert.deepEqual((await fixture.request('GET', '/apis/apps/v1/deployments')).body.items, [])
})

test('pages hold one state, though objects come and go in between', async () => {
  await using fixture = await withObjects(5)
  const first = await fixture.request('GET', `${path}?limit=2`)
  assert.deepEqual([names(first), first.body.metadata.remainingItemCount], [['c0', 'c1'], 3])
  await fixture.request('DELETE', `${path}/c2`)
  await fixture.request('POST', path, configMap('c25'))
  const token = encodeURIComponent(first.body.metadata.continue)
  const second = await fixture.request('GET', `${path}?limit=2&continue=${token}`)
  assert.deepEqual([names(second), second.body.metadata.remainingItemCount], [['c2', 'c3'], 1])
  assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion)
  const third = await fixture.request(
    'GET',
    `${path}?limit=2&continue=${encodeURIComponent(second.body.metadata.continue)}`,
  )
  assert.deepEqual([names(third), third.body.metadata.continue], [['c4'], undefined])
})

test('pages of an unchanged resource and pages with a selector', async () => {
  await using fixture = await withObjects(6)
  const query = `${path}?limit=2&labelSelector=odd%3D1`
  const first = await fixture.request('GET', query)
  assert.deepEqual([names(first), first.body.metadata.remainingItemCount], [['c1', 'c3'], undefined])
  const rest = await fixture.request(
    'GET',
    `${query}&continue=${encodeURIComponent(first.body.metadata.continue)}`,
  )
  assert.deepEqual([names(rest), rest.body.metadata.continue], [['c5'], undefined])
  await fixture.request('DELETE', `${path}/c5`)
  const again = await fixture.request(
    'GET',
    `${query}&continue=${encodeURIComponent(first.body.metadata.continue)}`,
  )
  assert.deepEqual(names(again), ['c5'])
})

test('a continue token of a compacted revision is 410 with a token that goes on anyway', async () => {
  await using fixture = await withObjects(4)
  const first = await fixture.request('GET', `${path}?limit=2`)
  await fixture.request('DELETE', `${path}/c2`)
  await fixture.store.compact(await fixture.store.current())
  const expired = await fixture.request(
    'GET',
    `${path}?limit=2&continue=${encodeURIComponent(first.body.metadata.continue)}`,
  )
  assert.deepEqual([expired.status, expired.body.reason], [410, 'Expired'])
  assert.match(
    expired.body.message,
    /^The provided continue parameter is too old to display a consistent list result\./,
  )
  const onward = await fixture.request(
    'GET',
    `${path}?limit=2&continue=${encodeURIComponent(expired.body.metadata.continue)}`,
  )
  assert.deepEqual(names(onward), ['c3'])
})

test('an exact revision shows what was then', async () => {
  await using fixture = await withObjects(2)
  await fixture.request('DELETE', `${path}/c0`)
  assert.deepEqual(
    names(await fixture.request('GET', `${path}?resourceVersion=6&resourceVersionMatch=Exact`)),
    ['c0', 'c1'],
  )
  assert.deepEqual(names(await fixture.request('GET', `${path}?resourceVersion=6`)), ['c1'])
  assert.deepEqual(names(await fixture.request('GET', `${path}?resourceVersion=6&limit=5`)), ['c0', 'c1'])
  assert.deepEqual(names(await fixture.request('GET', `${path}?resourceVersion=0`)), ['c1'])
})

test('field selectors of the kind and of metadata', async () => {
  await using fixture = await openFixture()
  const pods = '/api/v1/namespaces/default/pods'
  await fixture.request('POST', pods, pod('a', { nodeName: 'n1' }))
  await fixture.request('POST', pods, pod('b'))
  assert.deepEqual(names(await fixture.request('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1')), [
    'a',
  ])
  assert.deepEqual(names(await fixture.request('GET', '/api/v1/pods?fieldSelector=spec.nodeName!%3Dn1')), [
    'b',
  ])
  assert.deepEqual(names(await fixture.request('GET', `${pods}?fieldSelector=metadata.name%3Db`)), ['b'])
  assert.deepEqual(
    names(await fixture.request('GET', '/api/v1/pods?fieldSelector=metadata.namespace%3Dkube-system')),
    [],
  )
})

test('as Table, as metadata, as YAML', async () => {
  await using fixture = await withObjects(1, { clock: fakeClock() })
  const as = async (accept: string, query = '') => fixture.request('GET', path + query, undefined, { accept })
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
  const { body } = await as(table)
  assert.deepEqual(
    [
      body.kind,
      body.apiVersion,
      body.columnDefinitions.map(({ name }: { name: string }) => name),
      body.rows[0].cells,
    ],
    ['Table', 'meta.k8s.io/v1', ['Name', 'Data', 'Age'], ['c0', 0, '0s']],
  )
  assert.equal(body.rows[0].object.kind, 'PartialObjectMetadata')
  assert.equal((await as(table, '?includeObject=Object')).body.rows[0].object.kind, 'ConfigMap')
  assert.equal((await as(table, '?includeObject=None')).body.rows[0].object, undefined)
  const metadata = await as('application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io')
  assert.deepEqual(
    [metadata.body.kind, metadata.body.items[0].data],
    ['PartialObjectMetadataList', undefined],
  )
  const yaml = await as('application/yaml')
  assert.match(yaml.text, /^kind: ConfigMapList\napiVersion: v1\n/)
})
