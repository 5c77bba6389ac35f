/** What admission fills in and refuses, through the front door. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCluster, type Cluster } from './access-fixture.ts'
import { admin, configMap, pod, refusal } from './fixture.ts'

const inDefault = '/api/v1/namespaces/default'
const pods = `${inDefault}/pods`
const container = (resources: object, name = 'main') => ({ name, image: 'npm:http-server@14', resources })
const sized = (name: string, cpu: string) => pod(name, { containers: [container({ requests: { cpu } })] })

async function withAccount(more: object = {}): Promise<Cluster> {
  const cluster = await openCluster()
  await cluster.asAdmin('POST', `${inDefault}/serviceaccounts`, { metadata: { name: 'default' }, ...more })
  return cluster
}
const post = (cluster: Cluster, path: string, body: object) =>
  cluster.ask('POST', path, { user: admin, body })

test('a pod runs as its namespace’s account and finds a token where clients look for it', async () => {
  await using cluster = await withAccount({ imagePullSecrets: [{ name: 'pull' }] })
  const own = { name: 'own', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }
  const containers = [container({}), { ...container({}, 'second'), volumeMounts: [own] }]
  const { spec } = (
    await cluster.asAdmin('POST', pods, pod('p', { containers, volumes: [{ name: 'own', emptyDir: {} }] }))
  ).body
  assert.equal(spec.serviceAccountName, 'default')
  assert.deepEqual(spec.imagePullSecrets, [{ name: 'pull' }])
  const { name, projected } = spec.volumes[1]
  assert.match(name, /^kube-api-access-[a-z0-9]{5}$/)
  assert.equal(projected.defaultMode, 420)
  assert.deepEqual(
    projected.sources.map((source: object) => Object.keys(source)[0]),
    ['serviceAccountToken', 'configMap', 'downwardAPI'],
  )
  assert.deepEqual(spec.containers[0].volumeMounts, [{ name, readOnly: true, mountPath: own.mountPath }])
  assert.deepEqual(spec.containers[1].volumeMounts, [own])
})

test('pod or account may decline the token; an account that is not there is an error', async () => {
  await using cluster = await withAccount({ automountServiceAccountToken: false })
  const plain = await cluster.asAdmin('POST', pods, pod('a'))
  assert.equal(plain.body.spec.volumes, undefined)
  const asked = await cluster.asAdmin('POST', pods, pod('b', { automountServiceAccountToken: true }))
  assert.equal(asked.body.spec.volumes.length, 1)
  assert.equal(
    refusal(await post(cluster, pods, pod('c', { serviceAccountName: 'gone' }))),
    '403 Forbidden: pods "c" is forbidden: error looking up service account default/gone: serviceaccount "gone" not found',
  )
})

test('an amount under a name that every JavaScript object knows is refused like any other that makes no sense', async () => {
  await using cluster = await withAccount()
  const limits = [{ type: 'Pod', max: { cpu: '3' } }]
  await cluster.asAdmin('POST', `${inDefault}/limitranges`, { metadata: { name: 'l' }, spec: { limits } })
  for (const name of ['constructor', '__proto__', 'toString']) {
    const resources = {
      requests: { cpu: '1' },
      limits: Object.fromEntries([
        ['cpu', '1'],
        [name, '1'],
      ]),
    }
    const answer = await post(cluster, pods, pod('p', { containers: [container(resources)] }))
    assert.match(refusal(answer), /^422 Invalid: /, name)
  }
})

test('who puts the pod that they have created may leave out the priority that admission gave it', async () => {
  await using cluster = await withAccount()
  const { body } = await cluster.asAdmin('POST', pods, pod('p'))
  const { priority, preemptionPolicy, ...spec } = body.spec
  assert.deepEqual([priority, preemptionPolicy], [0, 'PreemptLowerPriority'])
  const put = await cluster.ask('PUT', `${pods}/p`, { user: admin, body: { ...body, spec } })
  assert.deepEqual([put.status, put.body.spec.priority], [200, 0])
})

test('a pod has the priority of its class, of the default class, or none', async () => {
  await using cluster = await withAccount()
  const classes = '/apis/scheduling.k8s.io/v1/priorityclasses'
  const priorityOf = async (name: string, spec: object = {}) => {
    const { body } = await cluster.asAdmin('POST', pods, pod(name, spec))
    return [body.spec.priorityClassName, body.spec.priority, body.spec.preemptionPolicy]
  }
  assert.deepEqual(await priorityOf('a'), [undefined, 0, 'PreemptLowerPriority'])
  await cluster.asAdmin('POST', classes, { metadata: { name: 'high' }, value: 7, preemptionPolicy: 'Never' })
  assert.deepEqual(await priorityOf('b', { priorityClassName: 'high' }), ['high', 7, 'Never'])
  assert.deepEqual(await priorityOf('c', { priorityClassName: 'system-node-critical' }), [
    'system-node-critical',
    2_000_001_000,
    'PreemptLowerPriority',
  ])
  assert.equal(
    refusal(await post(cluster, pods, pod('d', { priorityClassName: 'gone' }))),
    '403 Forbidden: pods "d" is forbidden: no PriorityClass with name gone was found',
  )
  assert.match(
    refusal(await post(cluster, pods, pod('e', { priority: 3 }))),
    /the integer value of priority \(3\) must not be provided in pod spec; priority admission controller computed 0/,
  )
})

test('a LimitRange fills in what containers don’t say, and refuses what lies outside', async () => {
  await using cluster = await withAccount()
  const limits = [
    {
      type: 'Container',
      min: { cpu: '100m' },
      max: { cpu: '1' },
      defaultRequest: { cpu: '200m' },
      default: { cpu: '500m' },
    },
    { type: 'Pod', max: { cpu: '1500m' } },
  ]
  await cluster.asAdmin('POST', `${inDefault}/limitranges`, { metadata: { name: 'l' }, spec: { limits } })
  const { metadata, spec } = (await cluster.asAdmin('POST', pods, pod('a'))).body
  assert.deepEqual(spec.containers[0].resources, { requests: { cpu: '200m' }, limits: { cpu: '500m' } })
  assert.equal(
    metadata.annotations['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu request for container main; cpu limit for container main',
  )
  const with_ = (name: string, ...cpus: string[]) =>
    pod(name, {
      containers: cpus.map((cpu, at) => container({ requests: { cpu: '100m' }, limits: { cpu } }, `c${at}`)),
    })
  assert.equal(
    refusal(await post(cluster, pods, with_('b', '2'))),
    '403 Forbidden: pods "b" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, maximum cpu usage per Pod is 1500m, but limit is 2]',
  )
  assert.equal(
    refusal(await post(cluster, pods, with_('c', '1', '1'))),
    '403 Forbidden: pods "c" is forbidden: maximum cpu usage per Pod is 1500m, but limit is 2',
  )
  assert.equal((await post(cluster, pods, with_('d', '1', '500m'))).status, 201)
})

const quotas = `${inDefault}/resourcequotas`
const quota = (hard: object, more: object = {}) => ({ metadata: { name: 'q' }, spec: { hard, ...more } })

test('a quota refuses what it has no room for, and says how much there is', async () => {
  await using cluster = await withAccount()
  await cluster.asAdmin('POST', quotas, quota({ pods: '2', 'requests.cpu': '1' }))
  await cluster.asAdmin('POST', pods, sized('a', '600m'))
  assert.equal(
    refusal(await post(cluster, pods, sized('b', '600m'))),
    '403 Forbidden: pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1',
  )
  assert.equal(
    refusal(await post(cluster, pods, pod('c'))),
    '403 Forbidden: pods "c" is forbidden: failed quota: q: must specify requests.cpu for: main',
  )
  await cluster.asAdmin('POST', pods, sized('d', '400m'))
  const { status } = (await cluster.asAdmin('GET', `${quotas}/q`)).body
  assert.deepEqual(status, {
    hard: { pods: '2', 'requests.cpu': '1' },
    used: { pods: '2', 'requests.cpu': '1' },
  })
})

test('many writers at once never take more than there is', async () => {
  await using cluster = await withAccount()
  await cluster.asAdmin('POST', quotas, quota({ 'count/configmaps': '5' }))
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => post(cluster, `${inDefault}/configmaps`, configMap(`m${i}`))),
  )
  assert.equal(answers.filter(({ status }) => status === 201).length, 5)
  assert.equal(answers.filter(({ status }) => status === 403).length, 15)
})

test('a write that fails, or is dry, takes nothing', async () => {
  await using cluster = await withAccount()
  await cluster.asAdmin('POST', quotas, quota({ configmaps: '2' }))
  const maps = `${inDefault}/configmaps`
  await cluster.asAdmin('POST', maps, configMap('a'))
  assert.equal((await post(cluster, maps, configMap('a'))).status, 409)
  assert.equal((await post(cluster, maps, configMap('Bad_Name'))).status, 422)
  assert.equal((await post(cluster, `${maps}?dryRun=All`, configMap('b'))).status, 201)
  const { status } = (await cluster.asAdmin('GET', `${quotas}/q`)).body
  assert.deepEqual(status.used, { configmaps: '1' })
  assert.equal((await post(cluster, maps, configMap('b'))).status, 201)
})

test('a quota with scopes counts the pods in them alone', async () => {
  await using cluster = await withAccount()
  await cluster.asAdmin('POST', quotas, quota({ pods: '0' }, { scopes: ['BestEffort'] }))
  assert.equal((await post(cluster, pods, pod('a'))).status, 403)
  assert.equal((await post(cluster, pods, sized('b', '1'))).status, 201)
})

test('a malformed pod is refused by validation, not by a crash of admission', async () => {
  await using cluster = await withAccount()
  await cluster.asAdmin('POST', quotas, quota({ 'requests.cpu': '1', pods: '5' }))
  const limits = [{ type: 'Container', max: { cpu: '1' } }]
  await cluster.asAdmin('POST', `${inDefault}/limitranges`, { metadata: { name: 'l' }, spec: { limits } })
  for (const spec of [{}, { containers: [] }, { containers: [container({ requests: { cpu: 'many' } })] }])
    assert.ok([400, 403, 422].includes((await post(cluster, pods, { metadata: { name: 'x' }, spec })).status))
})

const node = { name: 'system:node:n1', groups: ['system:nodes'] }

test('a node sees the pods bound to it, what they refer to, and itself', async () => {
  await using cluster = await withAccount()
  const bind = (name: string, to: string) =>
    cluster.asAdmin('POST', `${pods}/${name}/binding`, { target: { kind: 'Node', name: to } })
  const uses = (secret: string) => ({ volumes: [{ name: 'v', secret: { secretName: secret } }] })
  for (const name of ['mine', 'theirs']) {
    await cluster.asAdmin('POST', `${inDefault}/secrets`, { metadata: { name } })
    await cluster.asAdmin('POST', pods, pod(name, uses(name)))
  }
  for (const name of ['n1', 'n2']) await cluster.asAdmin('POST', '/api/v1/nodes', { metadata: { name } })
  await bind('mine', 'n1')
  await bind('theirs', 'n2')
  await cluster.asAdmin('GET', `${pods}/theirs`)
  const may = async (method: string, path: string, body?: object) =>
    (await cluster.ask(method, path, { user: node, body })).status !== 403
  assert.ok(await may('GET', `${pods}/mine`))
  assert.ok(!(await may('GET', `${pods}/theirs`)))
  assert.ok(await may('GET', `${pods}/gone`))
  assert.ok(await may('GET', `${inDefault}/secrets/mine`))
  assert.ok(!(await may('GET', `${inDefault}/secrets/theirs`)))
  assert.ok(!(await may('GET', `${inDefault}/secrets`)))
  assert.ok(await may('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1'))
  assert.ok(!(await may('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn2')))
  assert.ok(!(await may('GET', '/api/v1/pods')))
  assert.ok(await may('GET', '/api/v1/nodes/n1'))
  assert.ok(!(await may('GET', '/api/v1/nodes/n2')))
  assert.ok(await may('GET', '/api/v1/nodes?fieldSelector=metadata.name%3Dn1'))
  assert.ok(!(await may('GET', '/api/v1/nodes')))
  assert.ok(await may('PATCH', `${pods}/mine/status`, {}))
  assert.ok(!(await may('PATCH', `${pods}/theirs/status`, {})))
  assert.ok(!(await may('DELETE', `${pods}/theirs`)))
  assert.ok(!(await may('POST', '/api/v1/nodes', { metadata: { name: 'n3' } })))
  const token = (podName: string) => ({
    spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: podName } },
  })
  const ask = `${inDefault}/serviceaccounts/default/token`
  assert.ok(await may('POST', ask, token('mine')))
  assert.ok(!(await may('POST', ask, token('theirs'))))
  assert.ok(!(await may('POST', ask, {})))
})
