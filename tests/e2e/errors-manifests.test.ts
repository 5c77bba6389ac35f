/** Bad manifests and packages that can't run: what kubectl says, and what the pod says. Another app goes on all the while. */
import assert from 'node:assert/strict'
import { chmodSync, cpSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { openCluster, until, type Cluster } from '../support/cluster.ts'
import { goldens } from '../support/golden.ts'
import { ask } from '../support/http.ts'
import { isMissing } from '../support/needs.ts'
import { configMap, deployment, image, ingress, pod, service, yaml } from '../support/manifests.ts'

let cluster: Cluster
const golden = goldens('errors', () => cluster)
const witness = () => ask(cluster.gatewayUrl, { host: 'witness.localhost' })

before(async () => {
  cluster = await openCluster()
  const witnessed = [
    deployment({ name: 'witness' }),
    service('witness'),
    ingress('witness', 'witness.localhost'),
  ]
  cluster.ok('apply -f -', { input: yaml(...witnessed) })
  cluster.ok('rollout status deployment/witness --timeout=60s')
  await until('the witness answers', async () => ((await witness()).status === 200 ? true : undefined))
})
after(() => cluster[Symbol.asyncDispose]())
afterEach(async () => assert.equal((await witness()).body, 'hello /\n', 'another app goes on'))

const web = deployment({ name: 'web', replicas: 0 })
const withSpec = (spec: object) => ({ ...web, spec: { ...web.spec, ...spec } })
const withPod = (spec: object) => withSpec({ template: { metadata: { labels: { app: 'web' } }, spec } })
const withContainer = (container: object) =>
  withPod({ containers: [{ name: 'web', image: image('hello'), ...container }] })
const named = (name: string) => configMap(name, {})

/** Case → what is applied. */
const manifests: Readonly<Record<string, string>> = {
  'not-yaml': 'kind: ConfigMap\nmetadata: {name: [unclosed\n',
  tabs: 'kind: ConfigMap\nmetadata:\n\tname: a\n',
  'not-an-object': '- just\n- a list\n',
  'no-kind': 'apiVersion: v1\nmetadata: {name: a}\n',
  'no-api-version': 'kind: ConfigMap\nmetadata: {name: a}\n',
  'unknown-kind': 'apiVersion: v1\nkind: Sloop\nmetadata: {name: a}\n',
  'unknown-version': 'apiVersion: apps/v7\nkind: Deployment\nmetadata: {name: a}\n',
  'no-name': yaml({ ...named('x'), metadata: {} }),
  'bad-name': yaml(named('Not_A_Name')),
  'long-name': yaml(named('a'.repeat(254))),
  'bad-namespace': yaml({ ...named('a'), metadata: { name: 'a', namespace: 'no where' } }),
  'missing-namespace': yaml({ ...named('a'), metadata: { name: 'a', namespace: 'nowhere' } }),
  'bad-label': yaml({ ...named('a'), metadata: { name: 'a', labels: { 'a b': 'c d' } } }),
  'bad-data-key': yaml(configMap('a', { 'a/b': '1' })),
  'number-for-string': yaml({ ...named('a'), data: { port: 80 } }),
  'bad-base64': yaml({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data: { a: '***' } }),
  'no-selector': yaml(withSpec({ selector: undefined })),
  'empty-selector': yaml(withSpec({ selector: {} })),
  'selector-mismatch': yaml(withSpec({ selector: { matchLabels: { app: 'other' } } })),
  'no-template': yaml(withSpec({ template: undefined })),
  'no-containers': yaml(withPod({ containers: [] })),
  'two-alike': yaml(withPod({ containers: [1, 2].map(() => ({ name: 'web', image: 'npm:peer' })) })),
  'no-image': yaml(withContainer({ image: undefined })),
  'bad-image': yaml(withContainer({ image: 'npm:Peer Of All@@1' })),
  'relative-dir': yaml(withContainer({ image: 'dir:apps/hello' })),
  'replicas-text': yaml(withSpec({ replicas: 'three' })),
  'replicas-negative': yaml(withSpec({ replicas: -1 })),
  'surge-and-unavailable-zero': yaml(
    withSpec({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
  ),
  'bad-port': yaml(withContainer({ ports: [{ containerPort: 70_000 }] })),
  'bad-port-name': yaml(withContainer({ ports: [{ name: 'Much_Too_Long_A_Name', containerPort: 80 }] })),
  'bad-env': yaml(
    withContainer({
      env: [
        { name: 'A=B', value: '1' },
        { name: 'C', value: 'x', valueFrom: {} },
      ],
    }),
  ),
  'bad-quantity': yaml(withContainer({ resources: { limits: { memory: 'lots' } } })),
  'request-above-limit': yaml(withContainer({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } })),
  'probe-without-handler': yaml(withContainer({ readinessProbe: { periodSeconds: 1 } })),
  'missing-volume': yaml(withContainer({ volumeMounts: [{ name: 'hold', mountPath: '/hold' }] })),
  'restart-policy': yaml(
    withPod({ restartPolicy: 'Never', containers: [{ name: 'web', image: 'npm:peer' }] }),
  ),
  'service-without-ports': yaml({ ...service('a'), spec: {} }),
  'service-name': yaml(service('1-starts-with-a-digit')),
  'service-ip': yaml({ ...service('a'), spec: { clusterIP: '8.8.8.8', ports: [{ port: 80 }] } }),
  'ingress-host': yaml(ingress('a', 'not a host')),
  'ingress-empty': yaml({ ...ingress('a', 'a.localhost'), spec: {} }),
  'several-mistakes': yaml(
    withSpec({ replicas: -1, template: { spec: { containers: [{ name: 'Bad Name' }] } } }),
  ),
}

for (const [name, input] of Object.entries(manifests)) {
  test(`kubectl apply: ${name}`, () => {
    const { code } = golden(name, 'apply -f -', { input })
    assert.equal(code, 1)
  })
}

test('unknown fields: strict, warn, ignore', () => {
  const input = yaml({ ...configMap('fields', { a: '1' }), sails: 3 }, withContainer({ imagine: 'x' }))
  golden('fields-strict', 'apply -f -', { input })
  golden('fields-strict-left-nothing', 'get cm/fields deploy/web --ignore-not-found')
  golden('fields-warn', 'apply -f - --validate=warn', { input })
  golden('fields-dropped', 'get cm fields -o jsonpath={.sails}')
  golden('fields-strict-update', 'apply -f -', {
    input: yaml({ ...configMap('fields', { a: '2' }), sails: 4 }),
  })
  golden('fields-ignore', 'apply -f - --validate=ignore', { input })
  golden('fields-bad-value', 'apply -f - --validate=perhaps', { input })
})

test('a good document beside a bad one is applied', () => {
  golden('one-of-two', 'apply -f -', { input: yaml(configMap('good', {}), named('Not_A_Name')) })
  cluster.ok('get cm good')
})

test('a file and a folder that are not there', () => {
  golden('no-file', 'apply -f /no/such/file.yaml')
  const { code, stderr } = cluster.kubectl('get pods', { env: { KUBECONFIG: '/no/such/kubeconfig' } })
  assert.equal(code, 1)
  assert.match(stderr, /localhost:8080/, 'kubectl without a kubeconfig asks its own default')
})

/** Package → what its pod says. Versions of a real package change: only their beginning is compared. */
const packages: Readonly<Record<string, { readonly image: string; readonly says: RegExp }>> = {
  unknown: {
    image: 'npm:sampan-has-no-such-package@1.0.0',
    says: /^Failed to pull image "npm:sampan-has-no-such-package@1\.0\.0": there is no package sampan-has-no-such-package in the registry \S+; check its spelling, and if it is private, the registry and token in \.npmrc$/,
  },
  version: {
    image: 'npm:is-number@999.0.0',
    says: /^Failed to pull image "npm:is-number@999\.0\.0": is-number has no version that matches 999\.0\.0; the latest is \d+\.\d+\.\d+; close to it are /,
  },
  tag: {
    image: 'npm:is-number@no-such-tag',
    says: /^Failed to pull image "npm:is-number@no-such-tag": is-number has no version that matches no-such-tag; the latest is /,
  },
  'no-entry': {
    image: 'npm:@tsconfig/node20@20.1.4',
    says: /^Error: @tsconfig\/node20@20\.1\.4 has nothing to run: no bin, and no file for main, exports or index\.js; it may be a library\. Set the container's command$/,
  },
}

test('packages that are not there, or have nothing to run, say so', async () => {
  const pods = Object.entries(packages).map(([name, { image: from }]) =>
    pod(`pkg-${name}`, 'hello', { spec: { containers: [{ name: 'app', image: from }] } }),
  )
  cluster.ok('apply -f -', { input: yaml(...pods) })
  for (const [name, { says }] of Object.entries(packages)) {
    const selector = `involvedObject.name=pkg-${name},reason=Failed,type=Warning`
    const said = await until(
      `${name} has failed`,
      () =>
        cluster.ok(['get', 'events', '--field-selector', selector, '-o', 'jsonpath={.items[0].message}']) ||
        undefined,
    )
    assert.match(said, says)
    const logs = cluster.kubectl(`logs pkg-${name}`)
    assert.equal(logs.code, 1)
    const waiting = new RegExp(
      `^Error from server \\(BadRequest\\): container "app" in pod "pkg-${name}" is waiting to start: (image can't be pulled|trying and failing to pull image|CreateContainerError)\n$`,
    )
    assert.match(logs.stderr, waiting)
  }
  golden('pkg-delete', 'delete pod -l app!=witness --now')
})

test('an app whose folder is closed to its sandbox says so, and starts once it is open', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('without root a pod runs as who runs Sampan')
  if (isMissing(t, 'bwrap', 'the sandbox')) return
  const folder = join(cluster.dataDir, 'closed-app')
  cpSync(image('hello').slice('dir:'.length), folder, { recursive: true })
  chmodSync(folder, 0o700)
  const app = pod('closed', 'hello', { spec: { containers: [{ name: 'app', image: `dir:${folder}` }] } })
  cluster.ok('apply -f -', { input: yaml(app) })
  const waiting = '{.status.containerStatuses[0].state.waiting.reason}'
  cluster.ok(`wait --for=jsonpath=${waiting}=CreateContainerConfigError pod/closed --timeout=60s`)
  const said = await until(
    'its event',
    () => /Warning +Failed .*Error: (the folder .*)/.exec(cluster.ok('describe pod closed'))?.[1],
  )
  assert.match(
    said.replaceAll(folder, 'FOLDER'),
    /^the folder FOLDER of the image is closed to user \d+, as whom the pod runs in its sandbox \(its mode is 0700, its owner user 0\): run chmod -R a\+rX FOLDER on this machine$/,
  )
  chmodSync(folder, 0o755)
  cluster.ok('wait --for=condition=Ready pod/closed --timeout=60s')
  assert.equal(cluster.ok('get pod closed -o jsonpath={.status.containerStatuses[0].restartCount}'), '0')
  cluster.ok('delete pod closed --now')
})
