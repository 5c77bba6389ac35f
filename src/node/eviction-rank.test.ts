import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../api/schema/types.gen.ts'
import { admissionProblem, pressureMessage, rankForEviction, type Candidate } from './eviction-rank.ts'
import { metThresholds, parseThresholds, thresholdsDefault } from './eviction-thresholds.ts'

const mebi = 1024 ** 2

const candidate = (
  name: string,
  usageMi: number,
  { requestMi, priority }: { readonly requestMi?: number; readonly priority?: number } = {},
): Candidate => {
  const requests = requestMi === undefined ? {} : { memory: `${requestMi}Mi` }
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      containers: [{ name: 'c', resources: { requests } }],
      ...(priority !== undefined && { priority }),
    },
  }
  return { pod, usageBytes: usageMi * mebi, containers: new Map([['c', usageMi * mebi]]) }
}

const rows = [
  {
    name: 'who uses more than it has asked for goes before who uses more',
    candidates: [candidate('modest', 500, { requestMi: 600 }), candidate('greedy', 20, { requestMi: 10 })],
    order: ['greedy', 'modest'],
  },
  {
    name: 'of those the lowest priority',
    candidates: [candidate('dear', 500, { priority: 10 }), candidate('cheap', 100, { priority: -1 })],
    order: ['cheap', 'dear'],
  },
  {
    name: 'of those the one that is the most above its request',
    candidates: [candidate('big', 500, { requestMi: 490 }), candidate('small', 100, { requestMi: 10 })],
    order: ['small', 'big'],
  },
  {
    name: 'one that could not be measured is the largest; a critical one never goes',
    candidates: [
      candidate('known', 500),
      candidate('endless', Infinity),
      candidate('system', 900, { priority: 2e9 }),
    ],
    order: ['endless', 'known'],
  },
]
for (const { name, candidates, order } of rows)
  test(name, () => {
    const ranked = rankForEviction(candidates, 'memory')
    assert.deepEqual(
      ranked.map(({ pod }) => pod.metadata.name),
      order,
    )
  })

test("the message has upstream's form", () => {
  const level = { threshold: 100 * mebi, available: 1234 }
  assert.equal(
    pressureMessage(candidate('p', 20, { requestMi: 10 }), 'memory', level),
    'The node was low on resource: memory. Threshold quantity: 100Mi, available: 1234. ' +
      'Container c was using 20Mi, request is 10Mi, has larger consumption of memory. ',
  )
})

test('a machine without disk takes no pods, one without memory none that asks for nothing', () => {
  const key = 'node.kubernetes.io/memory-pressure'
  const podOf = (qosClass: string, spec: Partial<Pod['spec']> = {}): Pod => ({
    ...candidate('p', 0).pod,
    spec: { containers: [], ...spec },
    status: { qosClass },
  })
  const [memory, disk] = [
    { memory: true, disk: false },
    { memory: true, disk: true },
  ]
  const rows = [
    [podOf('BestEffort'), { memory: false, disk: false }, undefined],
    [podOf('BestEffort'), memory, 'The node had condition: [MemoryPressure]. '],
    [podOf('Burstable'), memory, undefined],
    [podOf('BestEffort', { tolerations: [{ key, operator: 'Exists' }] }), memory, undefined],
    [podOf('Guaranteed'), disk, 'The node had condition: [MemoryPressure DiskPressure]. '],
    [podOf('BestEffort', { priority: 2e9 }), disk, undefined],
  ] as const
  for (const [pod, pressure, problem] of rows) assert.equal(admissionProblem(pod, pressure), problem)
})

const load = {
  memoryTotalBytes: 1024 * mebi,
  memoryAvailableBytes: 512 * mebi,
  diskTotalBytes: 1000 * mebi,
  diskFreeBytes: 500 * mebi,
  inodesTotal: 1000,
  inodesFree: 500,
}

test("kubelet's defaults", () => {
  const met = (change: Partial<typeof load>) =>
    metThresholds({ ...load, ...change }, thresholdsDefault).map(({ signal }) => signal)
  assert.deepEqual(met({}), [])
  assert.deepEqual(met({ memoryAvailableBytes: 99 * mebi }), ['memory.available'])
  assert.deepEqual(met({ diskFreeBytes: 100 * mebi }), [])
  assert.deepEqual(met({ diskFreeBytes: 100 * mebi - 1 }), ['nodefs.available'])
  const terabyte = { diskTotalBytes: 1024 * 1024 * mebi }
  assert.deepEqual(
    met({ ...terabyte, diskFreeBytes: 5 * 1024 * mebi }),
    [],
    'of a large disk a little is enough',
  )
  assert.deepEqual(met({ ...terabyte, diskFreeBytes: 5 * 1024 * mebi - 1 }), ['nodefs.available'])
  assert.deepEqual(met({ inodesFree: 49 }), ['nodefs.inodesFree'])
  assert.deepEqual(met({ inodesFree: 0, inodesTotal: 0 }), [], 'a file system that counts none')
})

test('thresholds are read as kubelet writes them', () => {
  assert.deepEqual(parseThresholds('memory.available<1Gi, nodefs.available<2.5%'), {
    'memory.available': { bytes: 1024 * mebi },
    'nodefs.available': { share: 0.025 },
  })
  assert.deepEqual(parseThresholds(''), {})
  assert.throws(() => parseThresholds('imagefs.available<1%'), /"imagefs.available<1%" is no threshold/)
  assert.throws(() => parseThresholds('nodefs.available<lots'), /write an amount like 100Mi/)
})
