/** Environment variables and the places their values come from (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { fieldError, type FieldError } from '../../field-errors.ts'
import { checkConfigMapKey, checkDns1123Subdomain, checkEnvVarName } from '../../names.ts'
import { at } from '../../paths.ts'
import { canonicalQuantity, quantityProblem } from '../../quantity.ts'
import type {
  EnvFromSource,
  EnvVar,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from '../../schema/types.gen.ts'
import { invalid } from '../../validate-meta.ts'
import type { Sent } from '../sent.ts'
import { validateQualifiedName } from '../validate-values.ts'

type Errors = readonly FieldError[]

export const validateEnv = (vars: readonly EnvVar[] | undefined, path: string): Errors =>
  (vars ?? []).flatMap((variable, index) => {
    const field = at(path, index)
    const name = variable.name ?? ''
    return [
      ...(name === ''
        ? [fieldError.required(`${field}.name`)]
        : invalid(`${field}.name`, name, checkEnvVarName(name))),
      ...validateValueFrom(variable, `${field}.valueFrom`),
    ]
  })

export const validateEnvFrom = (sources: readonly EnvFromSource[] | undefined, path: string): Errors =>
  (sources ?? []).flatMap(({ prefix = '', configMapRef, secretRef }, index) => {
    const field = at(path, index)
    const errors: FieldError[] = []
    if (prefix !== '') errors.push(...invalid(`${field}.prefix`, prefix, checkEnvVarName(prefix)))
    if (configMapRef) errors.push(...validateSourceName(configMapRef.name, `${field}.configMapRef.name`))
    if (secretRef) errors.push(...validateSourceName(secretRef.name, `${field}.secretRef.name`))
    const why =
      !configMapRef && !secretRef
        ? 'must specify one of: `configMapRef` or `secretRef`'
        : 'may not have more than one field specified at a time'
    if (!configMapRef === !secretRef) errors.push(fieldError.invalid(path, '', why))
    return errors
  })

const validateSourceName = (name = '', field: string): Errors =>
  name === '' ? [fieldError.required(field)] : invalid(field, name, checkDns1123Subdomain(name))

const validateValueFrom = ({ value = '', valueFrom }: EnvVar, path: string): Errors => {
  if (valueFrom === undefined) return []
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom
  const errors: FieldError[] = []
  if (fieldRef) errors.push(...validateFieldRef(fieldRef, `${path}.fieldRef`, envFieldPaths))
  if (resourceFieldRef) errors.push(...validateResourceRef(resourceFieldRef, `${path}.resourceFieldRef`))
  if (configMapKeyRef) errors.push(...validateKeyRef(configMapKeyRef, `${path}.configMapKeyRef`))
  if (secretKeyRef) errors.push(...validateKeyRef(secretKeyRef, `${path}.secretKeyRef`))
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef].filter(Boolean).length
  const problem = countProblem(count, value)
  if (problem !== undefined) errors.push(fieldError.invalid(path, '', problem))
  return errors
}

const countProblem = (count: number, value: string): string | undefined => {
  if (count === 0) {
    return 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'
  }
  if (value !== '') return 'may not be specified when `value` is not empty'
  return count > 1 ? 'may not have more than one field specified at a time' : undefined
}

const validateKeyRef = (ref: { name?: string; key?: string }, path: string): Errors => {
  const { name = '', key = '' } = ref
  return [
    ...invalid(`${path}.name`, name, checkDns1123Subdomain(name)),
    ...(key === ''
      ? [fieldError.required(`${path}.key`)]
      : invalid(`${path}.key`, key, checkConfigMapKey(key))),
  ]
}

const envFieldPaths: readonly string[] = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]

export const volumeFieldPaths: readonly string[] = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
]

/** Every path that means something for a pod, whether it can be had here or not. */
const knownFieldPaths: ReadonlySet<string> = new Set([
  ...envFieldPaths,
  ...volumeFieldPaths,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
])

export const validateFieldRef = (
  { apiVersion = '', fieldPath = '' }: Sent<ObjectFieldSelector>,
  path: string,
  supported: readonly string[],
): Errors => {
  if (apiVersion === '') return [fieldError.required(`${path}.apiVersion`)]
  if (fieldPath === '') return [fieldError.required(`${path}.fieldPath`)]
  const { name, key } = splitSubscript(fieldPath)
  const problem = fieldPathProblem(apiVersion, fieldPath, key === undefined ? undefined : name)
  if (problem !== undefined) {
    return [fieldError.invalid(`${path}.fieldPath`, fieldPath, `error converting fieldPath: ${problem}`)]
  }
  if (key !== undefined) {
    return validateQualifiedName(name === 'metadata.annotations' ? key.toLowerCase() : key, path)
  }
  const known = fieldPath === 'spec.host' ? 'spec.nodeName' : fieldPath
  return supported.includes(known) ? [] : [fieldError.notSupported(`${path}.fieldPath`, known, supported)]
}

/** `metadata.labels['app']` is the key `app` of `metadata.labels`. */
const splitSubscript = (fieldPath: string): { readonly name: string; readonly key?: string } => {
  const start = fieldPath.indexOf("['")
  if (start < 0 || !fieldPath.endsWith("']")) return { name: fieldPath }
  return { name: fieldPath.slice(0, start), key: fieldPath.slice(start + 2, -2) }
}

const fieldPathProblem = (
  apiVersion: string,
  fieldPath: string,
  subscripted: string | undefined,
): string | undefined => {
  if (apiVersion !== 'v1') return `unsupported pod version: ${apiVersion}`
  if (subscripted !== undefined) {
    return subscripted === 'metadata.annotations' || subscripted === 'metadata.labels'
      ? undefined
      : `field label does not support subscript: ${fieldPath}`
  }
  const isKnown = knownFieldPaths.has(fieldPath) || fieldPath === 'spec.host'
  return isKnown ? undefined : `field label not supported: ${fieldPath}`
}

const resourcePaths: readonly string[] = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
]
const hugePages = /^(limits|requests)\.hugepages-/

export const validateResourceRef = (ref: Sent<ResourceFieldSelector>, path: string): Errors => {
  const resource = ref.resource ?? ''
  const errors: FieldError[] = []
  if (resource === '') errors.push(fieldError.required(`${path}.resource`))
  else if (!resourcePaths.includes(resource) && !hugePages.test(resource)) {
    errors.push(fieldError.notSupported(`${path}.resource`, resource, resourcePaths))
  }
  const divisor = ref.divisor ?? '0'
  const problem = quantityProblem(divisor)
  if (problem !== undefined) return [...errors, fieldError.invalid(`${path}.divisor`, divisor, problem)]
  const why = divisorProblem(resource, canonicalQuantity(divisor))
  if (why !== undefined) errors.push(fieldError.invalid(`${path}.divisor`, resource, why))
  return errors
}

const units = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']

const divisorProblem = (resource: string, divisor: string): string | undefined => {
  if (divisor === '0') return undefined
  if (resource.endsWith('.cpu')) {
    const isFine = divisor === '1m' || divisor === '1'
    return isFine ? undefined : "only divisor's values 1m and 1 are supported with the cpu resource"
  }
  const what = hugePages.test(resource)
    ? 'hugepages'
    : resource.endsWith('.memory')
      ? 'memory'
      : 'local ephemeral storage'
  return units.includes(divisor)
    ? undefined
    : `only divisor's values ${units.join(', ')} are supported with the ${what} resource`
}
