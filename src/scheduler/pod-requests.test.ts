import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container } from '../api/schema/types.gen.ts'
import { container, pod } from './fixture.ts'
import { podRequests } from './pod-requests.ts'

const cpu = (amount: string, more: Partial<Container> = {}) => container({ cpu: amount }, more)
const sidecar = (amount: string) => cpu(amount, { restartPolicy: 'Always' })

const rows = [
  { name: 'nothing asked for', containers: [container()], is: undefined },
  { name: 'containers together', containers: [cpu('1'), cpu('500m')], is: 1_500 },
  { name: 'a small init container', containers: [cpu('1')], init: [cpu('500m')], is: 1_000 },
  { name: 'a large init container', containers: [cpu('1')], init: [cpu('2'), cpu('1500m')], is: 2_000 },
  {
    name: 'a sidecar runs beside the containers',
    containers: [cpu('1')],
    init: [sidecar('200m')],
    is: 1_200,
  },
  {
    name: 'and beside init containers after it',
    containers: [cpu('1')],
    init: [sidecar('200m'), cpu('2')],
    is: 2_200,
  },
  {
    name: 'not beside those before it',
    containers: [cpu('1')],
    init: [cpu('2'), sidecar('200m')],
    is: 2_000,
  },
  {
    name: 'two sidecars',
    containers: [cpu('1')],
    init: [sidecar('200m'), cpu('900m'), sidecar('300m')],
    is: 1_500,
  },
  {
    name: 'overhead comes on top',
    containers: [cpu('1')],
    init: [cpu('2')],
    overhead: { cpu: '100m' },
    is: 2_100,
  },
]
for (const { name, containers, init, overhead, is } of rows) {
  test(name, () => {
    const spec = { containers, ...(init && { initContainers: init }), ...(overhead && { overhead }) }
    assert.equal(podRequests(pod('p', { spec }))['cpu'], is)
  })
}

test('each resource by itself; memory in bytes', () => {
  const spec = {
    containers: [container({ cpu: '1', memory: '64Mi' })],
    initContainers: [container({ memory: '1Gi', 'example.com/gpu': '2' })],
  }
  assert.deepEqual(podRequests(pod('p', { spec })), { cpu: 1_000, memory: 2 ** 30, 'example.com/gpu': 2 })
})
