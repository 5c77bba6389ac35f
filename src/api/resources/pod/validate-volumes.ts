/** Volumes of a pod and where containers see them (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { fieldError, type FieldError } from '../../field-errors.ts'
import { at } from '../../paths.ts'
import { parseQuantity, quantityProblem } from '../../quantity.ts'
import type {
  Container,
  DownwardAPIVolumeFile,
  KeyToPath,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
  Volume,
  VolumeMount,
} from '../../schema/types.gen.ts'
import type { Sent } from '../sent.ts'
import {
  validateDescendingPath,
  validateDnsLabel,
  validateNoBacksteps,
  validateOptionalChoice,
  validateVolumePath,
} from '../validate-values.ts'
import { validateFieldRef, validateResourceRef, volumeFieldPaths } from './validate-env.ts'

type Errors = readonly FieldError[]

export const validateVolumes = (volumes: readonly Volume[] | undefined, path: string): Errors => {
  const names = new Set<string>()
  return (volumes ?? []).flatMap((volume, index) => {
    const field = at(path, index)
    const errors: FieldError[] = [...validateSource(volume, field)]
    const name = volume.name ?? ''
    if (name === '') errors.push(fieldError.required(`${field}.name`))
    else errors.push(...validateDnsLabel(name, `${field}.name`))
    if (names.has(name)) errors.push(fieldError.duplicate(`${field}.name`, name))
    if (errors.length === 0) names.add(name)
    return errors
  })
}

/** Names that a mount can refer to: those of volumes without fault. */
export const usableVolumes = (volumes: readonly Volume[] | undefined): ReadonlySet<string> =>
  new Set(
    (volumes ?? []).filter((volume) => validateVolumes([volume], '').length === 0).map(({ name }) => name),
  )

export const validateVolumeMounts = (
  { volumeMounts, securityContext }: Container,
  path: string,
  volumes: ReadonlySet<string>,
): Errors => {
  const paths = new Set<string>()
  return (volumeMounts ?? []).flatMap((mount, index) => {
    const field = at(path, index)
    const name = mount.name ?? ''
    const mountPath = mount.mountPath ?? ''
    const errors: FieldError[] = []
    if (name === '') errors.push(fieldError.required(`${field}.name`))
    if (!volumes.has(name)) errors.push(fieldError.notFound(`${field}.name`, name))
    if (mountPath === '') errors.push(fieldError.required(`${field}.mountPath`))
    if (paths.has(mountPath)) {
      errors.push(fieldError.invalid(`${field}.mountPath`, mountPath, 'must be unique'))
    }
    paths.add(mountPath)
    // Upstream leaves the index out of the paths below; so do we.
    errors.push(...validateSubPaths(mount, path, field))
    errors.push(...validatePropagation(mount, path, securityContext?.privileged === true))
    return errors
  })
}

const validateSubPaths = (mount: VolumeMount, path: string, field: string): Errors => {
  const { subPath = '', subPathExpr = '' } = mount
  const errors: FieldError[] = []
  if (subPath !== '') errors.push(...validateDescendingPath(subPath, `${path}.subPath`))
  if (subPathExpr === '') return errors
  if (subPath !== '') {
    const why = 'subPathExpr and subPath are mutually exclusive'
    errors.push(fieldError.invalid(`${field}.subPathExpr`, subPathExpr, why))
  }
  return [...errors, ...validateDescendingPath(subPathExpr, `${path}.subPathExpr`)]
}

const propagationModes: readonly string[] = ['Bidirectional', 'HostToContainer', 'None']

const validatePropagation = (mount: VolumeMount, path: string, isPrivileged: boolean): Errors => {
  const field = `${path}.mountPropagation`
  const errors = validateOptionalChoice(mount.mountPropagation, field, propagationModes)
  if (mount.mountPropagation !== 'Bidirectional' || isPrivileged) return errors
  const why = 'Bidirectional mount propagation is available only to privileged containers'
  return [...errors, fieldError.forbidden(field, why)]
}

/** Exactly one source: the first in upstream's order is looked at, each further one is an error. */
const validateSource = (volume: Volume, path: string): Errors => {
  const [first, ...others] = sourceOrder.filter((name) => volume[name] !== undefined)
  if (first === undefined) return [fieldError.required(path, 'must specify a volume type')]
  const why = 'may not specify more than 1 volume type'
  return [
    ...validateKnownSource(volume, path),
    ...others.map((name) => fieldError.forbidden(`${path}.${name}`, why)),
  ]
}

const sourceOrder = [
  'emptyDir',
  'hostPath',
  'gitRepo',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'secret',
  'nfs',
  'iscsi',
  'glusterfs',
  'flocker',
  'persistentVolumeClaim',
  'rbd',
  'cinder',
  'cephfs',
  'quobyte',
  'downwardAPI',
  'fc',
  'flexVolume',
  'configMap',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'storageos',
  'projected',
  'scaleIO',
  'csi',
  'ephemeral',
  'image',
] as const satisfies readonly (keyof Volume)[]

/** The sources that a node of ours can mount; the others pass here and are refused by every node. */
const validateKnownSource = (volume: Volume, path: string): Errors => {
  const { emptyDir, hostPath, secret, configMap, downwardAPI, projected, persistentVolumeClaim } = volume
  if (emptyDir) return validateSizeLimit(emptyDir.sizeLimit, `${path}.emptyDir.sizeLimit`)
  if (hostPath) return validateHostPath(hostPath, `${path}.hostPath`)
  if (secret) {
    const field = `${path}.secret`
    return [
      ...required(secret.secretName, `${field}.secretName`),
      ...validateMode(secret.defaultMode, `${field}.defaultMode`),
      ...validateItems(secret.items, `${field}.items`),
    ]
  }
  if (persistentVolumeClaim) {
    return required(persistentVolumeClaim.claimName, `${path}.persistentVolumeClaim.claimName`)
  }
  if (downwardAPI) {
    const field = `${path}.downwardAPI`
    return [
      ...validateMode(downwardAPI.defaultMode, `${field}.defaultMode`),
      ...(downwardAPI.items ?? []).flatMap((file) => validateFile(file, field)),
    ]
  }
  if (configMap) {
    const field = `${path}.configMap`
    return [
      ...required(configMap.name, `${field}.name`),
      ...validateMode(configMap.defaultMode, `${field}.defaultMode`),
      ...validateItems(configMap.items, `${field}.items`),
    ]
  }
  return projected ? validateProjected(projected, `${path}.projected`) : []
}

const required = (value: string | undefined, field: string): Errors =>
  (value ?? '') === '' ? [fieldError.required(field)] : []

const validateSizeLimit = (limit: string | undefined, field: string): Errors => {
  if (limit === undefined) return []
  const isFine = quantityProblem(limit) === undefined && parseQuantity(limit).nano >= 0n
  return isFine ? [] : [fieldError.forbidden(field, 'SizeLimit field must be a valid resource quantity')]
}

export const hostPathTypes: readonly string[] = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
]

const validateHostPath = (source: NonNullable<Volume['hostPath']>, path: string): Errors => {
  const hostPath = source.path ?? ''
  if (hostPath === '') return [fieldError.required(`${path}.path`)]
  return [
    ...validateNoBacksteps(hostPath, `${path}.path`),
    ...validateOptionalChoice(source.type, `${path}.type`, hostPathTypes),
  ]
}

const validateMode = (mode: number | undefined, field: string): Errors =>
  mode === undefined || (mode >= 0 && mode <= 0o777)
    ? []
    : [fieldError.invalid(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')]

const validateItems = (items: Sent<readonly KeyToPath[]> | undefined, path: string): Errors =>
  (items ?? []).flatMap(({ key, path: file = '', mode }, index) => {
    const field = at(path, index)
    return [
      ...required(key, `${field}.key`),
      ...required(file, `${field}.path`),
      ...validateVolumePath(file, `${field}.path`),
      ...validateMode(mode, `${field}.mode`),
    ]
  })

const validateFile = (file: Sent<DownwardAPIVolumeFile>, path: string): Errors => {
  const { path: target = '', fieldRef, resourceFieldRef, mode } = file
  const errors = [...required(target, `${path}.path`), ...validateVolumePath(target, `${path}.path`)]
  if (fieldRef) {
    errors.push(...validateFieldRef(fieldRef, `${path}.fieldRef`, volumeFieldPaths))
    if (resourceFieldRef) {
      const why = 'fieldRef and resourceFieldRef can not be specified simultaneously'
      errors.push(fieldError.invalid(path, 'resource', why))
    }
  } else if (resourceFieldRef) {
    const field = `${path}.resourceFieldRef`
    errors.push(...required(resourceFieldRef.containerName, `${field}.containerName`))
    errors.push(...validateResourceRef(resourceFieldRef, field))
  } else {
    errors.push(fieldError.required(path, 'one of fieldRef and resourceFieldRef is required'))
  }
  return [...errors, ...validateMode(mode, `${path}.mode`)]
}

const tokenSecondsMin = 600
const tokenSecondsMax = 2 ** 32

const validateProjected = (projected: ProjectedVolumeSource, path: string): Errors => {
  const errors: FieldError[] = [...validateMode(projected.defaultMode, `${path}.defaultMode`)]
  const taken = new Set<string>()
  const take = (file: string | undefined, shown: string): void => {
    if (file === undefined || file === '') return
    if (taken.has(file)) errors.push(fieldError.invalid(path, shown, 'conflicting duplicate paths'))
    taken.add(file)
  }
  for (const [index, source] of (projected.sources ?? []).entries()) {
    const field = at(`${path}.sources`, index)
    for (const name of ['secret', 'configMap'] as const) {
      const files = source[name]
      if (!files) continue
      errors.push(...required(files.name, `${field}.${name}.name`))
      errors.push(...validateItems(files.items, `${field}.${name}.items`))
      for (const item of files.items ?? []) take(item.path, files.name ?? '')
    }
    for (const file of source.downwardAPI?.items ?? []) {
      errors.push(...validateFile(file, `${field}.downwardAPI`))
      take(file.path, file.path)
    }
    if (source.serviceAccountToken) {
      errors.push(...validateToken(source.serviceAccountToken, path, `${field}.serviceAccountToken`))
    }
    if (Object.keys(source).length > 1) {
      const why = 'may not specify more than 1 volume type per source'
      errors.push(fieldError.forbidden(field, why))
    }
  }
  return errors
}

/** The path of a missing file lacks the source's index: upstream's habit. */
const validateToken = (token: Sent<ServiceAccountTokenProjection>, path: string, field: string): Errors => {
  const { expirationSeconds: seconds = 0, path: file = '' } = token
  const problem = tokenSecondsProblem(seconds)
  return [
    ...(problem === undefined ? [] : [fieldError.invalid(`${field}.expirationSeconds`, seconds, problem)]),
    ...required(file, `${path}.path`),
    ...validateVolumePath(file, `${path}.path`),
  ]
}

const tokenSecondsProblem = (seconds: number): string | undefined => {
  if (seconds < tokenSecondsMin) return 'may not specify a duration less than 10 minutes'
  return seconds > tokenSecondsMax ? 'may not specify a duration larger than 2^32 seconds' : undefined
}
