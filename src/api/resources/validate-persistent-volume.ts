/** kubernetes pkg/apis/core/validation/validation.go 038b410 */
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkDns1123Subdomain } from '../names.ts'
import { keyed } from '../paths.ts'
import type {
  CSIPersistentVolumeSource,
  HostPathVolumeSource,
  LocalVolumeSource,
  NFSVolumeSource,
  PersistentVolumeSpec,
  VolumeNodeAffinity,
} from '../schema/types.gen.ts'
import { invalid, validateImmutable } from '../validate-meta.ts'
import { validateAccessModes, volumeModes } from './access-modes.ts'
import { validateNodeSelector } from './pod/validate-scheduling.ts'
import { hostPathTypes } from './pod/validate-volumes.ts'
import { semanticEqual } from './semantic-equal.ts'
import type { Sent } from './sent.ts'
import { validateBasicQuantity, validatePositiveQuantity } from './validate-claim.ts'
import { validateNoBacksteps, validateOptionalChoice } from './validate-values.ts'

type Errors = readonly FieldError[]

const reclaimPolicies: readonly string[] = ['Delete', 'Recycle', 'Retain']

export const validatePersistentVolume = (
  spec: PersistentVolumeSpec,
  old: PersistentVolumeSpec | undefined,
): Errors => {
  const { nodeAffinity, persistentVolumeReclaimPolicy: policy, storageClassName: className = '' } = spec
  return [
    ...validateAccessModes(spec.accessModes ?? [], 'spec.accessModes', ''),
    ...validateCapacity(spec.capacity ?? {}),
    ...validateOptionalChoice(policy, 'spec.persistentVolumeReclaimPolicy', reclaimPolicies),
    ...(nodeAffinity ? validateAffinity(nodeAffinity) : []),
    ...validateSource(spec),
    ...validateRecycling(spec),
    ...(className === ''
      ? []
      : invalid('spec.storageClassName', className, checkDns1123Subdomain(className))),
    ...validateOptionalChoice(spec.volumeMode, 'spec.volumeMode', volumeModes),
    ...validateAttributesClass(spec),
    ...(old === undefined ? [] : validateUpdate(spec, old)),
  ]
}

const validateCapacity = (capacity: Readonly<Record<string, string>>): Errors => {
  const field = 'spec.capacity'
  const names = Object.keys(capacity)
  const errors: FieldError[] = names.length === 0 ? [fieldError.required(field)] : []
  if (names.length !== 1 || names[0] !== 'storage') {
    errors.push(fieldError.notSupported(field, capacity, ['storage']))
  }
  for (const [name, text] of Object.entries(capacity)) {
    const path = keyed(field, name)
    const problems = validateBasicQuantity(text, path)
    errors.push(...problems, ...(problems.length > 0 ? [] : validatePositiveQuantity(text, path)))
  }
  return errors
}

const validateAffinity = ({ required }: VolumeNodeAffinity): Errors => {
  const field = 'spec.nodeAffinity.required'
  return required === undefined
    ? [fieldError.required(field, 'must specify required node constraints')]
    : validateNodeSelector(required, field)
}

/** In upstream's order: the first is looked at, each further one is an error. */
const sourceOrder = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'flocker',
  'nfs',
  'rbd',
  'quobyte',
  'cephfs',
  'iscsi',
  'cinder',
  'fc',
  'flexVolume',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'scaleIO',
  'local',
  'storageos',
  'csi',
] as const satisfies readonly (keyof PersistentVolumeSpec)[]

const sourcesOf = (spec: PersistentVolumeSpec): object =>
  Object.fromEntries(sourceOrder.map((name) => [name, spec[name]]))

const validateSource = (spec: PersistentVolumeSpec): Errors => {
  const [first, ...others] = sourceOrder.filter((name) => spec[name] !== undefined)
  if (first === undefined) return [fieldError.required('spec', 'must specify a volume type')]
  const why = 'may not specify more than 1 volume type'
  return [
    ...validateKnownSource(spec, first),
    ...others.map((name) => fieldError.forbidden(`spec.${name}`, why)),
  ]
}

/** The sources that somebody of ours may provide; the others are only kept. */
const validateKnownSource = (spec: PersistentVolumeSpec, name: (typeof sourceOrder)[number]): Errors => {
  const { csi, hostPath, local, nfs } = spec
  if (name === 'hostPath' && hostPath) return validateHostPath(hostPath)
  if (name === 'nfs' && nfs) return validateNfs(nfs)
  if (name === 'csi' && csi) return validateCsi(csi)
  return name === 'local' && local ? validateLocal(local, spec) : []
}

const required = (value: string | undefined, field: string): Errors =>
  (value ?? '') === '' ? [fieldError.required(field)] : []

const validateHostPath = ({ path = '', type }: Sent<HostPathVolumeSource>): Errors => [
  ...required(path, 'spec.hostPath.path'),
  ...(path === '' ? [] : validateNoBacksteps(path, 'spec.hostPath.path')),
  ...validateOptionalChoice(type, 'spec.hostPath.type', hostPathTypes),
]

const validateNfs = ({ path = '', server }: Sent<NFSVolumeSource>): Errors => [
  ...required(server, 'spec.nfs.server'),
  ...required(path, 'spec.nfs.path'),
  ...(path.startsWith('/') ? [] : [fieldError.invalid('spec.nfs.path', path, 'must be an absolute path')]),
]

const validateCsi = ({ driver = '', volumeHandle }: Sent<CSIPersistentVolumeSource>): Errors => [
  ...required(driver, 'spec.csi.driver'),
  ...(driver === '' ? [] : invalid('spec.csi.driver', driver, checkDns1123Subdomain(driver.toLowerCase()))),
  ...required(volumeHandle, 'spec.csi.volumeHandle'),
]

const validateLocal = ({ path = '' }: Sent<LocalVolumeSource>, spec: PersistentVolumeSpec): Errors => [
  ...required(path, 'spec.local.path'),
  ...(path === '' ? [] : validateNoBacksteps(path, 'spec.local.path')),
  ...(spec.nodeAffinity?.required === undefined
    ? [fieldError.required('spec.nodeAffinity', 'Local volume requires node affinity')]
    : []),
]

/** Nobody wants the whole machine emptied for the next one. */
const validateRecycling = ({
  hostPath,
  persistentVolumeReclaimPolicy: policy,
}: PersistentVolumeSpec): Errors => {
  const isRoot = hostPath !== undefined && /^\/[/.]*$/.test(hostPath.path ?? '')
  if (!isRoot || policy !== 'Recycle') return []
  const why = "may not be 'recycle' for a hostPath mount of '/'"
  return [fieldError.forbidden('spec.persistentVolumeReclaimPolicy', why)]
}

const validateAttributesClass = ({ csi, volumeAttributesClassName: name }: PersistentVolumeSpec): Errors => {
  if (name === undefined) return []
  const field = 'spec.volumeAttributesClassName'
  const errors: FieldError[] =
    name === ''
      ? [fieldError.required(field, 'an empty string is disallowed')]
      : [...invalid(field, name, checkDns1123Subdomain(name))]
  if (csi !== undefined) return errors
  return [
    ...errors,
    fieldError.required('spec.csi', 'has to be specified when using volumeAttributesClassName'),
  ]
}

const validateUpdate = (spec: PersistentVolumeSpec, old: PersistentVolumeSpec): Errors => {
  const errors: FieldError[] = []
  if (!semanticEqual(sourcesOf(spec), sourcesOf(old))) {
    const why = 'spec.persistentvolumesource is immutable after creation'
    errors.push(fieldError.forbidden('spec.persistentvolumesource', why))
  }
  errors.push(...validateImmutable('volumeMode', spec.volumeMode, old.volumeMode))
  if (old.nodeAffinity !== undefined && !semanticEqual(spec.nodeAffinity, old.nodeAffinity)) {
    const why = 'field is immutable, except for updating from beta label to GA'
    errors.push(fieldError.invalid('nodeAffinity', spec.nodeAffinity ?? null, why))
  }
  if (old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    const why = 'update from non-nil value to nil is forbidden'
    errors.push(fieldError.forbidden('spec.volumeAttributesClassName', why))
  }
  return errors
}
