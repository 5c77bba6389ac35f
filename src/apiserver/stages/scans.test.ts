/** What is looked at for a decision may be much: others are answered in between, and the decision is right all the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { admin, configMap, openFixture, pod, readAnswer, type Fixture } from '../fixture.ts'
import type { UserInfo } from '../http.ts'
import { sliceBytes } from '../slices.ts'

const count = 40
const bulk = { annotations: { bulk: 'x'.repeat(sliceBytes / 4) } }
const group = 'rbac.authorization.k8s.io'
const inDefault = '/api/v1/namespaces/default'
const roles = `/apis/${group}/v1/namespaces/default`

const ask = async ({ server }: Fixture, method: string, path: string, user: UserInfo, body?: object) =>
  readAnswer(
    await server.handle({
      method,
      path,
      headers: {},
      user,
      ...(body && { body: Buffer.from(JSON.stringify(body)) }),
    }),
  )

interface Scan {
  readonly what: string
  /** Where the many are, and the last of them. */
  readonly path: string
  readonly one: (i: number) => object
  readonly decide: (fixture: Fixture) => Promise<number>
  readonly status: number
}

const role = {
  apiVersion: `${group}/v1`,
  kind: 'Role',
  metadata: { name: 'reader' },
  rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }],
}
const scans: readonly Scan[] = [
  {
    what: 'bindings of roles, for a user',
    path: `${roles}/rolebindings`,
    one: (i) => ({
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata: { name: `b${i}`, ...bulk },
      roleRef: { apiGroup: group, kind: 'Role', name: 'reader' },
      subjects: [{ apiGroup: group, kind: 'User', name: `user-${i}` }],
    }),
    decide: async (fixture) => {
      const user = { name: `user-${count - 1}`, groups: [] }
      return (await ask(fixture, 'GET', `${inDefault}/configmaps/one`, user)).status
    },
    status: 200,
  },
  {
    what: 'pods, for their node',
    path: `${inDefault}/pods`,
    one: (i) => {
      const env = [
        { name: 'A', valueFrom: { configMapKeyRef: { name: i === count - 1 ? 'one' : 'two', key: 'a' } } },
      ]
      return pod(`p${i}`, { nodeName: 'n', containers: [{ name: 'a', image: 'npm:a@1', env }] }, bulk)
    },
    decide: async (fixture) => {
      const user = { name: 'system:node:n', groups: ['system:nodes'] }
      return (await ask(fixture, 'GET', `${inDefault}/configmaps/one`, user)).status
    },
    status: 200,
  },
  {
    what: 'limit ranges, for a pod',
    path: `${inDefault}/limitranges`,
    one: (i) => ({
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: `l${i}`, ...bulk },
      spec: { limits: i === count - 1 ? [{ type: 'Pod', max: { cpu: '1' } }] : [] },
    }),
    decide: async (fixture) => {
      const resources = { requests: { cpu: '2' }, limits: { cpu: '2' } }
      const large = pod('large', { containers: [{ name: 'a', image: 'npm:a@1', resources }] })
      return (await ask(fixture, 'POST', `${inDefault}/pods`, admin, large)).status
    },
    status: 403,
  },
  {
    what: 'priority classes, for a pod',
    path: '/apis/scheduling.k8s.io/v1/priorityclasses',
    one: (i) => ({
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: `c${i}`, ...bulk },
      value: i,
    }),
    decide: async (fixture) => {
      const unequal = pod('unequal', { priorityClassName: `c${count - 1}`, priority: 7 })
      return (await ask(fixture, 'POST', `${inDefault}/pods`, admin, unequal)).status
    },
    status: 403,
  },
]

for (const { decide, one, path, status, what } of scans)
  test(`many ${what}: others are answered in between`, async (context) => {
    await using first = await openFixture()
    await first.request('POST', `${roles}/roles`, role)
    await first.request('POST', `${inDefault}/configmaps`, configMap('one'))
    for (let i = 0; i < count; i++) {
      const made = await first.request('POST', path, one(i))
      assert.equal(made.status, 201, made.text)
    }
    // Whose stages have not looked at any object.
    await using fixture = await openFixture({ store: first.store })
    await fixture.request('GET', `${path}?limit=1`)
    await fixture.request('GET', `${inDefault}/configmaps/one`)
    const deciding = decide(fixture)
    let isDecided = false
    void deciding.then(() => (isDecided = true))
    let others = 0
    while (!isDecided) {
      await nextTurn()
      if ((await fixture.request('GET', `${inDefault}/configmaps/one`)).status === 200) others++
    }
    assert.equal(await deciding, status)
    context.diagnostic(`${others} requests answered meanwhile`)
    assert.ok(others >= 8)
    assert.equal(await decide(fixture), status)
  })
