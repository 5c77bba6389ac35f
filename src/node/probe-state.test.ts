import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container, Probe } from '../api/schema/types.gen.ts'
import {
  applyAnswer,
  failedProbe,
  isActive,
  isReady,
  isStarted,
  startProbes,
  type ProbeState,
} from './probe-state.ts'

const probe: Probe = { tcpSocket: { port: 1 }, periodSeconds: 10, failureThreshold: 3, successThreshold: 1 }
const container = (probes: Partial<Container>): Container => ({ name: 'c', ...probes })

/** Answers as +/-; the time of each is when it is due. */
function play(state: ProbeState, answers: string, rules: Probe = probe): ProbeState {
  let now = state
  for (const answer of answers)
    now = applyAnswer(now, { isSuccess: answer === '+', nowMs: now.dueMs, probe: rules })
  return now
}

const only = (probes: Partial<Container>): ProbeState => {
  const [state] = startProbes(container(probes), 0)
  assert.ok(state)
  return state
}

test('without probes a container is started and ready', () => {
  const states = startProbes(container({}), 0)
  assert.deepEqual([isStarted(states), isReady(states), failedProbe(states)], [true, true, undefined])
})

const liveness = [
  ['', 'success'],
  ['--', 'success'],
  ['---', 'failure'],
  ['--+--', 'success'],
  ['--+---', 'failure'],
] as const
for (const [answers, want] of liveness)
  test(`liveness after ${answers || 'nothing'}: ${want}`, () => {
    assert.equal(play(only({ livenessProbe: probe }), answers).result, want)
  })

test('readiness needs successThreshold in a row, and falls after failureThreshold', () => {
  const rules = { ...probe, successThreshold: 2, periodSeconds: 1 }
  const start = only({ readinessProbe: rules })
  assert.equal(play(start, '+', rules).result, 'failure')
  assert.equal(play(start, '++', rules).result, 'success')
  assert.equal(play(start, '++--+--', rules).result, 'success')
  assert.equal(play(start, '++---', rules).result, 'failure')
})

test('a container that comes up is asked often, and is ready long before its period ends', () => {
  let state = only({ readinessProbe: probe })
  let asked = 0
  while (state.dueMs < 1_000) {
    state = applyAnswer(state, { isSuccess: false, nowMs: state.dueMs, probe })
    asked++
  }
  assert.ok(asked >= 4 && asked < 10, `asked ${asked} times in the first second`)
  const ready = applyAnswer(state, { isSuccess: true, nowMs: state.dueMs, probe })
  assert.equal(ready.result, 'success')
})

test('early failures do not count towards the threshold of a startup probe', () => {
  let state = only({ startupProbe: { ...probe, failureThreshold: 1 } })
  const rules = { ...probe, failureThreshold: 1 }
  while (state.dueMs < 5_000)
    state = applyAnswer(state, { isSuccess: false, nowMs: state.dueMs, probe: rules })
  assert.equal(state.result, 'unknown')
  state = play(state, '------------', rules)
  assert.equal(state.result, 'failure')
})

test('an initial delay is kept', () => {
  assert.equal(only({ livenessProbe: { ...probe, initialDelaySeconds: 7 } }).dueMs, 7_000)
})

test('nothing but the startup probe runs until it has succeeded, then all but it', () => {
  const states = startProbes(
    container({ startupProbe: probe, livenessProbe: probe, readinessProbe: probe }),
    0,
  )
  const active = (list: readonly ProbeState[]) =>
    list.filter((s) => isActive(s, list)).map(({ kind }) => kind)
  assert.deepEqual(active(states), ['startup'])
  assert.deepEqual([isStarted(states), isReady(states)], [false, false])
  const started = states.map((s) => (s.kind === 'startup' ? play(s, '+') : s))
  assert.deepEqual(active(started), ['liveness', 'readiness'])
  assert.deepEqual([isStarted(started), isReady(started)], [true, false])
})

test('a failed liveness or startup probe asks for a restart, a failed readiness probe does not', () => {
  const states = startProbes(container({ livenessProbe: probe, readinessProbe: probe }), 0)
  const failing = (kind: string) =>
    states.map((s) => (s.kind === kind ? { ...s, result: 'failure' as const } : s))
  assert.equal(failedProbe(failing('liveness')), 'liveness')
  assert.equal(failedProbe(failing('readiness')), undefined)
})
