import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fc } from '../../base/fast-check.ts'
import { deepFreeze } from '../freeze.ts'
import { decode } from './decode.ts'
import { typeNamed, type Schema } from './schema.ts'

const collect = { unknown: 'collect' } as const
const deployment = typeNamed('apps.v1.Deployment')
const pod = typeNamed('core.v1.Pod')

const goodPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', labels: { app: 'a' }, creationTimestamp: '2026-01-02T15:04:05Z' },
  spec: {
    containers: [
      { name: 'c', image: 'npm:x@1', resources: { limits: { cpu: '1' } }, ports: [{ containerPort: 80 }] },
    ],
    volumes: [{ name: 'v', emptyDir: {} }],
  },
}

test('what is well-formed comes back as it is, not as a copy', () => {
  deepFreeze(goodPod)
  const decoded = decode(goodPod, pod, collect)
  assert.equal(decoded.object, goodPod)
  assert.deepEqual(decoded.errors, [])
  assert.deepEqual(decoded.unknown, [])
})

test('unknown fields go and are named as upstream names them; the input stays as it was', () => {
  const input = deepFreeze({
    metadata: { name: 'a', foo: 1 },
    spec: { template: { spec: { containers: [{ name: 'c', foo: 1 }, { Name: 'd' }] } } },
    bar: { baz: 1 },
  })
  const decoded = decode(input, deployment, collect)
  assert.deepEqual(decoded.unknown, [
    'unknown field "metadata.foo"',
    'unknown field "spec.template.spec.containers[0].foo"',
    'unknown field "spec.template.spec.containers[1].Name"',
    'unknown field "bar"',
  ])
  assert.deepEqual(decoded.object, {
    metadata: { name: 'a' },
    spec: { template: { spec: { containers: [{ name: 'c' }, {}] } } },
  })
  assert.deepEqual(decode(input, deployment, { unknown: 'drop' }).unknown, [])
})

test('parts that need no change are shared with the input', () => {
  const input = { ...goodPod, nonsense: true }
  const { object } = decode(input, pod, collect)
  assert.deepEqual(object, goodPod)
  assert.equal(Object(object).spec, goodPod.spec)
})

test('nulls go; inside lists and maps they are the zero value', () => {
  const input = {
    metadata: { name: 'a', labels: { x: null }, annotations: null },
    spec: { containers: [null] },
  }
  assert.deepEqual(decode(input, pod, collect).object, {
    metadata: { name: 'a', labels: { x: '' } },
    spec: { containers: [{}] },
  })
})

test('a key named __proto__ stays a key', () => {
  const input = JSON.parse('{"data":{"__proto__":"x","n":null}}') as unknown
  const { object } = decode(input, typeNamed('core.v1.ConfigMap'), collect)
  assert.equal(JSON.stringify(object), '{"data":{"__proto__":"x","n":""}}')
})

describe('wrong types are told in the words of encoding/json', () => {
  const go = (field: string, type: string, kind = 'string') =>
    `json: cannot unmarshal ${kind} into Go struct field ${field} of type ${type}`
  const rows: readonly [input: unknown, schema: Schema, message: string][] = [
    [{ spec: { replicas: '3' } }, deployment, go('DeploymentSpec.spec.replicas', 'int32')],
    [{ spec: { replicas: 1.5 } }, deployment, go('DeploymentSpec.spec.replicas', 'int32', 'number 1.5')],
    [
      { spec: { replicas: 2 ** 31 } },
      deployment,
      go('DeploymentSpec.spec.replicas', 'int32', 'number 2147483648'),
    ],
    [{ spec: [] }, deployment, go('Deployment.spec', 'v1.DeploymentSpec', 'array')],
    [{ metadata: { labels: { a: 1 } } }, pod, go('ObjectMeta.metadata.labels', 'string', 'number')],
    [{ spec: { containers: {} } }, pod, go('PodSpec.spec.containers', '[]v1.Container', 'object')],
    [
      { spec: { containers: [{ imagePullPolicy: true }] } },
      pod,
      go('Container.spec.containers.imagePullPolicy', 'v1.PullPolicy', 'bool'),
    ],
    [
      { spec: { containers: [{ resources: { limits: 'x' } }] } },
      pod,
      go('ResourceRequirements.spec.containers.resources.limits', 'v1.ResourceList'),
    ],
    [{ spec: { nodeSelector: [] } }, pod, go('PodSpec.spec.nodeSelector', 'map[string]string', 'array')],
    [{ spec: { hostNetwork: 'yes' } }, pod, go('PodSpec.spec.hostNetwork', 'bool')],
    ['x', pod, 'json: cannot unmarshal string into Go value of type v1.Pod'],
    [{ data: { a: 1 } }, typeNamed('core.v1.Secret'), go('Secret.data', '[]uint8', 'number')],
    [{ data: { a: 'x' } }, typeNamed('core.v1.Secret'), 'illegal base64 data at input byte 0'],
    [
      { metadata: { creationTimestamp: 'now' } },
      pod,
      'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"',
    ],
    [
      { metadata: { creationTimestamp: 5 } },
      pod,
      'json: cannot unmarshal number into Go value of type string',
    ],
    [
      { spec: { ports: [{ targetPort: true }] } },
      typeNamed('core.v1.Service'),
      'json: cannot unmarshal bool into Go value of type int32',
    ],
    [
      { spec: { containers: [{ resources: { limits: { cpu: true } } }] } },
      pod,
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  ]
  for (const [input, schema, message] of rows)
    test(JSON.stringify(input), () => assert.deepEqual(decode(input, schema, collect).errors, [message]))
})

test('values are brought to the form in which they are stored', () => {
  const input = {
    metadata: { creationTimestamp: '2026-01-02T16:04:05.9+01:00' },
    spec: { containers: [{ name: 'c', resources: { limits: { cpu: 0.5, memory: 1e9 } } }] },
  }
  assert.deepEqual(decode(input, pod, collect).object, {
    metadata: { creationTimestamp: '2026-01-02T15:04:05Z' },
    spec: { containers: [{ name: 'c', resources: { limits: { cpu: '0.5', memory: '1000000000' } } }] },
  })
  const secret = decode({ data: { a: 'YW\nI=' } }, typeNamed('core.v1.Secret'), collect)
  assert.deepEqual(secret.object, { data: { a: 'YWI=' } })
})

test('int-or-string keeps what it was given', () => {
  const input = {
    spec: {
      ports: [
        { port: 1, targetPort: 'http' },
        { port: 2, targetPort: 8080 },
      ],
    },
  }
  assert.equal(decode(input, typeNamed('core.v1.Service'), collect).object, input)
})

test('fill adds what a Go struct always has, and only that', () => {
  const fill = { unknown: 'collect', fill: true } as const
  assert.deepEqual(decode({ kind: 'Pod' }, pod, fill).object, {
    kind: 'Pod',
    metadata: {},
    spec: { containers: [] },
  })
  assert.deepEqual(decode({ spec: {} }, deployment, fill).object, {
    metadata: {},
    spec: { template: { spec: { containers: [] } } },
  })
  assert.equal(decode(goodPod, pod, fill).object, goodPod)
})

test('a schema made at run time works alike: unknown fields kept or dropped, null where it may be', () => {
  const text: Schema = { kind: 'string' }
  const fields = new Map(
    Object.entries({ a: text, n: { ...text, nullable: true } }).map(([name, schema]) => [
      name,
      { name, schema, required: false, number: 0, pointer: true, promised: false, patchStrategy: [] },
    ]),
  )
  const base = {
    kind: 'object',
    name: '',
    fields,
    members: [],
    promised: [],
    isKind: false,
    atomic: false,
  } as const
  const input = { a: null, n: null, x: 1 }
  assert.deepEqual(decode(input, { ...base, preserveUnknown: true }, collect).object, { n: null, x: 1 })
  assert.deepEqual(decode(input, { ...base, preserveUnknown: false }, collect).object, { n: null })
})

test('mistakes are bounded', () => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x${i}`, 1]))
  assert.equal(decode(many, pod, collect).unknown.length, 100)
  assert.equal(decode({ spec: { containers: Array(1000).fill(1) } }, pod, collect).errors.length, 100)
})

test('any JSON is decoded or refused; decoding twice changes nothing more', () => {
  const keys = fc.constantFrom(
    'metadata',
    'spec',
    'containers',
    'name',
    'labels',
    'env',
    'ports',
    'x',
    'data',
  )
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(null, 1, -1.5, 'a', '', true),
      tie('list'),
      tie('object'),
    ),
    list: fc.array(tie('json'), { maxLength: 3 }),
    object: fc.dictionary(keys, tie('json'), { maxKeys: 4 }),
  }))
  fc.assert(
    fc.property(json, (input) => {
      const before = JSON.stringify(input)
      const once = decode(input, pod, collect)
      assert.equal(JSON.stringify(input), before)
      if (once.errors.length > 0) return
      const twice = decode(once.object, pod, collect)
      assert.equal(twice.object, once.object)
      assert.deepEqual(twice.unknown, [])
    }),
    { numRuns: 5000 },
  )
})

test('omitEmpty drops optional lists and maps that are empty, and keeps required ones', () => {
  const omit = { unknown: 'collect', omitEmpty: true } as const
  const metadata = { name: 'a', labels: {}, annotations: { a: '' }, finalizers: [] }
  const spec = { containers: [], volumes: [], securityContext: {} }
  assert.deepEqual(decode({ metadata, spec }, pod, omit).object, {
    metadata: { name: 'a', annotations: { a: '' } },
    spec: { containers: [], securityContext: {} },
  })
  assert.equal(decode(goodPod, pod, omit).object, goodPod)
})
