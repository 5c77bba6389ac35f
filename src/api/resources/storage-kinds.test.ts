import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../schema/types.gen.ts'
import { persistentVolumeClaims } from './persistentvolumeclaims.ts'
import { persistentVolumes } from './persistentvolumes.ts'
import { createCases, updateCases, updated } from './rows.ts'
import { storageClasses } from './storageclasses.ts'

const claim: PersistentVolumeClaim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'default' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } } },
}
const storage = 'spec.resources.requests'
const modes = '"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"'

for (const { name, found, expected } of createCases({ def: persistentVolumeClaims, base: claim }, [
  {
    name: 'nothing asked for',
    set: { spec: {} },
    errors: [
      'spec.accessModes: Required value: at least 1 access mode is required',
      'spec.resources[storage]: Required value',
    ],
  },
  {
    name: 'modes that don’t go together',
    set: { 'spec.accessModes': ['ReadWriteOncePod', 'ReadWriteMany', 'Write'] },
    errors: [
      `spec.accessModes: Unsupported value: "Write": supported values: ${modes}`,
      'spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes',
    ],
  },
  {
    name: 'room for nothing',
    set: { [storage]: { storage: '0' }, 'spec.volumeMode': 'Tape', 'spec.storageClassName': 'A' },
    errors: [
      'spec.resources[storage]: Invalid value: "0": must be greater than zero',
      `spec.storageClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
      'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
    ],
  },
  {
    name: 'a source of no kind',
    set: { 'spec.dataSource': { kind: 'Tape', name: '' } },
    errors: ['spec.dataSource', 'spec.dataSourceRef'].flatMap((path) => [
      `${path}.name: Required value`,
      `${path}: Invalid value: "Tape": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
    ]),
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const sealed =
  'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'
const bound = { ...claim, status: { phase: 'Bound', capacity: { storage: '1Gi' } } }

for (const { name, found, expected } of updateCases({ def: persistentVolumeClaims, base: claim }, [
  { name: 'the volume, once', set: { 'spec.volumeName': 'v', 'spec.storageClassName': 'fast' } },
  { name: 'more room before there is any', set: { [storage]: { storage: '3Gi' } }, errors: [sealed] },
  { name: 'other modes', set: { 'spec.accessModes': ['ReadWriteMany'] }, errors: [sealed] },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: persistentVolumeClaims, base: bound }, [
  { name: 'a bound claim grows', set: { [storage]: { storage: '3Gi' } } },
  { name: 'it shrinks to what it got and a bit', set: { [storage]: { storage: '1500Mi' } } },
  {
    name: 'it shrinks below what it has',
    set: { [storage]: { storage: '1Gi' } },
    errors: ['spec.resources.requests.storage: Forbidden: field can not be less than status.capacity'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const volume: PersistentVolume = {
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'disk' },
  spec: { capacity: { storage: '5Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/srv/disk' } },
}

for (const { name, found, expected } of createCases({ def: persistentVolumes, base: volume }, [
  {
    name: 'nothing offered',
    set: { spec: {} },
    errors: [
      'spec.accessModes: Required value',
      'spec.capacity: Required value',
      'spec.capacity: Unsupported value: {}: supported values: "storage"',
      'spec: Required value: must specify a volume type',
    ],
  },
  {
    name: 'two places',
    set: { 'spec.nfs': { server: 'a', path: '/b' } },
    errors: ['spec.nfs: Forbidden: may not specify more than 1 volume type'],
  },
  {
    name: 'a place on the way up',
    set: { 'spec.hostPath': { path: '/a/../b', type: 'Hole' } },
    errors: [
      `spec.hostPath.path: Invalid value: "/a/../b": must not contain '..'`,
      'spec.hostPath.type: Unsupported value: "Hole": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
    ],
  },
  {
    name: 'a disk of no node',
    set: { 'spec.hostPath': undefined, 'spec.local': { path: '/mnt/a' } },
    errors: ['spec.nodeAffinity: Required value: Local volume requires node affinity'],
  },
  {
    name: 'the whole machine, to be emptied',
    set: { 'spec.hostPath': { path: '/' }, 'spec.persistentVolumeReclaimPolicy': 'Recycle' },
    errors: [
      "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: persistentVolumes, base: volume }, [
  {
    name: 'who has it and how much it is',
    set: { 'spec.claimRef': { name: 'c' }, 'spec.capacity': { storage: '6Gi' } },
  },
  {
    name: 'another place',
    set: { 'spec.hostPath.path': '/srv/other' },
    errors: [
      'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

test('a volume remembers when its phase changed', () => {
  const base = { ...volume, status: { phase: 'Available', lastPhaseTransitionTime: '2025-01-01T00:00:00Z' } }
  const timeOf = (phase: string) =>
    updated({ def: persistentVolumes, base, subresource: 'status' }, { set: { 'status.phase': phase } })
      .object.status?.lastPhaseTransitionTime
  assert.equal(timeOf('Bound'), '2026-01-02T03:04:05Z')
  assert.equal(timeOf('Available'), '2025-01-01T00:00:00Z')
})

const storageClass: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'fast' },
  provisioner: 'example.com/disks',
}

for (const { name, found, expected } of createCases({ def: storageClasses, base: storageClass }, [
  {
    name: 'nobody provides it',
    set: { provisioner: '', reclaimPolicy: 'Recycle', volumeBindingMode: 'Later', parameters: { '': 'x' } },
    errors: [
      'provisioner: Required value',
      'parameters: Invalid value: "": field can not be empty.',
      'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
      'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: storageClasses, base: storageClass }, [
  { name: 'whether volumes may grow', set: { allowVolumeExpansion: true } },
  {
    name: 'anything that volumes were made by',
    set: {
      provisioner: 'example.com/other',
      parameters: { a: 'b' },
      reclaimPolicy: 'Retain',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    errors: [
      'parameters: Forbidden: updates to parameters are forbidden.',
      'provisioner: Forbidden: updates to provisioner are forbidden.',
      'reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.',
      'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}
