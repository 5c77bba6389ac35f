/**
 * The five fields of a CronJob's schedule, read as upstream reads them: robfig/cron v3 `ParseStandard`, whose messages
 * clients see. `@hourly` and its like are fields too; `@every 90m` is none.
 */
import { parseGoDuration } from './duration.ts'
import { quote } from './quote.ts'
import { isStatusError } from './status.ts'

export interface CronFields {
  readonly minutes: ReadonlySet<number>
  readonly hours: ReadonlySet<number>
  readonly daysOfMonth: ReadonlySet<number>
  /** 1 is January. */
  readonly months: ReadonlySet<number>
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>
  /** Where both kinds of days are restricted, one that matches either is a match; a star restricts nothing. */
  readonly anyDayOfMonth: boolean
  readonly anyDayOfWeek: boolean
}

export type CronSchedule = CronFields | { readonly everyMs: number }

interface Bounds {
  readonly min: number
  readonly max: number
  readonly names?: readonly string[]
}

const minutes: Bounds = { min: 0, max: 59 }
const hours: Bounds = { min: 0, max: 23 }
const daysOfMonth: Bounds = { min: 1, max: 31 }
const months: Bounds = {
  min: 1,
  max: 12,
  names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
}
const daysOfWeek: Bounds = { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] }

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

const lengthMax = 1_024 // longer than any schedule that is meant

/** The schedule, or what is wrong with the text. A time zone in front of it (`TZ=…`) is left to the caller. */
export const parseCronSchedule = (text: string): CronSchedule | string => {
  const spec = text.replace(/^(?:CRON_)?TZ=\S*\s*/, '')
  if (spec === '') return 'empty spec string'
  if (spec.length > lengthMax) return `must be no more than ${lengthMax} characters`
  if (!spec.startsWith('@')) return parseFields(spec)
  const known = Object.hasOwn(descriptors, spec) ? descriptors[spec] : undefined
  if (known !== undefined) return parseFields(known)
  return spec.startsWith('@every ') ? parseEvery(spec) : `unrecognized descriptor: ${spec}`
}

const second = 1000

const parseEvery = (spec: string): CronSchedule | string => {
  try {
    const ms = parseGoDuration(spec.slice('@every '.length))
    return { everyMs: Math.max(second, ms - (ms % second)) }
  } catch (error) {
    if (isStatusError(error)) return `failed to parse duration ${spec}: ${error.message}`
    throw error
  }
}

const parseFields = (spec: string): CronSchedule | string => {
  const words = spec.split(/\s+/).filter((word) => word !== '')
  if (words.length !== 5) {
    return `expected exactly 5 fields, found ${words.length}: [${words.join(' ')}]`
  }
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = words
  const fields = [
    parseField(minute, minutes),
    parseField(hour, hours),
    parseField(day, daysOfMonth),
    parseField(month, months),
    parseField(weekday, daysOfWeek),
  ] as const
  for (const field of fields) if (typeof field === 'string') return field
  const [m, h, dom, mon, dow] = fields.map((field) => (typeof field === 'string' ? nothing : field))
  return {
    minutes: (m ?? nothing).values,
    hours: (h ?? nothing).values,
    daysOfMonth: (dom ?? nothing).values,
    months: (mon ?? nothing).values,
    daysOfWeek: (dow ?? nothing).values,
    anyDayOfMonth: (dom ?? nothing).isAny,
    anyDayOfWeek: (dow ?? nothing).isAny,
  }
}

interface Field {
  readonly values: ReadonlySet<number>
  readonly isAny: boolean
}

const nothing: Field = { values: new Set(), isAny: false }

const parseField = (text: string, bounds: Bounds): Field | string => {
  const values = new Set<number>()
  let isAny = false
  for (const part of text.split(',').filter((word) => word !== '')) {
    const range = parseRange(part, bounds)
    if (typeof range === 'string') return range
    for (let value = range.start; value <= range.end; value += range.step) values.add(value)
    isAny ||= range.isAny
  }
  return { values, isAny }
}

interface Range {
  readonly start: number
  readonly end: number
  readonly step: number
  readonly isAny: boolean
}

const parseRange = (part: string, bounds: Bounds): Range | string => {
  const halves = part.split('/')
  const [span = '', stepText] = halves
  const limits = span.split('-')
  const [low = '', high] = limits
  const isStar = low === '*' || low === '?'
  const start = isStar ? bounds.min : numberOrName(low, bounds)
  if (typeof start === 'string') return start
  if (!isStar && limits.length > 2) return `too many hyphens: ${part}`
  if (halves.length > 2) return `too many slashes: ${part}`
  const step = stepText === undefined ? 1 : parseNumber(stepText)
  if (typeof step === 'string') return step
  const end = isStar ? bounds.max : endOf(high, { start, hasStep: stepText !== undefined }, bounds)
  if (typeof end === 'string') return end
  if (start < bounds.min) return `beginning of range (${start}) below minimum (${bounds.min}): ${part}`
  if (end > bounds.max) return `end of range (${end}) above maximum (${bounds.max}): ${part}`
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${part}`
  if (step === 0) return `step of range should be a positive number: ${part}`
  return { start, end, step, isAny: isStar && step === 1 }
}

/** `N/STEP` goes on to the end; `N` alone is N. */
const endOf = (
  high: string | undefined,
  { start, hasStep }: { readonly start: number; readonly hasStep: boolean },
  bounds: Bounds,
): number | string => {
  if (high !== undefined) return numberOrName(high, bounds)
  return hasStep ? bounds.max : start
}

const numberOrName = (text: string, { min, names }: Bounds): number | string => {
  const index = names?.indexOf(text.toLowerCase()) ?? -1
  return index < 0 ? parseNumber(text) : index + min
}

const parseNumber = (text: string): number | string => {
  if (!/^[+-]?\d{1,15}$/.test(text)) {
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${quote(text)}: invalid syntax`
  }
  const number = Number(text)
  return number < 0 ? `negative number (${number}) not allowed: ${text}` : number
}
