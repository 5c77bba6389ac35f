/** ConfigMap, Secret, Namespace, ServiceAccount, Lease, Event. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigMap, Event, Lease, Namespace, Secret } from '../schema/types.gen.ts'
import { configMaps } from './configmaps.ts'
import { events } from './events.ts'
import { leases } from './leases.ts'
import { namespaces } from './namespaces.ts'
import { secrets } from './secrets.ts'
import { createCases, updateCases, updated } from './rows.ts'

const metadata = { name: 'a', namespace: 'default' }
const badKey =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
const mebibyte = 'x'.repeat(1024 * 1024)
const sealed = 'field is immutable when `immutable` is set'

const configMap: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { key: 'value' } }

for (const { name, found, expected } of createCases({ def: configMaps, base: configMap }, [
  { name: 'no data', set: { data: undefined } },
  {
    name: 'a key with a slash',
    set: { data: { 'a/b': '' } },
    errors: [`data[a/b]: Invalid value: "a/b": ${badKey}`],
  },
  {
    name: 'a key that climbs',
    at: [[['data', '..'], '']],
    errors: ['data[..]: Invalid value: "..": must not be \'..\''],
  },
  {
    name: 'a key in both maps',
    set: { binaryData: { key: 'AA==' } },
    errors: ['data[key]: Invalid value: "key": duplicate of key present in binaryData'],
  },
  { name: 'exactly a mebibyte', set: { data: { a: mebibyte } } },
  {
    name: 'more than a mebibyte, counted in bytes',
    set: { data: { a: `${mebibyte.slice(1)}é` } },
    errors: ['[]: Too long: may not be more than 1048576 bytes'],
  },
  {
    name: 'more than a mebibyte, text and bytes together',
    set: { data: { a: mebibyte }, binaryData: { b: 'AA==' } },
    errors: ['[]: Too long: may not be more than 1048576 bytes'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases(
  { def: configMaps, base: { ...configMap, immutable: true } },
  [
    { name: 'labels of a sealed map', set: { 'metadata.labels': { a: 'b' } } },
    { name: 'data of a sealed map', set: { 'data.key': 'other' }, errors: [`data: Forbidden: ${sealed}`] },
    { name: 'new bytes', set: { binaryData: { b: 'AA==' } }, errors: [`binaryData: Forbidden: ${sealed}`] },
    { name: 'breaking the seal', set: { immutable: false }, errors: [`immutable: Forbidden: ${sealed}`] },
  ],
)) {
  test(name, () => assert.deepEqual(found(), expected))
}

const secret: Secret = { apiVersion: 'v1', kind: 'Secret', metadata, data: { key: 'dmFsdWU=' } }
const base64 = (text: string): string => btoa(text)

for (const { name, found, expected } of createCases({ def: secrets, base: secret }, [
  { name: 'a type of somebody’s own', set: { type: 'example.com/anything' } },
  {
    name: 'a bad key',
    set: { stringData: { 'a b': '' } },
    errors: [`data[a b]: Invalid value: "a b": ${badKey}`],
  },
  {
    name: 'more than a mebibyte',
    set: { stringData: { a: mebibyte, b: 'x' } },
    errors: ['data: Too long: may not be more than 1048576 bytes'],
  },
  {
    name: 'a TLS secret without its parts',
    set: { type: 'kubernetes.io/tls' },
    errors: ['data[tls.crt]: Required value', 'data[tls.key]: Required value'],
  },
  {
    name: 'a TLS secret with empty parts',
    set: { type: 'kubernetes.io/tls', data: { 'tls.crt': '', 'tls.key': '' } },
  },
  {
    name: 'registry credentials without them',
    set: { type: 'kubernetes.io/dockerconfigjson' },
    errors: ['data[.dockerconfigjson]: Required value'],
  },
  {
    name: 'registry credentials that are no JSON, not shown',
    set: {
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': base64('{"auth": hunter2') },
    },
    errors: ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be valid JSON'],
  },
  {
    name: 'registry credentials',
    set: { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('{"auths":{}}') } },
  },
  {
    name: 'neither user nor password',
    set: { type: 'kubernetes.io/basic-auth' },
    errors: ['data[username]: Required value', 'data[password]: Required value'],
  },
  { name: 'a password alone', set: { type: 'kubernetes.io/basic-auth', data: { password: 'eA==' } } },
  {
    name: 'an empty key file',
    set: { type: 'kubernetes.io/ssh-auth', data: { 'ssh-privatekey': '' } },
    errors: ['data[ssh-privatekey]: Required value'],
  },
  {
    name: 'a token of nobody',
    set: { type: 'kubernetes.io/service-account-token' },
    errors: ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: secrets, base: { ...secret, immutable: true } }, [
  { name: 'data of a sealed secret', set: { 'data.key': 'eA==' }, errors: [`data: Forbidden: ${sealed}`] },
  {
    name: 'the type stays',
    set: { type: 'example.com/other' },
    errors: ['type: Invalid value: "example.com/other": field is immutable'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const namespace: Namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' }, spec: {} }

for (const { name, found, expected } of createCases({ def: namespaces, base: namespace }, [
  { name: 'a finalizer with a domain', set: { 'spec.finalizers': ['example.com/x'] } },
  {
    name: 'a finalizer of nobody',
    set: { 'spec.finalizers': ['mine'] },
    errors: [
      'spec.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

test('finalizers of a namespace change by /finalize only, its phase by /status only', () => {
  const change = { set: { 'spec.finalizers': [], 'status.phase': 'Terminating' } }
  const main = updated({ def: namespaces, base: namespace }, change).object
  assert.deepEqual(main.spec.finalizers, ['kubernetes'])
  assert.equal(main.status?.phase, 'Active')
  const finalized = updated({ def: namespaces, base: namespace, subresource: 'finalize' }, change).object
  assert.deepEqual(finalized.spec.finalizers, [])
  assert.equal(finalized.status?.phase, 'Active')
  const status = updated({ def: namespaces, base: namespace, subresource: 'status' }, change)
  assert.deepEqual(status.object.spec.finalizers, ['kubernetes'])
  assert.deepEqual(status.errors, [
    'status.Phase: Invalid value: "Terminating": may only be \'Active\' if `deletionTimestamp` is empty',
  ])
})

test('a generated name becomes the label of its namespace', () => {
  const generated: Namespace = { ...structuredClone(namespace), metadata: { name: 'team-x7k2p' } }
  namespaces.prepareForCreate?.(generated, { nowIso: '', uuid: () => '' })
  assert.deepEqual(generated.metadata.labels, { 'kubernetes.io/metadata.name': 'team-x7k2p' })
})

const lease: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: {} }

for (const { name, found, expected } of createCases({ def: leases, base: lease }, [
  { name: 'a held lease', set: { spec: { holderIdentity: 'me', leaseDurationSeconds: 15 } } },
  {
    name: 'a lease of no duration',
    set: { 'spec.leaseDurationSeconds': 0 },
    errors: ['spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0'],
  },
  {
    name: 'fewer than no transitions',
    set: { 'spec.leaseTransitions': -1 },
    errors: ['spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0'],
  },
  {
    name: 'a preference without strategy',
    set: { 'spec.preferredHolder': 'me' },
    errors: ['spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const event: Event = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata,
  involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
}

for (const { name, found, expected } of createCases({ def: events, base: event }, [
  { name: 'a Node’s event lives in default', set: { involvedObject: { kind: 'Node', name: 'n' } } },
  {
    name: 'an event in another namespace than its subject',
    set: { 'involvedObject.namespace': 'other' },
    errors: ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
  },
  {
    name: 'a new event that doesn’t say who reports',
    set: {
      eventTime: '2026-01-02T03:04:05.000000Z',
      reportingComponent: 'sampan.dev/agent',
      action: 'Start',
    },
    errors: ['reportingInstance: Required value', 'reason: Required value'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}
