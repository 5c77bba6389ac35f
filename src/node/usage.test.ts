import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import type { Handle, Stats } from '../runtime/runtime.ts'
import { resourceMetrics, statsSummary } from './usage-answers.ts'
import { createUsageMeter, freshMsMax, windowMsMax, windowMsMin, type MeasuredPod } from './usage.ts'

const startedAt = '2026-01-01T00:00:00.000Z'
const handleOf = (id: string): Handle => ({
  id,
  runtime: 'fake',
  stateDir: '/',
  bootId: '',
  pid: 1,
  startTicks: 1,
  startedAt,
})
const podOf = (name: string): MeasuredPod => ({
  namespace: 'default',
  name,
  uid: `uid-${name}`,
  containers: [{ name: 'main', handle: handleOf(name) }],
})

function openMeter(pods: MeasuredPod[] = [podOf('web')]) {
  const clock = fakeClock()
  const used = new Map<string, Stats>()
  const calls = { count: 0 }
  let machineSeconds = 0
  const meter = createUsageMeter({
    runtime: {
      async stats({ id }) {
        calls.count++
        return used.get(id) ?? { cpuSeconds: 0, memoryBytes: 0, pids: 0 }
      },
    },
    pods: () => pods,
    clock,
    logger: silentLogger,
    readMachine: async () => ({ cpuSeconds: machineSeconds, memoryBytes: 4_096 }),
  })
  const use = (id: string, cpuSeconds: number, memoryBytes = 1_024) => {
    used.set(id, { cpuSeconds, memoryBytes, pids: 1 })
    machineSeconds = cpuSeconds
  }
  /** Asks, and lets the second pass that the first one waits for. */
  const first = async () => {
    const asked = meter.window()
    await clock.advance(0)
    await clock.advance(windowMsMin)
    return asked
  }
  return { calls, clock, first, meter, use }
}

const coresOf = (window: Awaited<ReturnType<ReturnType<typeof createUsageMeter>['window']>>) =>
  statsSummary('n1', window).pods.map(({ cpu }) => cpu.usageNanoCores / 1e9)

test('the first who asks waits a second for a rate; nothing is measured before', async () => {
  const { calls, clock, meter, use } = openMeter()
  use('web', 5)
  await clock.advance(60_000)
  assert.equal(calls.count, 0)
  const asked = meter.window()
  await clock.advance(0)
  use('web', 5.25)
  await clock.advance(windowMsMin)
  const window = await asked
  const summary = statsSummary('n1', window)
  assert.equal(summary.node.windowSeconds, 1)
  assert.deepEqual(coresOf(window), [0.25])
  assert.equal(summary.node.cpu.usageNanoCores, 0.25e9)
  assert.deepEqual(summary.pods[0]?.containers[0]?.memory.workingSetBytes, 1_024)
})

test('whoever asks soon again gets the same; later the rate is over the time between', async () => {
  const { calls, clock, first, meter, use } = openMeter()
  use('web', 1)
  const window = await first()
  const looks = calls.count
  await clock.advance(freshMsMax - 1)
  assert.equal(await meter.window(), window)
  assert.equal(calls.count, looks)
  await clock.advance(5_001)
  use('web', 4)
  const later = await meter.window()
  assert.equal(calls.count, looks + 1)
  assert.deepEqual(coresOf(later), [3 / 15])
})

test('a look of long ago is no base for a rate of now', async () => {
  const { clock, first, use } = openMeter()
  use('web', 1)
  await first()
  await clock.advance(windowMsMax)
  use('web', 100)
  assert.deepEqual(coresOf(await first()), [0])
})

test('looks of several who ask at once are one', async () => {
  const { calls, first, meter, use } = openMeter()
  use('web', 1)
  await Promise.all([first(), meter.window(), meter.window()])
  assert.equal(calls.count, 2)
})

test('a container that began in between has the rate of its life', async () => {
  const pods = [podOf('web')]
  const { clock, first, meter, use } = openMeter(pods)
  use('web', 1)
  await first()
  pods.push(podOf('new'))
  use('new', 2)
  await clock.advance(freshMsMax)
  const window = await meter.window()
  const seconds = (window.now.time.getTime() - Date.parse(startedAt)) / 1_000
  assert.deepEqual(coresOf(window), [0, Math.round((2 / Math.max(1, seconds)) * 1e9) / 1e9])
})

test('the counter of a container never goes back', async () => {
  const { meter, use } = openMeter()
  const seconds = async () => (await meter.look()).pods[0]?.containers[0]?.cpuSeconds
  use('web', 5)
  assert.equal(await seconds(), 5)
  use('web', 2) // a process has ended and taken its time with it
  assert.equal(await seconds(), 5)
  use('web', 3)
  assert.equal(await seconds(), 6)
})

test('what has ended or can not be read is left out', async () => {
  const { meter, use } = openMeter([podOf('web'), podOf('ended')])
  use('web', 1)
  const { pods } = await meter.look()
  assert.deepEqual(
    pods.map(({ containers, name }) => [name, containers.length]),
    [
      ['web', 1],
      ['ended', 0],
    ],
  )
})

test("Prometheus reads them under kubelet's names", async () => {
  const { meter, use } = openMeter()
  use('web', 1.5, 2_048)
  const text = resourceMetrics(await meter.look()).render()
  for (const line of [
    'container_cpu_usage_seconds_total{container="main",namespace="default",pod="web"} 1.5',
    'container_memory_working_set_bytes{container="main",namespace="default",pod="web"} 2048',
    'pod_cpu_usage_seconds_total{namespace="default",pod="web"} 1.5',
    'node_cpu_usage_seconds_total 1.5',
    'node_memory_working_set_bytes 4096',
    'resource_scrape_error 0',
  ])
    assert.ok(text.includes(`\n${line}\n`), line)
})
