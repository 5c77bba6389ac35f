/**
 * Times as Kubernetes writes them. Reading follows Go's `time.Parse` for the two layouts, its error texts included:
 * they reach the user in the answer to a request with a bad time.
 */
export type TimeLayout = 'time' | 'microTime'

/** The canonical text in UTC, or why it is no time of that layout. */
export const canonicalTime = (text: string, layout: TimeLayout): { text: string } | { error: string } => {
  if (layout === 'time' && isCanonical(text)) return { text }
  const reader = new TimeReader(text, layout)
  const found = reader.read()
  return typeof found === 'string'
    ? { error: found }
    : { text: formatTime(found.seconds, found.micros, layout) }
}

/** Seconds since the epoch (negative before it) and microseconds of that second, as text. */
export const formatTime = (seconds: number, micros: number, layout: TimeLayout): string => {
  const text = new Date(seconds * 1000).toISOString().slice(0, 19)
  return layout === 'time' ? `${text}Z` : `${text}.${String(micros).padStart(6, '0')}Z`
}

/** Almost every time that arrives was written by a server; checking days by month is left to the full reader. */
const isCanonical = (text: string): boolean =>
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/.test(text)

const layouts = { time: '2006-01-02T15:04:05Z07:00', microTime: '2006-01-02T15:04:05.000000Z07:00' } as const

interface Instant {
  readonly seconds: number
  readonly micros: number
}

/** One part of the layout: how Go names it in errors, what it must look like, which numbers are in range. */
const parts = [
  { name: 'year', element: '2006', pattern: /^\d{4}/, min: 0, max: 9999 },
  { name: '', element: '-', pattern: /^-/, min: 0, max: 0 },
  { name: 'month', element: '01', pattern: /^\d\d/, min: 1, max: 12 },
  { name: '', element: '-', pattern: /^-/, min: 0, max: 0 },
  { name: 'day', element: '02', pattern: /^\d\d/, min: 0, max: 99 },
  { name: '', element: 'T', pattern: /^T/, min: 0, max: 0 },
  { name: 'hour', element: '15', pattern: /^\d\d/, min: 0, max: 23 },
  { name: '', element: ':', pattern: /^:/, min: 0, max: 0 },
  { name: 'minute', element: '04', pattern: /^\d\d/, min: 0, max: 59 },
  { name: '', element: ':', pattern: /^:/, min: 0, max: 0 },
  { name: 'second', element: '05', pattern: /^\d\d/, min: 0, max: 59 },
] as const

class TimeReader {
  readonly #text: string
  readonly #layout: TimeLayout
  #rest: string

  constructor(text: string, layout: TimeLayout) {
    this.#text = text
    this.#layout = layout
    this.#rest = text
  }

  read(): Instant | string {
    const numbers: number[] = []
    for (const part of parts) {
      const found = part.pattern.exec(this.#rest)?.[0]
      if (found === undefined) return this.#cannotParse(part.element)
      if (part.name !== '') {
        const value = Number(found)
        if (value < part.min || value > part.max) return this.#outOfRange(part.name)
        numbers.push(value)
      }
      this.#rest = this.#rest.slice(found.length)
    }
    const fraction = (this.#layout === 'time' ? /^(?:[.,]\d+)?/ : /^[.,]\d{6}/).exec(this.#rest)?.[0]
    if (fraction === undefined) return this.#cannotParse('.000000')
    this.#rest = this.#rest.slice(fraction.length)
    const zone = /^(?:Z|([+-])(\d\d):(\d\d))/.exec(this.#rest)
    if (!zone) return this.#cannotParse('Z07:00')
    const [offset, sign, hours = '0', minutes = '0'] = zone
    if (Number(hours) > 24) return this.#outOfRange('time zone offset hour')
    if (Number(minutes) > 60) return this.#outOfRange('time zone offset minute')
    this.#rest = this.#rest.slice(offset.length)
    if (this.#rest !== '') return `parsing time ${show(this.#text)}: extra text: ${show(this.#rest)}`
    const shiftSeconds = (Number(hours) * 60 + Number(minutes)) * 60 * (sign === '-' ? -1 : 1)
    return this.#instant(numbers, shiftSeconds, Number(fraction.slice(1, 7).padEnd(6, '0')))
  }

  #instant(numbers: readonly number[], shiftSeconds: number, micros: number): Instant | string {
    const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = numbers
    const date = new Date(0)
    date.setUTCFullYear(year, month - 1, day)
    if (day < 1 || date.getUTCDate() !== day) return this.#outOfRange('day')
    date.setUTCHours(hour, minute, second)
    const seconds = date.getTime() / 1000 - shiftSeconds
    if (seconds < yearZero || seconds > yearMax) return this.#outOfRange('year')
    return { seconds, micros }
  }

  #cannotParse(element: string): string {
    const layout = layouts[this.#layout]
    return `parsing time ${show(this.#text)} as "${layout}": cannot parse ${show(this.#rest)} as "${element}"`
  }

  #outOfRange(what: string): string {
    return `parsing time ${show(this.#text)}: ${what} out of range`
  }
}

/** 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what four digits can say. */
const yearZero = -62167219200
const yearMax = 253402300799

const show = (text: string): string => JSON.stringify(text)
