/** What a job's status may say, and what it may not take back (kubernetes pkg/apis/batch/validation/validation.go 088d115). */
import { fieldError, type FieldError } from '../field-errors.ts'
import { at } from '../paths.ts'
import type { Job, JobStatus } from '../schema/types.gen.ts'
import { commonIndex, readIndexes } from './job-indexes.ts'
import { invalidWhole } from './validate-job-policies.ts'
import { validateNonnegative } from './validate-values.ts'

type Errors = readonly FieldError[]

export const validateJobStatus = (job: Job, old: Job | undefined): Errors => {
  const status = job.status ?? {}
  return [
    ...validateCounts(status),
    ...validateConditions(job, status),
    ...validateTimes(status),
    ...validateFinished(status),
    ...validateIndexes(job, status),
    ...((status.ready ?? 0) > (status.active ?? 0)
      ? [fieldError.invalid('status.ready', status.ready, 'cannot set more ready pods than active')]
      : []),
    ...(old === undefined ? [] : validateProgress(job, status, old.status ?? {})),
  ]
}

const is = ({ conditions = [] }: JobStatus, type: string): boolean =>
  conditions.some((condition) => condition.type === type && condition.status === 'True')

const isFinished = (status: JobStatus): boolean => is(status, 'Complete') || is(status, 'Failed')

const counts = ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const

const validateCounts = (status: JobStatus): Errors => {
  const errors: FieldError[] = []
  for (const name of counts) errors.push(...validateNonnegative(status[name], `status.${name}`))
  const seen = new Set<string>()
  for (const name of ['succeeded', 'failed'] as const) {
    for (const [index, uid] of (status.uncountedTerminatedPods?.[name] ?? []).entries()) {
      const field = at(`status.uncountedTerminatedPods.${name}`, index)
      if (uid === '') errors.push(fieldError.invalid(field, uid, 'must not be empty'))
      else if (seen.has(uid)) errors.push(fieldError.duplicate(field, uid))
      seen.add(uid)
    }
  }
  return errors
}

const validateConditions = ({ spec }: Job, status: JobStatus): Errors => {
  const [isComplete, isFailed] = [is(status, 'Complete'), is(status, 'Failed')]
  const [isFailing, isSuccess] = [is(status, 'FailureTarget'), is(status, 'SuccessCriteriaMet')]
  const rules: readonly (readonly [boolean, string])[] = [
    [isComplete && isFailed, 'cannot set Complete=True and Failed=true conditions'],
    [isComplete && isFailing, 'cannot set Complete=True and FailureTarget=true conditions'],
    [isFailed && !isFailing, 'cannot set Failed=True condition without the FailureTarget=true condition'],
    [
      isComplete && !isSuccess,
      'cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
    ],
    [isSuccess && isFailed, 'cannot set SuccessCriteriaMet=True and Failed=true conditions'],
    [isSuccess && isFailing, 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'],
    [
      spec.successPolicy !== undefined && !isSuccess && isComplete,
      'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True',
    ],
  ]
  return rules.filter(([isBroken]) => isBroken).map(([, why]) => invalidWhole('status.conditions', why))
}

const validateTimes = (status: JobStatus): Errors => {
  const { completionTime, startTime } = status
  const field = 'status.completionTime'
  const isComplete = is(status, 'Complete')
  const errors: FieldError[] = []
  if (completionTime !== undefined && !isComplete) {
    const why = 'cannot set completionTime when there is no Complete=True condition'
    errors.push(fieldError.invalid(field, completionTime, why))
  }
  if (completionTime === undefined && isComplete) {
    errors.push(fieldError.required(field, 'completionTime is required for Complete jobs'))
  }
  if (Date.parse(completionTime ?? '') < Date.parse(startTime ?? '')) {
    errors.push(fieldError.invalid(field, completionTime, 'must be equal to or after `startTime`'))
  }
  return errors
}

const validateFinished = (status: JobStatus): Errors => {
  if (!isFinished(status)) return []
  const { active = 0, startTime, terminating = 0, uncountedTerminatedPods: uncounted } = status
  const errors: FieldError[] = []
  if (active > 0) {
    errors.push(fieldError.invalid('status.active', active, 'active>0 is invalid for finished job'))
  }
  if (startTime === undefined) {
    errors.push(fieldError.required('status.startTime', 'startTime is required for finished job'))
  }
  if ((uncounted?.failed ?? []).length + (uncounted?.succeeded ?? []).length > 0) {
    const why = 'must be empty for finished job'
    errors.push(fieldError.invalid('status.uncountedTerminatedPods', uncounted, why))
  }
  if (terminating > 0) {
    const why = 'terminating>0 is invalid for finished job'
    errors.push(fieldError.invalid('status.terminating', terminating, why))
  }
  return errors
}

const validateIndexes = ({ spec }: Job, { completedIndexes = '', failedIndexes }: JobStatus): Errors => {
  const { backoffLimitPerIndex, completionMode, completions } = spec
  const [done, failed] = ['status.completedIndexes', 'status.failedIndexes']
  const errors: FieldError[] = []
  if (completions !== undefined) {
    const { problem } = readIndexes(completedIndexes, completions)
    if (problem !== undefined) {
      errors.push(fieldError.invalid(done, completedIndexes, `error parsing completedIndexes: ${problem}`))
    }
    const failure = readIndexes(failedIndexes ?? '', completions)
    if (backoffLimitPerIndex !== undefined && failure.problem !== undefined) {
      errors.push(
        fieldError.invalid(failed, failedIndexes, `error parsing failedIndexes: ${failure.problem}`),
      )
    }
  }
  if (completedIndexes !== '' && completionMode !== 'Indexed') {
    const why = 'cannot set non-empty completedIndexes when non-indexed completion mode'
    errors.push(fieldError.invalid(done, completedIndexes, why))
  }
  if (failedIndexes === undefined) return errors
  if (backoffLimitPerIndex === undefined) {
    const why = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null'
    errors.push(fieldError.invalid(failed, failedIndexes, why))
  }
  const common = commonIndex(completedIndexes, failedIndexes, completions ?? 0)
  if (common !== undefined) {
    const why = `failedIndexes and completedIndexes overlap at index: ${common}`
    errors.push(fieldError.invalid(failed, failedIndexes, why))
  }
  return errors
}

/** A verdict is final, and what has been counted stays counted. */
const validateProgress = ({ spec }: Job, status: JobStatus, before: JobStatus): Errors => {
  const errors: FieldError[] = []
  for (const type of ['Failed', 'Complete', 'FailureTarget', 'SuccessCriteriaMet']) {
    if (!is(before, type) || is(status, type)) continue
    const kind = type === 'SuccessCriteriaMet' ? '' : 'terminal '
    errors.push(invalidWhole('status.conditions', `cannot disable the ${kind}${type}=True condition`))
  }
  for (const name of ['failed', 'succeeded'] as const) {
    if ((status[name] ?? 0) >= (before[name] ?? 0)) continue
    errors.push(
      fieldError.invalid(`status.${name}`, status[name] ?? 0, `cannot decrease the ${name} counter`),
    )
  }
  const { completionTime: done, startTime: start } = status
  if (done !== undefined && before.completionTime !== undefined && done !== before.completionTime) {
    errors.push(fieldError.invalid('status.completionTime', done, 'field is immutable'))
  }
  if (before.startTime !== undefined && start !== before.startTime && spec.suspend !== true) {
    const why = 'startTime cannot be removed for unsuspended job'
    errors.push(fieldError.required('status.startTime', why))
  }
  return errors
}
