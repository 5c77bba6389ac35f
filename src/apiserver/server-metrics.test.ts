import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { configMap, openFixture, type Fixture } from './fixture.ts'

let fixture: Fixture
before(async () => void (fixture = await openFixture()))
after(() => fixture[Symbol.asyncDispose]())

/** Lines of one metric. */
const read = async (name: string): Promise<string[]> => {
  const { headers, status, text } = await fixture.request('GET', '/metrics')
  assert.deepEqual([status, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8'])
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
}

test('requests are counted by verb, resource and status, and timed', async () => {
  const path = '/api/v1/namespaces/default/configmaps'
  await fixture.request('POST', path, configMap('counted'))
  for (const name of ['counted', 'nobody']) await fixture.request('GET', `${path}/${name}`)
  await fixture.request('GET', path)
  const labels = (verb: string, scope: string) =>
    `verb="${verb}",group="",version="v1",resource="configmaps",subresource="",scope="${scope}"`
  const totals = await read('apiserver_request_total')
  for (const line of [
    `apiserver_request_total{${labels('POST', 'resource')},code="201"} 1`,
    `apiserver_request_total{${labels('GET', 'resource')},code="200"} 1`,
    `apiserver_request_total{${labels('GET', 'resource')},code="404"} 1`,
    `apiserver_request_total{${labels('LIST', 'namespace')},code="200"} 1`,
  ])
    assert.ok(totals.includes(line), `${line}\n${totals.join('\n')}`)
  const counts = await read('apiserver_request_duration_seconds_count')
  assert.ok(counts.includes(`apiserver_request_duration_seconds_count{${labels('GET', 'resource')}} 2`))
})

test('a client makes no series up', async () => {
  const before = (await read('apiserver_request_total')).length
  for (let n = 0; n < 20; n++) {
    await fixture.request('GET', `/apis/made-up-${n}/v1/things`)
    await fixture.request('GET', `/made-up-${n}`)
    await fixture.request('GET', `/api/v1/namespaces/default/pods/x/made-up-${n}`)
    await fixture.request(`VERB${n}`, '/')
  }
  const lines = await read('apiserver_request_total')
  assert.ok(lines.length - before <= 5, lines.join('\n'))
})

test('watches are counted while they run, objects and changes while they are held', async () => {
  const stop = new AbortController()
  const label = 'verb="WATCH",group="",version="v1",resource="configmaps"'
  const lines = await fixture.watch('/api/v1/configmaps?watch=1', stop.signal)
  assert.equal((await lines.next()).value.type, 'ADDED')
  const next = lines.next()
  await fixture.request('POST', '/api/v1/namespaces/default/configmaps', configMap('seen'))
  await next
  const running = (await read('apiserver_longrunning_requests')).filter((line) => !line.endsWith(' 0'))
  assert.deepEqual(running, [`apiserver_longrunning_requests{${label}} 1`])
  assert.ok(
    (await read('apiserver_storage_objects')).includes('apiserver_storage_objects{resource="configmaps"} 2'),
  )
  assert.match((await read('sampan_watch_cache_events')).join('\n'), /\{resource="configmaps"\} [1-9]/)
  stop.abort()
  await lines.next()
  assert.ok(
    (await read('apiserver_longrunning_requests')).includes(`apiserver_longrunning_requests{${label}} 0`),
  )
})

test("the store's time is told, and what runs now", async () => {
  const create = (await read('etcd_request_duration_seconds_count')).find((line) => line.includes('"create"'))
  assert.match(create ?? '', /\{operation="create"\} [1-9]/)
  // The one that asks.
  assert.deepEqual(await read('apiserver_flowcontrol_current_executing_requests'), [
    'apiserver_flowcontrol_current_executing_requests 1',
  ])
})

test('nobody reads them without being allowed to', async () => {
  const { status } = await fixture.server.handle({ method: 'GET', path: '/metrics', headers: {} })
  assert.equal(status, 401)
})
