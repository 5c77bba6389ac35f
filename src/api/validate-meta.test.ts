import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldErrorText } from './field-errors.ts'
import type { ObjectMeta } from './meta.ts'
import { checkDns1123Label } from './names.ts'
import { validateMeta, validateMetaUpdate } from './validate-meta.ts'

const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const labelValue =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

const base: ObjectMeta = { name: 'web', namespace: 'default' }
const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: 'u' }

interface Row {
  readonly name: string
  readonly meta: Partial<Record<keyof ObjectMeta, unknown>>
  readonly errors: readonly string[]
}

const creates: readonly Row[] = [
  { name: 'a plain object', meta: {}, errors: [] },
  {
    name: 'a name with dots',
    meta: { name: 'a.b' },
    errors: ['metadata.name: Invalid value: "a.b": must not contain dots'],
  },
  {
    name: 'no name',
    meta: { name: undefined },
    errors: ['metadata.name: Required value: name or generateName is required'],
  },
  { name: 'a prefix that ends in a dash', meta: { generateName: 'web-' }, errors: [] },
  {
    name: 'a bad prefix',
    meta: { generateName: 'Web-' },
    errors: [`metadata.generateName: Invalid value: "Web-": ${label}`],
  },
  { name: 'no namespace', meta: { namespace: '' }, errors: ['metadata.namespace: Required value'] },
  {
    name: 'a bad label value',
    meta: { labels: { app: '-' } },
    errors: [`metadata.labels: Invalid value: "-": ${labelValue}`],
  },
  {
    name: 'a label key without name',
    meta: { labels: { 'a.b/': 'x' } },
    errors: [
      'metadata.labels: Invalid value: "a.b/": name part must be non-empty',
      "metadata.labels: Invalid value: \"a.b/\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  { name: 'an annotation in capitals', meta: { annotations: { 'A.b/C': 'any text at all\n' } }, errors: [] },
  {
    name: 'exactly 256 KiB of annotations',
    meta: { annotations: { a: 'x'.repeat(256 * 1024 - 1) } },
    errors: [],
  },
  {
    name: 'more than 256 KiB of annotations, counted in bytes',
    meta: { annotations: { a: `${'x'.repeat(256 * 1024 - 2)}é` } },
    errors: ['metadata.annotations: Too long: may not be more than 262144 bytes'],
  },
  { name: 'an owner', meta: { ownerReferences: [owner] }, errors: [] },
  {
    name: 'an owner without identity',
    meta: { ownerReferences: [{ ...owner, uid: '' }] },
    errors: ['metadata.ownerReferences[0].uid: Required value: must not be empty'],
  },
  {
    name: 'an owner that is an event',
    meta: { ownerReferences: [{ ...owner, apiVersion: 'v1', kind: 'Event' }] },
    errors: [
      'metadata.ownerReferences[0]: Invalid value: {"apiVersion":"v1","kind":"Event","name":"rs","uid":"u"}: /v1, Kind=Event is disallowed from being an owner',
    ],
  },
  {
    name: 'two controllers',
    meta: {
      ownerReferences: [
        { ...owner, controller: true },
        { ...owner, name: 'b', controller: true },
      ],
    },
    errors: [
      'metadata.ownerReferences: Invalid value: [{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"rs","uid":"u","controller":true},{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"b","uid":"u","controller":true}]: Only one reference can have Controller set to true. Found "true" in references for ReplicaSet/rs and ReplicaSet/b',
    ],
  },
  { name: 'a finalizer with a domain', meta: { finalizers: ['a.b/c', 'foregroundDeletion'] }, errors: [] },
  {
    name: 'a finalizer of nobody',
    meta: { finalizers: ['mine'] },
    errors: [
      'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ],
  },
  {
    name: 'two ways to delete',
    meta: { finalizers: ['orphan', 'foregroundDeletion'] },
    errors: [
      'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
    ],
  },
]

for (const { name, meta, errors } of creates) {
  test(`metadata of a create: ${name}`, () => {
    const rules = { namespaced: true, validateName: checkDns1123Label }
    const found = validateMeta({ ...base, ...meta } as ObjectMeta, rules)
    assert.deepEqual(found.map(fieldErrorText), errors)
  })
}

test('what is in no namespace may not name one', () => {
  const found = validateMeta(base, { namespaced: false })
  assert.deepEqual(found.map(fieldErrorText), ['metadata.namespace: Forbidden: not allowed on this type'])
})

const old: ObjectMeta = {
  ...base,
  uid: 'u',
  resourceVersion: '7',
  generation: 3,
  creationTimestamp: '2026-01-02T03:04:05Z',
  finalizers: ['a.b/c'],
}

const updates: readonly Row[] = [
  { name: 'the same again', meta: {}, errors: [] },
  {
    name: 'another name and uid',
    meta: { name: 'b', uid: 'v' },
    errors: [
      'metadata.name: Invalid value: "b": field is immutable',
      'metadata.uid: Invalid value: "v": field is immutable',
    ],
  },
  {
    name: 'another time of creation',
    meta: { creationTimestamp: '2027-01-02T03:04:05Z' },
    errors: ['metadata.creationTimestamp: Invalid value: "2027-01-02T03:04:05Z": field is immutable'],
  },
  {
    name: 'no revision',
    meta: { resourceVersion: '' },
    errors: ['metadata.resourceVersion: Invalid value: "": must be specified for an update'],
  },
  {
    name: 'an earlier generation',
    meta: { generation: 2 },
    errors: ['metadata.generation: Invalid value: 2: must not be decremented'],
  },
  { name: 'a new finalizer', meta: { finalizers: ['a.b/c', 'a.b/d'] }, errors: [] },
]

for (const { name, meta, errors } of updates) {
  test(`metadata of an update: ${name}`, () => {
    assert.deepEqual(validateMetaUpdate({ ...old, ...meta } as ObjectMeta, old).map(fieldErrorText), errors)
  })
}

test('what is being deleted gets no new finalizers, and may lose those it has', () => {
  const dying = { ...old, deletionTimestamp: '2026-01-02T04:00:00Z' }
  assert.deepEqual(validateMetaUpdate({ ...dying, finalizers: [] }, dying), [])
  const found = validateMetaUpdate({ ...dying, finalizers: ['a.b/c', 'a.b/z', 'a.b/d'] }, dying)
  assert.deepEqual(found.map(fieldErrorText), [
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.b/d", "a.b/z"}',
  ])
})
