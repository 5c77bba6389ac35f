/** The official Node.js client, unmodified, against a whole Sampan. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import { PassThrough } from 'node:stream'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import {
  ApiException,
  AppsV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  PatchStrategy,
  PortForward,
  VersionApi,
  Watch,
  makeInformer,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Status,
} from '@kubernetes/client-node'
import { realClock } from '../../src/base/clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { openStore } from '../../src/store/open.ts'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { deployment, pod, yaml } from '../support/manifests.ts'

let cluster: Cluster
let config: KubeConfig
let core: CoreV1Api

before(async () => {
  cluster = await openCluster()
  config = new KubeConfig()
  config.loadFromFile(cluster.kubeconfig)
  core = config.makeApiClient(CoreV1Api)
  const web = deployment({ name: 'web', container: { env: [{ name: 'GREETING', value: 'ahoy' }] } })
  const ticker = pod('ticker', 'logger', { env: { LINGER: '1' } })
  cluster.ok('apply -f -', { input: yaml(web, ticker) })
  cluster.ok('rollout status deployment/web --timeout=60s')
  cluster.ok('wait --for=condition=Ready pod/ticker --timeout=60s')
})
after(() => cluster[Symbol.asyncDispose]())

const namespace = 'default'
/** `seen`: only in place of this state. */
const configMap = (name: string, data: Record<string, string>, seen?: V1ConfigMap): V1ConfigMap => ({
  metadata: { name, ...(seen && { resourceVersion: seen.metadata?.resourceVersion ?? '' }) },
  data,
})

/** The Status that a refused call carries. */
async function refusalOf(
  call: Promise<unknown>,
): Promise<{ readonly code: number; readonly reason: string }> {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof ApiException, String(error))
    const status = JSON.parse(String(error.body)) as { readonly reason: string }
    return { code: error.code, reason: status.reason }
  }
  assert.fail('the call was not refused')
}

test('create, read, replace, list, delete; refusals carry a Status', async () => {
  const created = await core.createNamespacedConfigMap({ namespace, body: configMap('crud', { a: '1' }) })
  assert.ok(created.metadata?.creationTimestamp instanceof Date)
  const read = await core.readNamespacedConfigMap({ namespace, name: 'crud' })
  assert.deepEqual(read, created)
  const replaced = await core.replaceNamespacedConfigMap({
    namespace,
    name: 'crud',
    body: configMap('crud', { a: '2' }, read),
  })
  assert.deepEqual(replaced.data, { a: '2' })
  const stale = core.replaceNamespacedConfigMap({
    namespace,
    name: 'crud',
    body: configMap('crud', { a: '3' }, read),
  })
  assert.deepEqual(await refusalOf(stale), { code: 409, reason: 'Conflict' })
  const again = core.createNamespacedConfigMap({ namespace, body: configMap('crud', {}) })
  assert.deepEqual(await refusalOf(again), { code: 409, reason: 'AlreadyExists' })
  const bad = core.createNamespacedConfigMap({ namespace, body: configMap('Not a name', {}) })
  assert.deepEqual(await refusalOf(bad), { code: 422, reason: 'Invalid' })
  const { items } = await core.listNamespacedConfigMap({ namespace, fieldSelector: 'metadata.name=crud' })
  assert.deepEqual(
    items.map(({ data }) => data),
    [{ a: '2' }],
  )
  const deleted = await core.deleteNamespacedConfigMap({ namespace, name: 'crud' })
  assert.equal(deleted.status, 'Success')
  const gone = core.readNamespacedConfigMap({ namespace, name: 'crud' })
  assert.deepEqual(await refusalOf(gone), { code: 404, reason: 'NotFound' })
})

test('a list comes in pages of one revision', async () => {
  const names = ['p1', 'p2', 'p3', 'p4', 'p5']
  for (const name of names)
    await core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name, labels: { set: 'pages' } } },
    })
  const found: string[] = []
  const revisions = new Set<string | undefined>()
  for (let more: string | undefined = ''; more !== undefined;) {
    const page = await core.listNamespacedConfigMap({
      namespace,
      labelSelector: 'set=pages',
      limit: 2,
      ...(more && { _continue: more }),
    })
    found.push(...page.items.map(({ metadata }) => metadata?.name ?? ''))
    revisions.add(page.metadata?.resourceVersion)
    more = page.metadata?._continue || undefined
  }
  assert.deepEqual(found, names)
  assert.equal(revisions.size, 1)
  await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'set=pages' })
  assert.deepEqual((await core.listNamespacedConfigMap({ namespace, labelSelector: 'set=pages' })).items, [])
})

const patches: readonly (readonly [PatchStrategy, unknown])[] = [
  [PatchStrategy.JsonPatch, [{ op: 'add', path: '/metadata/labels/by', value: 'JsonPatch' }]],
  [PatchStrategy.MergePatch, { metadata: { labels: { by: 'MergePatch' } } }],
  [PatchStrategy.StrategicMergePatch, { metadata: { labels: { by: 'StrategicMergePatch' } } }],
]
for (const [strategy, body] of patches)
  test(`patch: ${strategy}`, async () => {
    const apps = config.makeApiClient(AppsV1Api)
    const options = setHeaderOptions('Content-Type', strategy)
    const patched = await apps.patchNamespacedDeployment({ namespace, name: 'web', body }, options)
    const name = Object.entries(PatchStrategy).find(([, value]) => value === strategy)?.[0]
    assert.deepEqual(patched.metadata?.labels, { app: 'web', by: name })
    assert.equal(patched.spec?.template.spec?.containers[0]?.ports?.[0]?.name, 'http')
  })

test('server-side apply, through the client for any object', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config)
  const apply = (manager: string, value: string, isForced: boolean) =>
    objects.patch<V1ConfigMap>(
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'applied', namespace },
        data: { a: value },
      } as V1ConfigMap,
      undefined,
      undefined,
      manager,
      isForced,
      PatchStrategy.ServerSideApply,
    )
  assert.deepEqual((await apply('one', '1', false)).data, { a: '1' })
  assert.deepEqual(await refusalOf(apply('two', '2', false)), { code: 409, reason: 'Conflict' })
  const forced = await apply('two', '2', true)
  assert.deepEqual(
    forced.metadata?.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`),
    ['two Apply'],
  )
  const read = await objects.read({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'applied', namespace },
  })
  assert.equal(read.metadata?.resourceVersion, forced.metadata?.resourceVersion)
})

test('scale, status and reviews', async () => {
  const apps = config.makeApiClient(AppsV1Api)
  const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 'web' })
  assert.deepEqual([scale.spec?.replicas, scale.status?.selector], [1, 'app=web'])
  const status = await apps.readNamespacedDeploymentStatus({ namespace, name: 'web' })
  assert.equal(status.status?.availableReplicas, 1)
  const review = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
    body: { spec: { resourceAttributes: { verb: 'delete', resource: 'nodes' } } },
  })
  assert.equal(review.status?.allowed, true)
  assert.match((await config.makeApiClient(VersionApi).getCode()).gitVersion, /^v1\.\d+\.\d+/)
})

test('a watch tells every change in order, and ends when it is aborted', async () => {
  const { metadata } = await core.listNamespacedConfigMap({ namespace })
  const seen: string[] = []
  const ended = Promise.withResolvers<unknown>()
  const watching = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    { resourceVersion: metadata?.resourceVersion, fieldSelector: 'metadata.name=watched' },
    (type: string, object: V1ConfigMap) => seen.push(`${type} ${object.data?.['a'] ?? ''}`),
    ended.resolve,
  )
  await core.createNamespacedConfigMap({ namespace, body: configMap('watched', { a: '1' }) })
  await core.replaceNamespacedConfigMap({
    namespace,
    name: 'watched',
    body: configMap('watched', { a: '2' }),
  })
  await core.deleteNamespacedConfigMap({ namespace, name: 'watched' })
  await until('three events', () => seen.length >= 3 || undefined)
  assert.deepEqual(seen, ['ADDED 1', 'MODIFIED 2', 'DELETED 2'])
  watching.abort()
  await ended.promise
})

test('a log is followed, and can begin near its end', async () => {
  const log = new Log(config)
  const followed = new PassThrough()
  let output = ''
  followed.on('data', (chunk) => (output += String(chunk)))
  const following = await log.log(namespace, 'ticker', 'logger', followed, { follow: true })
  await until('the log to go on', () => /tick \d+\n.*tick \d+\n/s.test(output) || undefined)
  following.abort()
  assert.match(output, /^line 1\nline 2\n/)
  const tail = new PassThrough()
  await log.log(namespace, 'ticker', 'logger', tail, { tailLines: 1, timestamps: true })
  assert.match(await text(tail), /^\d{4}-\d\d-\d\dT[\d:.]+Z tick \d+\n$/)
  const missing = log.log(namespace, 'nobody', 'logger', new PassThrough())
  await assert.rejects(missing, (error: unknown) => error instanceof ApiException && error.code === 404)
})

async function webPod(): Promise<string> {
  const { items } = await core.listNamespacedPod({ namespace, labelSelector: 'app=web' })
  return items[0]?.metadata?.name ?? ''
}

test('exec: outputs apart, standard input, the exit code', async () => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const status = Promise.withResolvers<V1Status>()
  const command = ['sh', '-c', 'read line; echo "$GREETING $line"; echo oops >&2; exit 42']
  await new Exec(config).exec(
    namespace,
    await webPod(),
    'web',
    command,
    stdout,
    stderr,
    stdin,
    false,
    status.resolve,
  )
  stdin.write('there\n')
  const { reason, details } = await status.promise
  assert.deepEqual([reason, details?.causes?.[0]?.message], ['NonZeroExitCode', '42'])
  assert.deepEqual([await text(stdout), await text(stderr)], ['ahoy there\n', 'oops\n'])
})

test('port-forward reaches the app', async () => {
  const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()]
  let answer = ''
  output.on('data', (chunk) => (answer += String(chunk)))
  await new PortForward(config).portForward(namespace, await webPod(), [3000], output, errors, input)
  input.write('GET /forwarded HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n')
  await until('the answer', () => answer.includes('ahoy /forwarded') || undefined)
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
})

interface Informed {
  readonly lists: () => number
  readonly events: string[]
  readonly known: () => readonly string[]
}

/** An informer as the client's documentation has it: it starts again after an error. */
async function inform(labels: string, stop: AbortSignal): Promise<Informed> {
  let lists = 0
  const list = () => {
    lists++
    return core.listNamespacedConfigMap({ namespace, labelSelector: labels })
  }
  const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, list, labels)
  const events: string[] = []
  for (const verb of ['add', 'update', 'delete'] as const)
    informer.on(verb, ({ metadata, data }: V1ConfigMap) =>
      events.push(`${verb} ${metadata?.name} ${data?.['a']}`),
    )
  informer.on('error', () => {
    if (!stop.aborted) void sleep(100).then(() => (stop.aborted ? undefined : informer.start()))
  })
  stop.addEventListener('abort', () => void informer.stop())
  await informer.start()
  const known = () =>
    informer
      .list()
      .map(({ metadata, data }) => `${metadata?.name} ${data?.['a']}`)
      .toSorted()
  return { lists: () => lists, events, known }
}

const put = (set: string, name: string, a: string) =>
  cluster.ok('apply -f -', {
    input: yaml({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { set } }, data: { a } }),
  })

test('an informer goes on after the server has started again, without a second list', async () => {
  const stop = new AbortController()
  try {
    put('restart', 'kept', '1')
    const { lists, events } = await inform('set=restart', stop.signal)
    await cluster.stop()
    await cluster.start()
    put('restart', 'kept', '2')
    put('restart', 'new', '1')
    cluster.ok('delete cm kept')
    await until('all events', () => events.length >= 4 || undefined)
    assert.deepEqual(events, ['add kept 1', 'update kept 2', 'add new 1', 'delete kept 2'])
    assert.equal(lists(), 1)
  } finally {
    stop.abort()
  }
})

test('an informer lists again when what it has missed is no longer kept', async () => {
  const stop = new AbortController()
  try {
    for (const name of ['kept', 'lost']) put('expired', name, '1')
    const { lists, events, known } = await inform('set=expired', stop.signal)
    const { metadata } = await core.listNamespacedConfigMap({ namespace })
    await cluster.stop()
    await deleteUnseen('/registry/core/configmaps/default/lost')
    await cluster.start()
    await until('the second list', () => lists() === 2 || undefined)
    put('expired', 'after', '1')
    // Its old state has as many objects: what it knows has to be waited for, not how much.
    await until('the informer to know', () => known().join(', ') === 'after 1, kept 1' || undefined)
    assert.deepEqual(events, ['add kept 1', 'add lost 1', 'delete lost 1', 'add after 1'])
    assert.deepEqual(await firstEvent(metadata?.resourceVersion), ['ERROR', 410, 'Expired'])
  } finally {
    stop.abort()
  }
})

/** While nobody serves it, an object goes, and the store forgets how. */
async function deleteUnseen(key: string): Promise<void> {
  const url = `sqlite:${join(cluster.dataDir, 'store.db')}`
  await using store = await openStore(url, { clock: realClock, logger: silentLogger })
  const { revision } = await store.delete(key)
  await store.compact(revision)
}

/** What a watch from an old revision begins with. */
async function firstEvent(resourceVersion: string | undefined): Promise<readonly unknown[]> {
  const first = Promise.withResolvers<readonly unknown[]>()
  const watching = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    { resourceVersion },
    (type: string, { code, reason }: V1Status) => first.resolve([type, code, reason]),
    first.reject,
  )
  try {
    return await first.promise
  } finally {
    watching.abort()
  }
}
