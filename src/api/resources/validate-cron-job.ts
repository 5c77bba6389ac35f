/** kubernetes pkg/apis/batch/validation/validation.go 088d115 */
import { parseCronSchedule } from '../cron-schedule.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import type { CronJob, CronJobSpec, JobTemplateSpec } from '../schema/types.gen.ts'
import { validateJobSpec } from './validate-job.ts'
import { validateChoice, validateNonnegative } from './validate-values.ts'

type Errors = readonly FieldError[]

/** A job's name is this and the minute it is due, and a job's name is a label's value. */
const nameLengthMax = 63 - 11

export const validateCronJob = ({ metadata, spec }: CronJob, old: CronJob | undefined): Errors => {
  const name = metadata.name ?? ''
  const why = `must be no more than ${nameLengthMax} characters`
  return [
    ...validateSchedule(spec, old?.spec),
    ...validateNonnegative(spec.startingDeadlineSeconds, 'spec.startingDeadlineSeconds'),
    ...(spec.timeZone === undefined || spec.timeZone === old?.spec.timeZone
      ? []
      : validateTimeZone(spec.timeZone)),
    ...validateChoice(spec.concurrencyPolicy, 'spec.concurrencyPolicy', ['Allow', 'Forbid', 'Replace']),
    ...validateTemplate(spec.jobTemplate, 'spec.jobTemplate.spec'),
    ...validateNonnegative(spec.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit'),
    ...validateNonnegative(spec.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit'),
    ...(old === undefined && name.length > nameLengthMax
      ? [fieldError.invalid('metadata.name', name, why)]
      : []),
  ]
}

const validateSchedule = (
  { schedule = '', timeZone }: Partial<CronJobSpec>,
  old: CronJobSpec | undefined,
): Errors => {
  const field = 'spec.schedule'
  if (schedule === '') return [fieldError.required(field)]
  const parsed = parseCronSchedule(schedule)
  const errors: FieldError[] = typeof parsed === 'string' ? [fieldError.invalid(field, schedule, parsed)] : []
  if (!schedule.includes('TZ')) return errors
  // Schedules from before there was `timeZone` may keep theirs.
  const isKept = old?.schedule?.includes('TZ') === true
  if (!isKept) {
    const why = 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'
    errors.push(fieldError.invalid(field, schedule, why))
  } else if (timeZone !== undefined) {
    const why = 'cannot use both timeZone field and TZ or CRON_TZ in schedule'
    errors.push(fieldError.invalid(field, schedule, why))
  }
  return errors
}

const zonePart = /^[A-Za-z._0-9+-]{1,14}$/

const validateTimeZone = (zone: string): Errors => {
  const field = 'spec.timeZone'
  if (zone === '') return [fieldError.invalid(field, zone, 'timeZone must be nil or non-empty string')]
  const unknown = fieldError.invalid(field, zone, `unknown time zone ${zone}`)
  const parts = zone.split('/')
  // A part that begins with a sign or a digit is an offset to JavaScript and nothing to upstream.
  if (parts.some((part) => !zonePart.test(part) || /^(?:[-+\d]|\.\.?$)/.test(part))) return [unknown]
  if (zone.toLowerCase() === 'local') {
    const why = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'
    return [fieldError.invalid(field, zone, why)]
  }
  return isTimeZone(zone) ? [] : [unknown]
}

const isTimeZone = (zone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== ''
  } catch (error) {
    if (error instanceof RangeError) return false // how Intl says that it knows no such zone
    throw error
  }
}

const validateTemplate = ({ spec }: JobTemplateSpec, path: string): Errors => {
  if (spec === undefined) return []
  const errors: FieldError[] = [...validateJobSpec(spec, path)]
  if (spec.selector !== undefined) {
    errors.push(fieldError.invalid(`${path}.selector`, spec.selector, '`selector` will be auto-generated'))
  }
  if (spec.manualSelector === true) {
    errors.push(fieldError.notSupported(`${path}.manualSelector`, true, ['nil', 'false']))
  }
  return errors
}
