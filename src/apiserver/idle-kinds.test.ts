import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openFixture, type Fixture } from './fixture.ts'

let fixture: Fixture
before(async () => void (fixture = await openFixture()))
after(() => fixture[Symbol.asyncDispose]())

const template = {
  metadata: { labels: { app: 'a' } },
  spec: { containers: [{ name: 'main', image: 'npm:a@1' }] },
}
const ending = { ...template, spec: { ...template.spec, restartPolicy: 'OnFailure' } }
const selector = { matchLabels: { app: 'a' } }
const ports = [{ port: 80 }]

const rows: readonly { readonly path: string; readonly body: object; readonly says: RegExp | undefined }[] = [
  {
    path: '/apis/batch/v1/namespaces/default/jobs',
    body: { kind: 'Job', apiVersion: 'batch/v1', metadata: { name: 'a' }, spec: { template: ending } },
    says: /^299 - "Sampan keeps a Job and does not act on it yet: no pod comes of it; .*OnFailure.*"$/,
  },
  {
    path: '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies',
    body: {
      kind: 'NetworkPolicy',
      apiVersion: 'networking.k8s.io/v1',
      metadata: { name: 'a' },
      spec: { podSelector: {} },
    },
    says: /a NetworkPolicy and does not act on it yet: it holds no connection off/,
  },
  {
    path: '/apis/policy/v1/namespaces/default/poddisruptionbudgets',
    body: {
      kind: 'PodDisruptionBudget',
      apiVersion: 'policy/v1',
      metadata: { name: 'a' },
      spec: { minAvailable: 1, selector },
    },
    says: /evictions and kubectl drain do not ask it/,
  },
  {
    path: '/api/v1/namespaces/default/services',
    body: {
      kind: 'Service',
      apiVersion: 'v1',
      metadata: { name: 'balanced' },
      spec: { type: 'LoadBalancer', ports },
    },
    says: /spec\.type: Sampan does not act on LoadBalancer yet: no address is assigned to it; from outside .* Ingress/,
  },
  {
    path: '/api/v1/namespaces/default/services',
    body: { kind: 'Service', apiVersion: 'v1', metadata: { name: 'plain' }, spec: { ports } },
    says: undefined,
  },
  {
    path: '/apis/apps/v1/namespaces/default/replicasets',
    body: {
      kind: 'ReplicaSet',
      apiVersion: 'apps/v1',
      metadata: { name: 'a' },
      spec: { selector, template },
    },
    says: undefined,
  },
]

for (const { body, path, says } of rows)
  test(`who creates ${path.split('/').at(-1)} is told ${says ? 'that nothing acts on it' : 'nothing'}: ${JSON.stringify(body).slice(0, 90)}`, async () => {
    const { headers, status, text } = await fixture.request('POST', path, body)
    assert.equal(status, 201, text)
    if (says) assert.match(String(headers['warning']), says)
    else assert.equal(headers['warning'], undefined)
  })

test('an object that is there already is written without being told again', async () => {
  const path = '/apis/batch/v1/namespaces/default/jobs/a'
  const patch = { 'content-type': 'application/merge-patch+json' }
  const answer = await fixture.request('PATCH', path, { metadata: { labels: { tier: 'x' } } }, patch)
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers['warning'], undefined)
})
