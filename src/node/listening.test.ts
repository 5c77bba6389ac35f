import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container } from '../api/schema/types.gen.ts'
import { continueListening, startListening, type Listening } from './listening.ts'

const container = (more: Partial<Container>): Container => ({ name: 'web', image: 'npm:web', ...more })
const ports = [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }, { containerPort: 443 }]

test('only a container with TCP ports and no probe that says when it is up is waited for', () => {
  assert.deepEqual(startListening(container({ ports }), 7)?.ports, [80, 443])
  const probe = { tcpSocket: { port: 80 } }
  assert.equal(startListening(container({ ports, readinessProbe: probe }), 7), undefined)
  assert.equal(startListening(container({ ports, startupProbe: probe }), 7), undefined)
  assert.ok(startListening(container({ ports, livenessProbe: probe }), 7))
  assert.equal(startListening(container({ ports: [{ containerPort: 53, protocol: 'UDP' }] }), 7), undefined)
  assert.equal(startListening(container({}), 7), undefined)
})

test('it is asked often at first, then ever more rarely, and the wait ends by an answer or after five seconds', () => {
  let listening: Listening | undefined = startListening(container({ ports }), 1_000)
  assert.equal(listening?.dueMs, 1_020)
  assert.equal(listening && continueListening(listening, { isSuccess: true, nowMs: 1_001 }), undefined)
  const waits: number[] = []
  let nowMs = 1_000
  while (listening) {
    nowMs = listening.dueMs
    listening = continueListening(listening, { isSuccess: false, nowMs })
    if (listening) waits.push(listening.dueMs - nowMs)
  }
  assert.deepEqual(
    waits,
    waits.toSorted((a, b) => a - b),
  )
  assert.equal(waits[0], 10)
  assert.equal(waits.filter((waitMs) => waitMs === 10).length, 14)
  assert.equal(waits.at(-1), 250)
  assert.ok(nowMs >= 6_000 && nowMs <= 6_250, String(nowMs))
})
