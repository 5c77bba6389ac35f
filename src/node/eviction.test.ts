import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../api/schema/types.gen.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import type { PodDisk } from './disk-limits.ts'
import { thresholdsDefault } from './eviction-thresholds.ts'
import { openEvictions, type EvictablePod } from './eviction.ts'
import type { PodEnd } from './pod-records.ts'

const mebi = 1024 ** 2

/** A machine of numbers: 1000 MiB of disk, of which pods and others take some. */
function openMachine(podsMi: Record<string, { mi: number; limit?: string }>) {
  const clock = fakeClock()
  const state = {
    othersMi: 0,
    packagesMi: 0,
    memoryMi: 900,
    evicted: [] as string[],
    messages: [] as string[],
    told: 0,
  }
  const usedMi = () =>
    state.othersMi + state.packagesMi + Object.values(podsMi).reduce((sum, { mi }) => sum + mi, 0)
  const pods = (): readonly EvictablePod[] =>
    Object.entries(podsMi).map(([uid, { limit }]) => ({
      uid,
      pod: podOf(uid, limit),
      async evict({ message }: PodEnd) {
        state.evicted.push(uid)
        state.messages.push(message)
        delete podsMi[uid]
      },
    }))
  const evictions = openEvictions({
    thresholds: thresholdsDefault,
    transitionMs: 60_000,
    readLoad: async () => ({
      memoryTotalBytes: 1000 * mebi,
      memoryAvailableBytes: state.memoryMi * mebi,
      diskTotalBytes: 1000 * mebi,
      diskFreeBytes: Math.max(0, 1000 - usedMi()) * mebi,
      inodesTotal: 0,
      inodesFree: 0,
    }),
    pods,
    disk: {
      measure: async (some) =>
        new Map(some.map(({ metadata: { uid = '' } }) => [uid, diskOf(podsMi[uid]?.mi ?? 0)])),
    },
    memory: async () =>
      new Map(Object.entries(podsMi).map(([uid, { mi }]) => [uid, new Map([['c', mi * mebi]])])),
    reclaim: async () => void (state.packagesMi = 0),
    onPressure: () => state.told++,
    clock,
    logger: silentLogger,
  })
  return { clock, state, podsMi, evictions, [Symbol.asyncDispose]: () => evictions[Symbol.asyncDispose]() }
}

const podOf = (uid: string, limit: string | undefined): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: uid, uid },
  spec: {
    containers: [
      { name: 'c', ...(limit !== undefined && { resources: { limits: { 'ephemeral-storage': limit } } }) },
    ],
  },
})

const diskOf = (mi: number): PodDisk => ({
  totalBytes: mi * mebi,
  volumes: new Map(),
  containers: new Map([['c', mi * mebi]]),
})

test('what can be made again goes first; then the pod that frees the most, and no more than needed', async () => {
  await using machine = openMachine({ big: { mi: 400 }, small: { mi: 100 } })
  const { clock, state, evictions } = machine
  state.packagesMi = 450
  await clock.advance(1_000)
  assert.equal(state.packagesMi, 0)
  assert.deepEqual(state.evicted, [], 'that was enough')
  assert.deepEqual(evictions.pressure(), { memory: false, disk: true })
  state.othersMi = 450
  await clock.advance(5_000)
  assert.deepEqual(state.evicted, ['big'])
  assert.match(
    state.messages[0] ?? '',
    /^The node was low on resource: ephemeral-storage\. Threshold quantity: 100Mi, /,
  )
  await clock.advance(50_000)
  assert.equal(evictions.pressure().disk, true, 'for a while it is said')
  await clock.advance(60_000)
  assert.equal(evictions.pressure().disk, false)
  assert.equal(state.told, 2, 'when it begins, and when it is over')
})

test('a disk that others have filled costs no app', async () => {
  await using machine = openMachine({ app: { mi: 0.5 } })
  machine.state.othersMi = 999
  await machine.clock.advance(60_000)
  assert.deepEqual(machine.state.evicted, [])
  assert.equal(machine.evictions.pressure().disk, true)
})

test('who exceeds a limit of its own goes, and nobody else', async () => {
  await using machine = openMachine({ limited: { mi: 10, limit: '64Mi' }, free: { mi: 100 } })
  await machine.clock.advance(60_000)
  assert.deepEqual(machine.state.evicted, [])
  machine.podsMi['limited'] = { mi: 65, limit: '64Mi' }
  await machine.clock.advance(2_000)
  assert.deepEqual(machine.state.evicted, ['limited'], 'within two seconds of a jump')
  assert.equal(machine.evictions.pressure().disk, false)
})

test('memory is asked for by the machine, not by the pods', async () => {
  await using machine = openMachine({ a: { mi: 100 }, b: { mi: 200 } })
  machine.state.memoryMi = 99
  await machine.clock.advance(1_000)
  assert.equal(machine.state.evicted[0], 'b')
  assert.match(
    machine.state.messages[0] ?? '',
    /Container c was using 200Mi, request is 0, has larger consumption of memory\. $/,
  )
})
