/** Security contexts of a pod and of its containers (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { fieldError, type FieldError } from '../../field-errors.ts'
import { checkInRange } from '../../names.ts'
import { at } from '../../paths.ts'
import type { PodSpec, SeccompProfile, SecurityContext, Sysctl } from '../../schema/types.gen.ts'
import { invalid } from '../../validate-meta.ts'
import type { Sent } from '../sent.ts'
import { int32Max, validateDescendingPath, validateOptionalChoice } from '../validate-values.ts'

type Errors = readonly FieldError[]

const profileTypes: readonly string[] = ['Localhost', 'RuntimeDefault', 'Unconfined']

export const validatePodSecurityContext = (spec: PodSpec, path: string): Errors => {
  const context = spec.securityContext
  if (context === undefined) return []
  const errors: FieldError[] = [
    ...validateId(context.fsGroup, `${path}.fsGroup`),
    ...validateId(context.runAsUser, `${path}.runAsUser`),
    ...validateId(context.runAsGroup, `${path}.runAsGroup`),
  ]
  for (const [index, group] of (context.supplementalGroups ?? []).entries()) {
    errors.push(...validateId(group, at(`${path}.supplementalGroups`, index)))
  }
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const why = 'ShareProcessNamespace and HostPID cannot both be enabled'
    errors.push(fieldError.invalid(`${path}.shareProcessNamespace`, true, why))
  }
  const changes = ['Always', 'OnRootMismatch']
  const policies = ['Merge', 'Strict']
  return [
    ...errors,
    ...validateSysctls(context.sysctls ?? [], `${path}.sysctls`),
    ...validateOptionalChoice(context.fsGroupChangePolicy, `${path}.fsGroupChangePolicy`, changes),
    ...validateSeccomp(context.seccompProfile, `${path}.seccompProfile`),
    ...validateOptionalChoice(context.supplementalGroupsPolicy, `${path}.supplementalGroupsPolicy`, policies),
  ]
}

export const validateSecurityContext = (context: SecurityContext | undefined, path: string): Errors => {
  if (context === undefined) return []
  const errors: FieldError[] = [
    ...validateId(context.runAsUser, `${path}.runAsUser`),
    ...validateId(context.runAsGroup, `${path}.runAsGroup`),
    ...validateOptionalChoice(context.procMount, `${path}.procMount`, ['Default', 'Unmasked']),
    ...validateSeccomp(context.seccompProfile, `${path}.seccompProfile`),
  ]
  if (context.allowPrivilegeEscalation !== false) return errors
  if (context.privileged === true) {
    const why = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'
    errors.push(fieldError.invalid(path, context, why))
  }
  if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
    const why = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'
    errors.push(fieldError.invalid(path, context, why))
  }
  return errors
}

const validateId = (id: number | undefined, field: string): Errors =>
  id === undefined ? [] : invalid(field, id, checkInRange(id, { min: 0, max: int32Max }))

const validateSeccomp = (profile: Sent<SeccompProfile> | undefined, path: string): Errors => {
  if (profile === undefined) return []
  const { type = '', localhostProfile } = profile
  const errors: FieldError[] = []
  if (type === '') {
    errors.push(fieldError.required(`${path}.type`, 'type is required when seccompProfile is set'))
  } else if (!profileTypes.includes(type)) {
    errors.push(fieldError.notSupported(`${path}.type`, type, profileTypes))
  }
  const field = `${path}.localhostProfile`
  if (type === 'Localhost') {
    return localhostProfile === undefined
      ? [...errors, fieldError.required(field, 'must be set when seccomp type is Localhost')]
      : [...errors, ...validateDescendingPath(localhostProfile, field)]
  }
  if (localhostProfile === undefined) return errors
  return [...errors, fieldError.invalid(field, profile, 'can only be set when seccomp type is Localhost')]
}

const sysctlLengthMax = 253
const segment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
const sysctlPattern = `^(${segment}[\\./])*${segment}$`

const validateSysctls = (sysctls: Sent<readonly Sysctl[]>, path: string): Errors => {
  const names = new Set<string>()
  const regex = new RegExp(sysctlPattern)
  return sysctls.flatMap(({ name = '' }, index) => {
    const field = `${at(path, index)}.name`
    if (name === '') return [fieldError.required(field)]
    if (name.length > sysctlLengthMax || !regex.test(name)) {
      const why = `must have at most ${sysctlLengthMax} characters and match regex ${sysctlPattern}`
      return [fieldError.invalid(field, name, why)]
    }
    if (names.has(name)) return [fieldError.duplicate(field, name)]
    names.add(name)
    return []
  })
}
