import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { seededRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import type { Event } from '../api/schema/types.gen.ts'
import { notFound, StatusError } from '../api/status.ts'
import { TransportError } from './client.ts'
import { openEventRecorder } from './events.ts'
import { restClient } from './rest-client.ts'
import type { Transport } from './transport.ts'

interface Sent {
  readonly method: string
  readonly path: string
  readonly body: Partial<Event>
}

/** The network's edge: notes what is sent, and answers like a server with nothing but events. */
function edge(answer: (sent: Sent, all: readonly Sent[]) => void = () => {}) {
  const sent: Sent[] = []
  const transport: Transport = {
    async send({ method, path, body }) {
      const next = { method, path, body: JSON.parse(new TextDecoder().decode(body)) as Partial<Event> }
      sent.push(next)
      const bytes = (object: unknown) => new TextEncoder().encode(JSON.stringify(object))
      const respond = (status: number, object: unknown) => ({
        status,
        headers: {},
        body: (async function* () {
          yield bytes(object)
        })(),
      })
      try {
        answer(next, sent)
        return respond(200, next.body)
      } catch (error) {
        if (error instanceof StatusError) return respond(error.status.code, error.status)
        throw error
      }
    },
    async [Symbol.asyncDispose]() {},
  }
  return { sent, client: restClient(transport, 'test') }
}

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns', uid: 'u' } }

function open(answer?: Parameters<typeof edge>[0]) {
  const clock = fakeClock()
  const { sent, client } = edge(answer)
  const options = {
    client,
    component: 'kubelet',
    host: 'n1',
    clock,
    random: seededRandom(1),
    logger: silentLogger,
  }
  return { clock, sent, recorder: openEventRecorder(options) }
}

test('an event names its object, its source and its time', async () => {
  const { sent, recorder } = open()
  recorder.record(pod, 'Normal', 'Started', 'Started container c')
  await recorder.flush()
  const [{ method, path, body } = { method: '', path: '', body: {} }] = sent
  assert.deepEqual([method, path], ['POST', '/api/v1/namespaces/ns/events'])
  assert.match(body.metadata?.name ?? '', /^p\.[0-9a-f]{16}$/)
  assert.deepEqual(body.involvedObject, {
    apiVersion: 'v1',
    kind: 'Pod',
    name: 'p',
    namespace: 'ns',
    uid: 'u',
  })
  assert.deepEqual(body.source, { component: 'kubelet', host: 'n1' })
  assert.equal(body.firstTimestamp, '2026-01-01T00:00:00Z')
  assert.equal(body.count, 1)
})

test('the same again raises a count; something else, or the same much later, is a new event', async () => {
  const { clock, sent, recorder } = open()
  const say = async (message: string) => {
    recorder.record(pod, 'Warning', 'BackOff', message)
    await recorder.flush()
  }
  await say('a')
  await clock.advance(5_000)
  await say('a')
  await say('b')
  await clock.advance(11 * 60_000)
  await say('a')
  assert.deepEqual(
    sent.map(({ method, body }) => `${method} ${body.count}`),
    ['POST 1', 'PATCH 2', 'POST 1', 'POST 1'],
  )
  assert.equal(sent[1]?.body.lastTimestamp, '2026-01-01T00:00:05Z')
})

test('an event that the server has forgotten is created again', async () => {
  const { sent, recorder } = open(({ method, path }) => {
    if (method === 'PATCH') throw notFound({ group: '', resource: 'events' }, path)
  })
  for (let n = 0; n < 2; n++) {
    recorder.record(pod, 'Normal', 'R', 'm')
    await recorder.flush()
  }
  assert.deepEqual(
    sent.map(({ method }) => method),
    ['POST', 'PATCH', 'POST'],
  )
})

test('without an answer it tries again; a refusal is final', async () => {
  const { clock, sent, recorder } = open((_, all) => {
    if (all.length < 3) throw new TransportError('down')
    if (all.length > 3) throw notFound({ group: '', resource: 'namespaces' }, 'ns')
  })
  recorder.record(pod, 'Normal', 'R', 'first')
  recorder.record(pod, 'Normal', 'R', 'second')
  await clock.advance(60_000)
  await recorder.flush()
  assert.deepEqual(
    sent.map(({ body }) => body.message),
    ['first', 'first', 'first', 'second'],
  )
})

test('one object can not flood the server', async () => {
  const { clock, sent, recorder } = open()
  for (let n = 0; n < 100; n++) recorder.record(pod, 'Normal', 'R', `m${n}`)
  await recorder.flush()
  assert.equal(sent.length, 25)
  await clock.advance(5 * 60_000)
  recorder.record(pod, 'Normal', 'R', 'later')
  await recorder.flush()
  assert.equal(sent.length, 26)
})

test('disposal ends a retry at once', async () => {
  const { recorder } = open(() => {
    throw new TransportError('down')
  })
  recorder.record(pod, 'Normal', 'R', 'm')
  await recorder[Symbol.asyncDispose]()
})
