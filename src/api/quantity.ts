/**
 * Amounts of cpu, memory and other resources: `500m`, `1Gi`, `1e3`. A quantity is an exact count of billionths (the
 * smallest amount Kubernetes knows) and the notation it was written in, which decides how sums are printed.
 *
 * Output is canonical as upstream's (apimachinery pkg/api/resource/quantity.go eed236c), so that a stored object reads
 * the same from both: no fraction, the largest suffix that leaves an integer.
 */
import { badRequest, type StatusError } from './status.ts'

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent'

export interface Quantity {
  /** The amount times 10⁹. */
  readonly nano: bigint
  readonly format: QuantityFormat
  /** The text it was parsed from where upstream keeps it as it is; gone after any arithmetic. */
  readonly text?: string
}

const formatMessage =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
const suffixMessage = "unable to parse quantity's suffix"

const lengthMax = 128 // longer than any amount that is meant; bounds the arithmetic on it
const growthMax = 16 // nine places and a suffix, or two digits for an exponent of three
const exponentMax = 300 // likewise; a float64 ends at 308
const wholeMax = 2n ** 63n - 1n // binary amounts are capped here, as upstream
const one = 1_000_000_000n
const decimalDigitsMax = 18 // upstream's limit for its fast path, which keeps the text

const shape = /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/

const decimalSuffixes = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
])
const binarySuffixes = new Map([
  ['Ki', 10],
  ['Mi', 20],
  ['Gi', 30],
  ['Ti', 40],
  ['Pi', 50],
  ['Ei', 60],
])

interface Parts {
  readonly text: string
  readonly isNegative: boolean
  readonly whole: string
  readonly fraction: string
  readonly format: QuantityFormat
  /** Of 2 for `BinarySI`, of 10 otherwise. */
  readonly exponent: number
}

/** Throws BadRequest with upstream's message. */
export const parseQuantity = (text: string): Quantity => {
  const parts = splitQuantity(text)
  if (parts instanceof Error) throw parts
  return quantityFrom(parts)
}

const quantityFrom = (parts: Parts): Quantity => {
  const { text } = parts
  const magnitude = magnitudeOf(parts)
  const isFraction = magnitude > 0n && magnitude < one
  return {
    nano: parts.isNegative ? -magnitude : magnitude,
    format: parts.format === 'BinarySI' && isFraction ? 'DecimalSI' : parts.format,
    ...(isKeptAsWritten(parts, magnitude) ? { text } : {}),
  }
}

/** What is wrong with the text, in upstream's words; undefined when it is a quantity. */
export const quantityProblem = (text: string): string | undefined => {
  const parts = splitQuantity(text)
  return parts instanceof Error ? parts.message : undefined
}

/** The form in which an API server stores and returns it: `1024Mi` is `1Gi`, `0.5` is `500m`. JSON numbers count too. */
export const canonicalQuantity = (value: string | number): string =>
  formatQuantity(parseQuantity(typeof value === 'number' ? String(value) : value.trim()))

export const formatQuantity = ({ nano, format, text }: Quantity): string => {
  if (text !== undefined) return text
  if (nano === 0n) return '0'
  const isSmall = nano > -1024n * one && nano < 1024n * one
  if (format === 'BinarySI' && !isSmall && nano % one === 0n) return formatBinary(nano / one)
  return formatDecimal(nano, format === 'DecimalExponent')
}

export const compareQuantities = (a: Quantity, b: Quantity): -1 | 0 | 1 =>
  a.nano === b.nano ? 0 : a.nano < b.nano ? -1 : 1

/** In the notation of `a`, unless that is zero. */
export const addQuantities = (a: Quantity, b: Quantity): Quantity => ({
  nano: a.nano + b.nano,
  format: a.nano === 0n ? b.format : a.format,
})

export const subtractQuantities = (a: Quantity, b: Quantity): Quantity =>
  addQuantities(a, { nano: -b.nano, format: b.format })

export const multiplyQuantity = ({ nano, format }: Quantity, times: number): Quantity => ({
  nano: nano * BigInt(times),
  format,
})

export const zeroQuantity: Quantity = { nano: 0n, format: 'DecimalSI' }

/** An integer amount, for example bytes in `BinarySI`. */
export const quantityOf = (amount: number, format: QuantityFormat = 'DecimalSI'): Quantity => ({
  nano: BigInt(amount) * one,
  format,
})

/** Thousandths, for example of a cpu. */
export const milliQuantityOf = (milli: number): Quantity => ({
  nano: BigInt(milli) * 1_000_000n,
  format: 'DecimalSI',
})

/** The amount as an integer, rounded away from zero; exact up to 2⁵³. */
export const valueOf = ({ nano }: Quantity): number => Number(divideAwayFromZero(nano, one))

/** Thousandths as an integer, rounded away from zero. */
export const milliValueOf = ({ nano }: Quantity): number => Number(divideAwayFromZero(nano, 1_000_000n))

const splitQuantity = (text: string): Parts | StatusError => {
  const match = text.length <= lengthMax ? shape.exec(text) : null
  const [, sign = '', digits = '', fraction = '', suffix = ''] = match ?? []
  if (match === null || digits + fraction === '') return badRequest(formatMessage)
  const unit = interpretSuffix(suffix)
  if (unit === undefined) return badRequest(suffixMessage)
  // `1000e300` would be stored as `1e303`.
  const zeros = /[1-9](0*)$/.exec(digits + fraction)?.[1]?.length ?? 0
  if (unit.format === 'DecimalExponent' && unit.exponent - fraction.length + zeros > exponentMax)
    return badRequest(suffixMessage)
  const parts = { text, isNegative: sign === '-', whole: digits.replace(/^0+/, ''), fraction, ...unit }
  // `1e8` is stored as `100e6`, and nine places as `n`: what is stored must be readable again.
  const mayGrow = text.length > lengthMax - growthMax
  return mayGrow && formatQuantity(quantityFrom(parts)).length > lengthMax ? badRequest(formatMessage) : parts
}

const interpretSuffix = (suffix: string): Pick<Parts, 'format' | 'exponent'> | undefined => {
  const decimal = decimalSuffixes.get(suffix)
  if (decimal !== undefined) return { format: 'DecimalSI', exponent: decimal }
  const binary = binarySuffixes.get(suffix)
  if (binary !== undefined) return { format: 'BinarySI', exponent: binary }
  const exponent = /^[eE]([+-]?\d+)$/.exec(suffix)?.[1]
  if (exponent === undefined || Math.abs(Number(exponent)) > exponentMax) return undefined
  return { format: 'DecimalExponent', exponent: Number(exponent) }
}

/** The absolute amount in billionths; a positive one smaller than that becomes one, so that nobody gets nothing. */
const magnitudeOf = ({ whole, fraction, format, exponent }: Parts): bigint => {
  const digits = BigInt(whole + fraction)
  const isBinary = format === 'BinarySI'
  const mantissa = isBinary ? digits << BigInt(exponent) : digits
  const scale = 9 - fraction.length + (isBinary ? 0 : exponent)
  const magnitude =
    scale >= 0 ? mantissa * 10n ** BigInt(scale) : divideAwayFromZero(mantissa, 10n ** BigInt(-scale))
  return isBinary && magnitude > wholeMax * one ? wholeMax * one : magnitude
}

/** Upstream gives back what it parsed without reformatting when a quick look finds it canonical (`1.123`, `+5`). */
const isKeptAsWritten = ({ whole, fraction, format, exponent }: Parts, magnitude: bigint): boolean => {
  const digits = (whole === '' ? '0' : whole) + fraction
  if (magnitude === 0n || digits.startsWith('0')) return false
  if (format === 'BinarySI') {
    const spare = 15 - digits.length - Math.trunc((exponent * 3) / 10) - 1
    return fraction === '' && spare >= 0 && BigInt(digits) % 8n !== 0n
  }
  const scale = exponent - fraction.length
  return digits.length <= decimalDigitsMax && scale >= -9 && scale % 3 === 0 && !digits.endsWith('000')
}

const formatBinary = (amount: bigint): string => {
  let [mantissa, suffix] = [amount, '']
  for (const next of binarySuffixes.keys()) {
    if (mantissa % 1024n !== 0n) break
    mantissa /= 1024n
    suffix = next
  }
  return `${mantissa}${suffix}`
}

const formatDecimal = (nano: bigint, withExponent: boolean): string => {
  let [mantissa, exponent] = [nano, -9]
  while (mantissa % 1000n === 0n && (withExponent || exponent < 18)) {
    mantissa /= 1000n
    exponent += 3
  }
  if (withExponent) return exponent === 0 ? String(mantissa) : `${mantissa}e${exponent}`
  const suffix = [...decimalSuffixes].find(([, power]) => power === exponent)?.[0] ?? ''
  return `${mantissa}${suffix}`
}

const divideAwayFromZero = (dividend: bigint, divisor: bigint): bigint => {
  const quotient = dividend / divisor
  if (dividend % divisor === 0n) return quotient
  return dividend > 0n ? quotient + 1n : quotient - 1n
}
