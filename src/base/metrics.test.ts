import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, seriesMax } from './metrics.ts'
import { addProcessMetrics } from './process-metrics.ts'

test('counters are kept by their labels and written as Prometheus reads them', () => {
  const metrics = createMetrics()
  const requests = metrics.counter({
    name: 'requests_total',
    help: 'Requests.\nAll.',
    labels: ['verb', 'path'],
  })
  requests.with('GET', '/"a"\\').add()
  requests.with('GET', '/"a"\\').add(2)
  requests.with('PUT', 'b\nc').add()
  assert.equal(
    metrics.render(),
    [
      '# HELP requests_total Requests.\\nAll.',
      '# TYPE requests_total counter',
      'requests_total{verb="GET",path="/\\"a\\"\\\\"} 3',
      'requests_total{verb="PUT",path="b\\nc"} 1',
      '',
    ].join('\n'),
  )
})

test('a histogram counts what is at most its bound, and everything', () => {
  const metrics = createMetrics()
  const seconds = metrics.histogram({ name: 's', help: 'h', labels: ['v'], buckets: [0.1, 1] })
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.with('a').observe(value)
  assert.deepEqual(metrics.render().split('\n').slice(2, -1), [
    's_bucket{v="a",le="0.1"} 2',
    's_bucket{v="a",le="1"} 3',
    's_bucket{v="a",le="+Inf"} 4',
    's_sum{v="a"} 7.65',
    's_count{v="a"} 4',
  ])
})

test('what is observed is read when somebody asks, and at no other time', () => {
  const metrics = createMetrics()
  let reads = 0
  metrics.observed({ name: 'depth', help: 'h', type: 'gauge' }, () => [{ value: ++reads }])
  assert.equal(reads, 0)
  assert.match(metrics.render(), /^depth 1$/m)
  assert.match(metrics.render(), /^depth 2$/m)
})

test('labels without bound end in one series', () => {
  const metrics = createMetrics()
  const counter = metrics.counter({ name: 'c', help: 'h', labels: ['who'] })
  for (let n = 0; n < seriesMax + 50; n++) counter.with(`user-${n}`).add()
  const text = metrics.render()
  assert.equal(text.match(/^c\{/gm)?.length, seriesMax + 1)
  assert.match(text, /^c\{who="other"\} 50$/m)
})

test('mistakes of ours are found at once', () => {
  const metrics = createMetrics()
  const counter = metrics.counter({ name: 'c', help: 'h', labels: ['who'] })
  assert.throws(() => counter.with('a', 'b'), /has 1 labels and was given 2/)
  assert.throws(() => metrics.counter({ name: 'c', help: 'h' }), /defined twice/)
})

test('a process tells about itself', () => {
  const metrics = createMetrics()
  addProcessMetrics(metrics)
  const text = metrics.render()
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'process_start_time_seconds',
  ])
    assert.match(text, new RegExp(`^${name} [0-9.e+]+$`, 'm'))
})
