/**
 * Durations as kubectl prints them and as Go writes them. The rounding rules are upstream's, to the second
 * (apimachinery pkg/util/duration/duration.go eed236c): the AGE column is compared by people and by tests.
 */
import { quote } from './quote.ts'
import { badRequest } from './status.ts'

/** Two or three significant figures: `90s`, `2m3s`, `5h`, `3d`, `2y100d`. Clocks may differ by a second; beyond that `<invalid>`. */
export const humanDuration = (ms: number): string => {
  const seconds = Math.trunc(ms / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 120) return `${Math.abs(seconds)}s`
  const minutes = Math.trunc(seconds / 60)
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.trunc(minutes / 60)
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  const days = Math.trunc(hours / 24)
  if (days < 8) return pair(days, 'd', hours % 24, 'h')
  if (days < 365 * 2) return `${days}d`
  const years = Math.trunc(days / 365)
  if (days < 365 * 8) return pair(years, 'y', days % 365, 'd')
  return `${years}y`
}

/** One unit only: `59s`, `3m`, `7h`, `364d`, `2y`. */
export const shortHumanDuration = (ms: number): string => {
  const seconds = Math.trunc(ms / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 60) return `${Math.abs(seconds)}s`
  if (seconds < 3600) return `${Math.trunc(seconds / 60)}m`
  const hours = Math.trunc(seconds / 3600)
  if (hours < 24) return `${hours}h`
  const days = Math.trunc(hours / 24)
  return days < 365 ? `${days}d` : `${Math.trunc(days / 365)}y`
}

/** The AGE cell of a timestamp; `<unknown>` when there is none. */
export const ageOf = (timestamp: string | null | undefined, nowMs: number): string => {
  const sinceMs = Date.parse(timestamp ?? '')
  return Number.isNaN(sinceMs) ? '<unknown>' : humanDuration(nowMs - sinceMs)
}

/** Milliseconds of a Go duration: `1h2m3s`, `500ms`, `-1.5h`, `0`. Throws BadRequest with Go's words. */
export const parseGoDuration = (text: string): number => {
  const sign = text.startsWith('-') ? -1 : 1
  let rest = /^[+-]/.test(text) ? text.slice(1) : text
  if (rest === '0') return 0
  if (rest === '' || text.length > goDurationLengthMax) throw invalidDuration(text)
  let ms = 0
  while (rest !== '') {
    const number = /^(?:\d+\.?\d*|\.\d+)/.exec(rest)?.[0]
    if (number === undefined) throw invalidDuration(text)
    rest = rest.slice(number.length)
    const unit = /^[^\d.]*/.exec(rest)?.[0] ?? ''
    if (unit === '') throw badRequest(`time: missing unit in duration ${quote(text)}`)
    const unitMs = msByUnit.get(unit)
    if (unitMs === undefined) throw badRequest(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`)
    rest = rest.slice(unit.length)
    ms += Number(number) * unitMs
  }
  if (ms > goDurationMsMax) throw invalidDuration(text)
  return sign * ms
}

const goDurationLengthMax = 256 // far beyond what anybody writes; keeps the parser linear in a small number
const goDurationMsMax = 9_223_372_036_854 // Go counts nanoseconds in 63 bits

const msByUnit: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3], // U+00B5, micro sign
  ['μs', 1e-3], // U+03BC, Greek mu
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])

const invalidDuration = (text: string) => badRequest(`time: invalid duration ${quote(text.slice(0, 300))}`)

const pair = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`
