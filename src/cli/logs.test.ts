import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { logs, type LogsOptions } from './logs.ts'

const line = (at: number, message: string) =>
  JSON.stringify({ time: `2026-01-01T00:00:0${at}.000000000Z`, pod: 'web-1', container: 'app', message })

const kept = [line(1, 'one'), line(2, 'two'), line(3, 'three')]
let server: Server
let asked = ''
before(async () => {
  server = createServer((request, response) => {
    asked = request.url ?? ''
    const follows = asked.includes('follow=true')
    const said = [...kept, ...(follows ? ['{"caughtUp":true}', line(4, 'four'), line(5, 'five')] : [])]
    response.end(said.map((text) => `${text}\n`).join(''))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(() => server.close())

async function shown(options: Partial<LogsOptions>): Promise<readonly string[]> {
  let text = ''
  await logs({
    server: {
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      namespace: 'default',
    },
    name: 'web',
    range: {},
    isJson: false,
    write: async (more) => void (text += more),
    warn: assert.fail,
    signal: new AbortController().signal,
    ...options,
  })
  return text.split('\n').filter(Boolean)
}

const heads = (...messages: readonly string[]) =>
  messages.map((message) => {
    const at = ['one', 'two', 'three', 'four', 'five'].indexOf(message) + 1
    return `2026-01-01T00:00:0${at}.000Z web-1/app ${message}`
  })

test('without a tail all lines are shown', async () =>
  assert.deepEqual(await shown({}), heads('one', 'two', 'three')))

for (const [tail, messages] of [
  [0, []],
  [1, ['three']],
  [2, ['two', 'three']],
  [3, ['one', 'two', 'three']],
  [9, ['one', 'two', 'three']],
] as const)
  test(`a tail of ${tail} shows the last ${messages.length} in their order`, async () =>
    assert.deepEqual(await shown({ tail }), heads(...messages)))

test('who follows with a tail sees the last of what is there, and everything from then on', async () =>
  assert.deepEqual(await shown({ tail: 1, range: { follow: true } }), heads('three', 'four', 'five')))

test('a pod that is named as one is asked for as one', async () => {
  await shown({ range: { isExact: true } })
  assert.match(asked, /[?&]exact=true/)
})
