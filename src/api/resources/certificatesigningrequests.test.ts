import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CertificateSigningRequest } from '../schema/types.gen.ts'
import { certificateSigningRequests as def } from './certificatesigningrequests.ts'
import { createCases, updateCases, updated } from './rows.ts'

const pem = (label: string) => btoa(`-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`)
const base: CertificateSigningRequest = {
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name: 'x' },
  spec: {
    request: pem('CERTIFICATE REQUEST'),
    signerName: 'kubernetes.io/kube-apiserver-client',
    usages: ['client auth'],
    username: 'jane',
  },
}
const approved = { type: 'Approved', status: 'True', reason: 'r' }
const denied = { type: 'Denied', status: 'True' }
const decided = { ...base, status: { conditions: [approved], certificate: 'AAAA' } }

const cases = [
  ...createCases({ def, base }, [
    { name: 'no usages', set: { 'spec.usages': [] }, errors: ['spec.usages: Required value'] },
    {
      name: 'a certificate in place of a request',
      set: { 'spec.request': pem('CERTIFICATE') },
      errors: [
        `spec.request: Invalid value: "${pem('CERTIFICATE')}": PEM block type must be CERTIFICATE REQUEST`,
      ],
    },
    { name: 'no signer', set: { 'spec.signerName': '' }, errors: ['spec.signerName: Required value'] },
    {
      name: 'a signer without a domain',
      set: { 'spec.signerName': 'signer' },
      errors: [
        'spec.signerName: Invalid value: "signer": must be a fully qualified domain and path of the form "example.com/signer-name"',
      ],
    },
    {
      name: 'a certificate for a minute',
      set: { 'spec.expirationSeconds': 60 },
      errors: [
        'spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 600 seconds (10 minutes)',
      ],
    },
  ]),
  ...updateCases({ def, base: decided, subresource: 'approval' }, [
    {
      name: 'yes and no at once',
      set: { 'status.conditions': [approved, denied] },
      errors: [
        'status.conditions: Invalid value: "Approved,Denied": Approved and Denied conditions are mutually exclusive',
      ],
    },
    {
      name: 'taking a yes back',
      set: { 'status.conditions': [] },
      errors: ['status.conditions: Forbidden: updates may not remove a condition of type "Approved"'],
    },
    {
      name: 'a no that is none',
      set: { 'status.conditions': [approved, { type: 'Failed', status: 'False' }] },
    },
  ]),
]
for (const { name, found, expected } of cases) test(name, () => assert.deepEqual(found(), expected))

const types = ({ status }: CertificateSigningRequest) => (status?.conditions ?? []).map(({ type }) => type)

test('each subresource writes its own conditions, and neither the spec', () => {
  const wish = {
    'spec.signerName': 'example.com/other',
    'status.certificate': 'BBBB',
    'status.conditions': [approved, { type: 'Failed', status: 'True' }],
  }
  const write = (subresource?: string) =>
    updated({ def, base, ...(subresource !== undefined && { subresource }) }, { set: wish }).object
  for (const subresource of [undefined, 'approval', 'status'])
    assert.equal(write(subresource).spec.signerName, base.spec.signerName)
  assert.deepEqual(types(write()), [])
  assert.deepEqual(
    [types(write('approval')), write('approval').status?.certificate],
    [['Approved'], undefined],
  )
  assert.deepEqual([types(write('status')), write('status').status?.certificate], [['Failed'], 'BBBB'])
})

test('the column says how far a request has come', () => {
  const column = def.columns.find(({ name }) => name === 'Condition')
  const state = (status: CertificateSigningRequest['status']) =>
    column?.value({ ...base, ...(status && { status }) }, 0)
  assert.equal(state(undefined), 'Pending')
  assert.equal(state({ conditions: [approved] }), 'Approved')
  assert.equal(state(decided.status), 'Approved,Issued')
  assert.equal(state({ conditions: [denied] }), 'Denied')
  assert.equal(state({ conditions: [approved, { type: 'Failed', status: 'True' }] }), 'Approved,Failed')
})
