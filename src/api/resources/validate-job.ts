/** kubernetes pkg/apis/batch/validation/validation.go 088d115. Start here; policies and status have their own files. */
import { byteLength } from './byte-length.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkDns1123Label } from '../names.ts'
import { child, keyed } from '../paths.ts'
import type { Job, JobSpec, ObjectMeta, PodTemplateSpec } from '../schema/types.gen.ts'
import { matchesLabels, validateLabelSelector } from '../selector.ts'
import { validateImmutable } from '../validate-meta.ts'
import { validatePodTemplate } from './pod/validate-spec.ts'
import { validateFailurePolicy, validateReplacement, validateSuccessPolicy } from './validate-job-policies.ts'
import { validateNonnegative } from './validate-values.ts'
import { validateDomainPath } from './validate-domain-path.ts'
import { parsedSelector, validateMatch } from './validate-workload.ts'

type Errors = readonly FieldError[]

/** What every pod of a job is labelled with, in the old words and the new. */
export const jobLabels = ({ name = '', uid = '' }: ObjectMeta): Readonly<Record<string, string>> => ({
  'batch.kubernetes.io/controller-uid': uid,
  'batch.kubernetes.io/job-name': name,
  'controller-uid': uid,
  'job-name': name,
})

export const validateJob = (job: Job): Errors => {
  const { metadata, spec } = job
  const errors: FieldError[] = [...validateGenerated(job), ...validateJobSpec(spec, 'spec')]
  if (spec.selector === undefined) errors.push(fieldError.required('spec.selector'))
  else errors.push(...validateLabelSelector(spec.selector, 'spec.selector'))
  const selector = parsedSelector(spec.selector)
  if (selector !== undefined) errors.push(...validateMatch(selector, spec.template, 'spec.template'))
  const completions = spec.completions ?? 0
  if (spec.completionMode === 'Indexed' && completions > 0) {
    const host = `${metadata.name ?? ''}-${completions - 1}`
    if (checkDns1123Label(host).length > 0) {
      const why = `will not able to create pod with invalid DNS label: ${host}`
      errors.push(fieldError.invalid('metadata.name', metadata.name ?? '', why))
    }
  }
  return errors
}

/** Labels that nobody has chosen are the job's own. */
const validateGenerated = ({ metadata, spec }: Job): Errors => {
  if (spec.manualSelector === true || spec.selector === undefined) return []
  const errors: FieldError[] = (metadata.uid ?? '') === '' ? [fieldError.required('metadata.uid')] : []
  const labels = spec.template.metadata?.labels
  const expected = jobLabels(metadata)
  for (const key of labelOrder) {
    const field = keyed('spec.template.metadata.labels', key)
    const why = `must be '${expected[key] ?? ''}'`
    const value = labels?.[key]
    if (value === undefined) errors.push(fieldError.required(field, why))
    else if (value !== expected[key]) errors.push(fieldError.invalid(field, labels, why))
  }
  const selector = parsedSelector(spec.selector)
  if (selector !== undefined && !matchesLabels(selector, expected)) {
    errors.push(fieldError.invalid('spec.selector', spec.selector, '`selector` not auto-generated'))
  }
  return errors
}

const labelOrder = [
  'controller-uid',
  'job-name',
  'batch.kubernetes.io/controller-uid',
  'batch.kubernetes.io/job-name',
] as const

/** Of a Job, or of the template of a CronJob, which has no selector. */
export const validateJobSpec = (spec: JobSpec, path: string): Errors => {
  const errors: FieldError[] = []
  for (const name of numbers) errors.push(...validateNonnegative(spec[name], child(path, name)))
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(fieldError.required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'))
  }
  errors.push(...validateManager(spec.managedBy, `${path}.managedBy`))
  errors.push(...validateCompletionMode(spec, path))
  if (spec.podFailurePolicy) errors.push(...validateFailurePolicy(spec, `${path}.podFailurePolicy`))
  if (spec.successPolicy) errors.push(...validateSuccessPolicy(spec, `${path}.successPolicy`))
  errors.push(...validateReplacement(spec, `${path}.podReplacementPolicy`))
  errors.push(...validatePodTemplate(spec.template, `${path}.template`))
  return [...errors, ...validateRestartPolicy(spec, `${path}.template.spec.restartPolicy`)]
}

const numbers = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const

const managerBytesMax = 63

const validateManager = (manager: string | undefined, field: string): Errors => {
  if (manager === undefined) return []
  const isLong = byteLength(manager) > managerBytesMax
  return [
    ...validateDomainPath(manager, field),
    ...(isLong ? [fieldError.tooLong(field, managerBytesMax)] : []),
  ]
}

const modes: readonly string[] = ['NonIndexed', 'Indexed']

const validateCompletionMode = (spec: JobSpec, path: string): Errors => {
  const { backoffLimitPerIndex, completionMode: mode, maxFailedIndexes } = spec
  if (mode === 'Indexed') return validateIndexed(spec, path)
  if (mode !== undefined && !modes.includes(mode)) {
    return [fieldError.notSupported(`${path}.completionMode`, mode, modes)]
  }
  const why = 'requires indexed completion mode'
  const errors: FieldError[] = []
  if (backoffLimitPerIndex !== undefined) {
    errors.push(fieldError.invalid(`${path}.backoffLimitPerIndex`, backoffLimitPerIndex, why))
  }
  if (maxFailedIndexes !== undefined) {
    errors.push(fieldError.invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, why))
  }
  return errors
}

// Upstream's bounds: lists of indexes must fit into the status.
const indexesMax = 100_000
const indexesMaxWhenMany = 10_000

const validateIndexed = (spec: JobSpec, path: string): Errors => {
  const { completions, maxFailedIndexes, parallelism = 0 } = spec
  const errors: FieldError[] = []
  const field = `${path}.maxFailedIndexes`
  if (completions === undefined) {
    errors.push(fieldError.required(`${path}.completions`, 'when completion mode is Indexed'))
  }
  if (parallelism > indexesMax) {
    const why = `must be less than or equal to ${indexesMax} when completion mode is Indexed`
    errors.push(fieldError.invalid(`${path}.parallelism`, parallelism, why))
  }
  if (completions !== undefined && (maxFailedIndexes ?? 0) > completions) {
    errors.push(fieldError.invalid(field, maxFailedIndexes, 'must be less than or equal to completions'))
  }
  if ((maxFailedIndexes ?? 0) > indexesMax) {
    errors.push(fieldError.invalid(field, maxFailedIndexes, `must be less than or equal to ${indexesMax}`))
  }
  if ((completions ?? 0) <= indexesMax || spec.backoffLimitPerIndex === undefined) return errors
  const why = `must be less than or equal to ${indexesMaxWhenMany} when completions are above ${indexesMax} and used with backoff limit per index`
  if (maxFailedIndexes === undefined) {
    errors.push(fieldError.required(field, `must be specified when completions is above ${indexesMax}`))
  }
  if (parallelism > indexesMaxWhenMany) {
    errors.push(fieldError.invalid(`${path}.parallelism`, parallelism, why))
  }
  if ((maxFailedIndexes ?? 0) > indexesMaxWhenMany) {
    errors.push(fieldError.invalid(field, maxFailedIndexes, why))
  }
  return errors
}

const validateRestartPolicy = ({ template, podFailurePolicy }: JobSpec, field: string): Errors => {
  const policy = template.spec.restartPolicy ?? ''
  if (policy === '' || policy === 'Always') {
    return [fieldError.required(field, 'valid values: "OnFailure", "Never"')]
  }
  if (policy !== 'OnFailure' && policy !== 'Never') {
    return [fieldError.notSupported(field, policy, ['OnFailure', 'Never'])]
  }
  const why = 'only "Never" is supported when podFailurePolicy is specified'
  return podFailurePolicy && policy !== 'Never' ? [fieldError.invalid(field, policy, why)] : []
}

const fixedFields = [
  'selector',
  'completionMode',
  'podFailurePolicy',
  'backoffLimitPerIndex',
  'managedBy',
  'successPolicy',
] as const

export const validateJobUpdate = (spec: JobSpec, old: Job): Errors => [
  ...validateCompletions(spec, old.spec),
  ...validateImmutable('spec.template', spec.template, allowedTemplate(spec.template, old)),
  ...fixedFields.flatMap((name) => validateImmutable(`spec.${name}`, spec[name], old.spec[name])),
]

/** A job with indexes may be made longer or shorter, when it does all of it at once. */
const validateCompletions = (spec: JobSpec, old: JobSpec): Errors => {
  const field = 'spec.completions'
  if (spec.completionMode !== 'Indexed') return validateImmutable(field, spec.completions, old.completions)
  const isFine = spec.completions === undefined || spec.completions === spec.parallelism
  if (isFine || spec.completions === old.completions) return []
  return [fieldError.invalid(field, spec.completions, 'can only be modified in tandem with spec.parallelism')]
}

/** What the template would be if only what may change had changed: where pods go, while none has started. */
const allowedTemplate = (template: PodTemplateSpec, old: Job): PodTemplateSpec => {
  const isOpen = old.spec.suspend === true && old.status?.startTime === undefined
  if (!isOpen) return old.spec.template
  const { affinity, nodeSelector, schedulingGates, tolerations } = template.spec
  const { labels, annotations } = template.metadata ?? {}
  const spec = { ...old.spec.template.spec, nodeSelector, schedulingGates, tolerations }
  const { nodeAffinity: _, ...otherAffinity } = old.spec.template.spec.affinity ?? {}
  const nodeAffinity = affinity?.nodeAffinity
  const allowedAffinity = { ...otherAffinity, ...(nodeAffinity && { nodeAffinity }) }
  const metadata = { ...old.spec.template.metadata, labels, annotations }
  // Compared only: fields that are undefined count as absent.
  return { metadata, spec: { ...spec, affinity: allowedAffinity } } as PodTemplateSpec
}
