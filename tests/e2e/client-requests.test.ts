/**
 * Requests that programs are known to send which can't be run here, one row each, against a whole Sampan. kubectl, Helm,
 * Prometheus and the libraries for Node.js and Python run for real in files of their own; of them there are only requests here
 * that those don't send.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openApi, type Api } from '../support/api.ts'
import { openCluster, type Cluster } from '../support/cluster.ts'
import { kubectlPath, kubectlVersions } from '../support/kubectl.ts'
import { deployment, pod, yaml } from '../support/manifests.ts'
import { clientGo } from '../support/requests/client-go.ts'
import { gitOps } from '../support/requests/git-ops.ts'
import { headlamp } from '../support/requests/headlamp.ts'
import { k9s } from '../support/requests/k9s.ts'
import { libraries } from '../support/requests/libraries.ts'
import { requestsOf } from '../support/requests/row.ts'
import { terraform } from '../support/requests/terraform.ts'

const widgetDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { size: { type: 'integer' } } },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
}

let cluster: Cluster
let api: Api

before(async () => {
  cluster = await openCluster()
  api = await openApi(cluster.kubeconfig)
  const ticker = pod('ticker', 'logger', { env: { LINGER: '1' } })
  cluster.ok('apply -f -', { input: yaml(deployment({ name: 'web' }), ticker, widgetDefinition) })
  cluster.ok('rollout status deployment/web --timeout=60s')
  cluster.ok('wait --for=condition=Ready pod/ticker --timeout=60s')
  cluster.ok('wait --for=condition=Established crd/widgets.example.com --timeout=60s')
})
after(async () => {
  api[Symbol.dispose]()
  await cluster[Symbol.asyncDispose]()
})

for (const [client, rows] of [
  ['k9s', k9s],
  ['Headlamp', headlamp],
  ['Terraform', terraform],
  ['client-go', clientGo],
  ['Argo CD and Flux', gitOps],
  ['libraries', libraries],
] as const)
  requestsOf(client, () => api, rows)

test('client-go: page by page', async () => {
  const first = await api.ask({ path: '/api/v1/namespaces?limit=2' })
  const { metadata } = JSON.parse(first.body)
  const page = `/api/v1/namespaces?limit=2&continue=${encodeURIComponent(metadata.continue)}`
  const next = await api.ask({ path: page })
  assert.equal(next.status, 200, next.body)
  const read = JSON.parse(next.body)
  assert.ok(read.items.length > 0)
  assert.equal(read.metadata.resourceVersion, metadata.resourceVersion)
  const versioned = await api.ask({ path: `${page}&resourceVersion=5` })
  assert.equal(versioned.status, 400, versioned.body)
})

for (const version of kubectlVersions)
  test(`kubectl ${version} explains by OpenAPI v2, kinds of the cluster and custom ones`, () => {
    const explain = (field: string) =>
      spawnSync(kubectlPath(version), ['explain', field, '--output=plaintext-openapiv2'], {
        env: { HOME: join(cluster.dataDir, version), KUBECONFIG: cluster.kubeconfig },
        encoding: 'utf8',
      }).stdout
    assert.match(
      explain('deployment.spec.strategy'),
      /RESOURCE: strategy <Object>[^]+rollingUpdate\t<Object>/,
    )
    assert.match(
      explain('pod.spec.containers.ports'),
      /RESOURCE: ports <\[\]Object>[^]+containerPort\t<integer> -required-/,
    )
    assert.match(explain('widget.spec'), /size\t<integer>/)
  })
