/** What may change about a pod that exists (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { fieldError, type FieldError } from '../../field-errors.ts'
import { checkDns1123Subdomain, checkInRange } from '../../names.ts'
import { at, child } from '../../paths.ts'
import type { Container, ContainerStatus, Pod, PodSpec, Toleration } from '../../schema/types.gen.ts'
import { invalid, validateImmutable } from '../../validate-meta.ts'
import { semanticEqual } from '../semantic-equal.ts'
import { int32Max } from '../validate-values.ts'
import { validateTolerations } from './validate-scheduling.ts'

type Errors = readonly FieldError[]

const mutableFields = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',')

/** Beyond what holds for any pod. */
export const validatePodUpdate = (pod: Pod, old: Pod): Errors => {
  for (const name of ['containers', 'initContainers'] as const) {
    if ((pod.spec[name] ?? []).length !== (old.spec[name] ?? []).length) {
      const why = 'pod updates may not add or remove containers'
      return [fieldError.forbidden(`spec.${name}`, why)]
    }
  }
  const errors: FieldError[] = [
    ...validateDeadline(pod.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds),
    ...validateAddedTolerations(pod.spec.tolerations ?? [], old.spec.tolerations ?? []),
    ...validateGatesRemoved(pod.spec, old.spec),
  ]
  const changed = differences(withMutablesOf(pod.spec, old.spec), old.spec, 'spec')
  if (changed.length > 0) {
    const why = `pod updates may not change fields other than ${mutableFields}\nchanged: ${changed.join(', ')}`
    errors.push(fieldError.forbidden('spec', why))
  }
  return errors
}

export const validatePodStatusUpdate = (pod: Pod, old: Pod): Errors => {
  const errors: FieldError[] = []
  if ((pod.spec.nodeName ?? '') !== (old.spec.nodeName ?? '')) {
    errors.push(fieldError.forbidden('status.nodeName', 'may not be changed directly'))
  }
  const nominated = pod.status?.nominatedNodeName ?? ''
  if (nominated !== '' && nominated !== old.status?.nominatedNodeName) {
    errors.push(...invalid('status.nominatedNodeName', nominated, checkDns1123Subdomain(nominated)))
  }
  errors.push(...validateImmutable('status.qosClass', pod.status?.qosClass, old.status?.qosClass))
  const policy = old.spec.restartPolicy ?? ''
  const initContainers = old.spec.initContainers ?? []
  const sidecars = new Set(
    initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name),
  )
  for (const name of ['containerStatuses', 'initContainerStatuses'] as const) {
    const isSidecar = (status: ContainerStatus): boolean =>
      name === 'initContainerStatuses' && sidecars.has(status.name)
    const before = (old.status?.[name] ?? []).map((status) => (isSidecar(status) ? undefined : status))
    errors.push(...validateNotRevived(pod.status?.[name] ?? [], before, { path: `status.${name}`, policy }))
  }
  return errors
}

/** A deadline may be set and brought nearer, never put off. */
const validateDeadline = (seconds: number | undefined, old: number | undefined): Errors => {
  const field = 'spec.activeDeadlineSeconds'
  if (seconds === undefined) {
    const why = 'must not update from a positive integer to nil value'
    return old === undefined ? [] : [fieldError.invalid(field, null, why)]
  }
  const problems = checkInRange(seconds, { min: 0, max: int32Max })
  if (problems.length > 0) return invalid(field, seconds, problems)
  return old !== undefined && old < seconds
    ? [fieldError.invalid(field, seconds, 'must be less than or equal to previous value')]
    : []
}

const validateAddedTolerations = (now: readonly Toleration[], old: readonly Toleration[]): Errors => {
  const identity = ({ key = '', operator = '', value = '', effect = '' }: Toleration): string =>
    JSON.stringify([key, operator, value, effect])
  const kept = new Set(now.map(identity))
  if (old.every((toleration) => kept.has(identity(toleration)))) {
    return validateTolerations(now, 'spec.tolerations')
  }
  const why = 'existing toleration can not be modified except its tolerationSeconds'
  return [fieldError.forbidden('spec.tolerations', why)]
}

const validateGatesRemoved = (spec: PodSpec, old: PodSpec): Errors => {
  const known = new Set((old.schedulingGates ?? []).map(({ name }) => name))
  return (spec.schedulingGates ?? []).flatMap(({ name }, index) => {
    if (known.has(name)) return []
    const why = `only deletion is allowed, but found new scheduling gate '${name}'`
    return [fieldError.forbidden(`${at('spec.schedulingGates', index)}.name`, why)]
  })
}

/** The new spec with everything that may change put back: what still differs may not. */
const withMutablesOf = (spec: PodSpec, old: PodSpec): PodSpec => {
  const restored: PodSpec = { ...spec, containers: withImagesOf(spec.containers, old.containers) }
  if (spec.initContainers)
    restored.initContainers = withImagesOf(spec.initContainers, old.initContainers ?? [])
  for (const name of ['activeDeadlineSeconds', 'schedulingGates', 'tolerations'] as const) {
    delete restored[name]
    Object.assign(restored, old[name] === undefined ? {} : { [name]: old[name] })
  }
  const oldSeconds = old.terminationGracePeriodSeconds
  if (oldSeconds !== undefined && oldSeconds < 0 && spec.terminationGracePeriodSeconds === 1) {
    restored.terminationGracePeriodSeconds = oldSeconds
  }
  return restored
}

const withImagesOf = (containers: readonly Container[], old: readonly Container[]): Container[] =>
  containers.map((container, index) => {
    const { image: _, ...rest } = container
    const image = old[index]?.image
    return image === undefined ? rest : { ...rest, image }
  })

const differencesMax = 10 // enough to find one's mistake; a message isn't a diff

/** Paths at which two values differ, as deep as both have the same shape. */
const differences = (a: unknown, b: unknown, path: string): readonly string[] => {
  if (semanticEqual(a, b)) return []
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    return a.flatMap((item, index) => differences(item, b[index], at(path, index))).slice(0, differencesMax)
  }
  if (!isRecord(a) || !isRecord(b)) return [path]
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  return names.flatMap((name) => differences(a[name], b[name], child(path, name))).slice(0, differencesMax)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A container that ended for good stays ended. `old` holds undefined for those that may come back. */
const validateNotRevived = (
  statuses: readonly ContainerStatus[],
  old: readonly (ContainerStatus | undefined)[],
  { path, policy }: { readonly path: string; readonly policy: string },
): Errors => {
  if (policy === 'Always') return []
  const nowByName = new Map(statuses.map((status) => [status.name, status]))
  return old.flatMap((before, index) => {
    const ended = before?.state?.terminated
    if (ended === undefined || (ended.exitCode !== 0 && policy === 'OnFailure')) return []
    const now = nowByName.get(before?.name ?? '')
    if (now === undefined || now.state?.terminated !== undefined) return []
    const why = 'may not be transitioned to non-terminated state'
    return [fieldError.forbidden(`${at(path, index)}.state`, why)]
  })
}
