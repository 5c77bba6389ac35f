/** Indexes of a job's pods as text: `0,2-4,7` (kubernetes pkg/apis/batch/validation/validation.go 088d115). */
import { quote } from '../quote.ts'

interface Interval {
  readonly first: number
  readonly last: number
}

/** How many indexes the text names; the first thing that is wrong with it in upstream's words. */
export const readIndexes = (
  text: string,
  completions: number,
): { readonly total: number; readonly problem?: string } => {
  let total = 0
  let previous: number | undefined
  for (const part of text === '' ? [] : text.split(',')) {
    const interval = readInterval(part, completions)
    if (typeof interval === 'string') return { total: 0, problem: interval }
    if (previous !== undefined && previous >= interval.first) {
      return { total: 0, problem: orderProblem(previous, interval.first) }
    }
    total += interval.last - interval.first + 1
    previous = interval.last
  }
  return { total }
}

/** The first index that both name. What can't be read is passed over: `readIndexes` tells of it. */
export const commonIndex = (one: string, other: string, completions: number): number | undefined => {
  const [left, right] = [intervalsOf(one, completions), intervalsOf(other, completions)]
  let [l, r] = [0, 0]
  for (;;) {
    const [a, b] = [left[l], right[r]]
    if (a === undefined || b === undefined) return undefined
    if (a.first <= b.last && b.first <= a.last) return Math.max(a.first, b.first)
    if (a.first <= b.first) l++
    else r++
  }
}

const intervalsOf = (text: string, completions: number): readonly Interval[] =>
  (text === '' ? [] : text.split(','))
    .map((part) => readInterval(part, completions))
    .filter((interval) => typeof interval !== 'string')

const readInterval = (part: string, completions: number): Interval | string => {
  const limits = part.split('-')
  if (limits.length > 2) {
    return `the fragment ${quote(part)} violates the requirement that an index interval can have at most two parts separated by '-'`
  }
  for (const limit of limits) {
    if (!/^[+-]?\d{1,15}$/.test(limit)) return `cannot convert string to integer for index: ${quote(limit)}`
    if (Number(limit) >= completions) return `too large index: ${quote(limit)}`
  }
  const [first = 0, last = first] = limits.map(Number)
  return limits.length === 2 && first >= last ? orderProblem(first, last) : { first, last }
}

const orderProblem = (previous: number, current: number): string =>
  `non-increasing order, previous: ${previous}, current: ${current}`
