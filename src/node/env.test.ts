import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigMap, Container, EnvVar, Pod, Secret, Service } from '../api/schema/types.gen.ts'
import { ContainerConfigError, envReferences, expand, makeEnv, type EnvInput } from './env.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const configMap = (data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {},
  data,
})
const secret = (data: Record<string, string>): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {},
  data,
})
const web: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'my-web' },
  spec: { clusterIP: '10.0.0.9', ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
}

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'p',
    namespace: 'ns',
    uid: 'u-1',
    labels: { app: 'web', 'a/b': 'x"y' },
    annotations: { note: 'n' },
  },
  spec: { containers: [], nodeName: 'n1', serviceAccountName: 'robot' },
}

const inputFor = (container: Partial<Container>, change: Partial<EnvInput> = {}): EnvInput => ({
  pod,
  container: { name: 'c', ...container },
  podIP: '10.64.0.5',
  hostIP: '192.0.2.1',
  allocatable: { cpu: '4', memory: '8Gi' },
  services: [],
  configMaps: new Map([
    ['cm', configMap({ A: 'a', 'b.c': 'dotted', 'bad=key': 'x' })],
    ['gone', undefined],
  ]),
  secrets: new Map([
    ['s', secret({ PASS: base64('pä$$(A)') })],
    ['gone', undefined],
  ]),
  ...change,
})

const field = (fieldPath: string): EnvVar => ({ name: 'V', valueFrom: { fieldRef: { fieldPath } } })
const resource = (name: string, divisor?: string): EnvVar => ({
  name: 'V',
  valueFrom: { resourceFieldRef: { resource: name, ...(divisor && { divisor }) } },
})
const limits = { resources: { limits: { cpu: '1500m', memory: '64Mi' }, requests: { cpu: '250m' } } }

const values: { name: string; container: Partial<Container>; want: Record<string, string> }[] = [
  { name: 'a literal', container: { env: [{ name: 'V', value: 'x' }] }, want: { V: 'x' } },
  { name: 'no value is empty', container: { env: [{ name: 'V' }] }, want: { V: '' } },
  {
    name: 'earlier variables expand, later ones do not',
    container: {
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '$(A)-$(C)' },
        { name: 'C', value: '2' },
      ],
    },
    want: { A: '1', B: '1-$(C)', C: '2' },
  },
  {
    name: 'a ConfigMap key',
    container: { env: [{ name: 'V', valueFrom: { configMapKeyRef: { name: 'cm', key: 'A' } } }] },
    want: { V: 'a' },
  },
  {
    name: 'a Secret key is taken as it is, without expansion',
    container: {
      env: [
        { name: 'A', value: '1' },
        { name: 'V', valueFrom: { secretKeyRef: { name: 's', key: 'PASS' } } },
      ],
    },
    want: { A: '1', V: 'pä$$(A)' },
  },
  {
    name: 'optional references may be missing',
    container: {
      envFrom: [{ configMapRef: { name: 'gone', optional: true } }],
      env: [
        { name: 'V', valueFrom: { secretKeyRef: { name: 'gone', key: 'x', optional: true } } },
        { name: 'W', valueFrom: { configMapKeyRef: { name: 'cm', key: 'none', optional: true } } },
      ],
    },
    want: {},
  },
  {
    name: 'envFrom with a prefix, overridden by env',
    container: {
      envFrom: [{ prefix: 'P_', secretRef: { name: 's' } }],
      env: [{ name: 'P_PASS', value: 'mine' }],
    },
    want: { P_PASS: 'mine' },
  },
  {
    name: 'envFrom feeds expansion',
    container: { envFrom: [{ configMapRef: { name: 'cm' } }], env: [{ name: 'V', value: '<$(A)>' }] },
    want: { A: 'a', 'b.c': 'dotted', V: '<a>' },
  },
  { name: 'name', container: { env: [field('metadata.name')] }, want: { V: 'p' } },
  { name: 'namespace', container: { env: [field('metadata.namespace')] }, want: { V: 'ns' } },
  { name: 'uid', container: { env: [field('metadata.uid')] }, want: { V: 'u-1' } },
  { name: 'one label', container: { env: [field("metadata.labels['app']")] }, want: { V: 'web' } },
  {
    name: 'a label that is not there',
    container: { env: [field("metadata.labels['none']")] },
    want: { V: '' },
  },
  {
    name: 'all labels',
    container: { env: [field('metadata.labels')] },
    want: { V: 'a/b="x\\"y"\napp="web"' },
  },
  { name: 'one annotation', container: { env: [field("metadata.annotations['note']")] }, want: { V: 'n' } },
  { name: 'node name', container: { env: [field('spec.nodeName')] }, want: { V: 'n1' } },
  { name: 'service account', container: { env: [field('spec.serviceAccountName')] }, want: { V: 'robot' } },
  { name: 'pod IP', container: { env: [field('status.podIP')] }, want: { V: '10.64.0.5' } },
  { name: 'host IP', container: { env: [field('status.hostIP')] }, want: { V: '192.0.2.1' } },
  { name: 'cpu limit rounds up', container: { ...limits, env: [resource('limits.cpu')] }, want: { V: '2' } },
  {
    name: 'cpu limit in millis',
    container: { ...limits, env: [resource('limits.cpu', '1m')] },
    want: { V: '1500' },
  },
  {
    name: 'memory limit',
    container: { ...limits, env: [resource('limits.memory')] },
    want: { V: '67108864' },
  },
  {
    name: 'memory limit in Mi',
    container: { ...limits, env: [resource('limits.memory', '1Mi')] },
    want: { V: '64' },
  },
  {
    name: 'a request falls back to its limit',
    container: { ...limits, env: [resource('requests.memory', '1Mi')] },
    want: { V: '64' },
  },
  { name: 'no limit is all the node gives', container: { env: [resource('limits.cpu')] }, want: { V: '4' } },
  { name: 'divisor 0 is 1', container: { ...limits, env: [resource('limits.cpu', '0')] }, want: { V: '2' } },
]
for (const { name, container, want } of values) {
  test(`env: ${name}`, () => assert.deepEqual({ ...makeEnv(inputFor(container)).env }, want))
}

const refusals: { name: string; container: Partial<Container>; message: string }[] = [
  {
    name: 'missing ConfigMap',
    container: { envFrom: [{ configMapRef: { name: 'gone' } }] },
    message: 'configmap "gone" not found',
  },
  {
    name: 'missing Secret',
    container: { env: [{ name: 'V', valueFrom: { secretKeyRef: { name: 'gone', key: 'x' } } }] },
    message: 'secret "gone" not found',
  },
  {
    name: 'missing ConfigMap key',
    container: { env: [{ name: 'V', valueFrom: { configMapKeyRef: { name: 'cm', key: 'x' } } }] },
    message: "couldn't find key x in ConfigMap ns/cm",
  },
  {
    name: 'missing Secret key',
    container: { env: [{ name: 'V', valueFrom: { secretKeyRef: { name: 's', key: 'toString' } } }] },
    message: "couldn't find key toString in Secret ns/s",
  },
]
for (const { name, container, message } of refusals) {
  test(`env refuses: ${name}`, () => {
    assert.throws(() => makeEnv(inputFor(container)), new ContainerConfigError(message))
  })
}

test('the epoch is what the server says, whatever the pod does', () => {
  const annotations = { 'sampan.dev/epoch': '42' }
  const once = { ...pod, metadata: { ...pod.metadata, annotations } }
  const env = [
    { name: 'E', value: 'e$(SAMPAN_EPOCH)' },
    { name: 'SAMPAN_EPOCH', value: '43' },
  ]
  assert.deepEqual({ ...makeEnv(inputFor({ env }, { pod: once })).env }, { SAMPAN_EPOCH: '42', E: 'e42' })
})

test('names that can not be variables are skipped and named', () => {
  const { env, warnings } = makeEnv(inputFor({ envFrom: [{ configMapRef: { name: 'cm' } }] }))
  assert.deepEqual(Object.keys(env).sort(), ['A', 'b.c'])
  assert.deepEqual(warnings, [
    'Keys [bad=key] from the EnvFrom configMap ns/cm were skipped since they are considered invalid environment variable names.',
  ])
})

test('services are linked unless the pod says no', () => {
  const { env } = makeEnv(
    inputFor({ env: [{ name: 'U', value: '$(MY_WEB_SERVICE_HOST)' }] }, { services: [web] }),
  )
  assert.deepEqual(env, {
    MY_WEB_SERVICE_HOST: '10.0.0.9',
    MY_WEB_SERVICE_PORT: '80',
    MY_WEB_SERVICE_PORT_HTTP: '80',
    MY_WEB_PORT: 'tcp://10.0.0.9:80',
    MY_WEB_PORT_80_TCP: 'tcp://10.0.0.9:80',
    MY_WEB_PORT_80_TCP_PROTO: 'tcp',
    MY_WEB_PORT_80_TCP_PORT: '80',
    MY_WEB_PORT_80_TCP_ADDR: '10.0.0.9',
    U: '10.0.0.9',
  })
  const without = { ...pod, spec: { ...pod.spec, enableServiceLinks: false } }
  assert.deepEqual(makeEnv(inputFor({}, { pod: without, services: [web] })).env, {})
})

const expansions = [
  ['$(A)', '1'],
  ['$(A)$(A)', '11'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$1'],
  ['$(NONE)', '$(NONE)'],
  ['$A', '$A'],
  ['$(A', '$(A'],
  ['$', '$'],
] as const
for (const [text, want] of expansions) {
  test(`expand ${text}`, () =>
    assert.equal(
      expand(text, (name) => ({ A: '1' })[name]),
      want,
    ))
}

test('references name each object once', () => {
  const { container } = inputFor({
    envFrom: [{ configMapRef: { name: 'cm' } }, { secretRef: { name: 's' } }],
    env: [{ name: 'V', valueFrom: { configMapKeyRef: { name: 'cm', key: 'A' } } }],
  })
  assert.deepEqual(envReferences(container), { configMaps: ['cm'], secrets: ['s'] })
})
