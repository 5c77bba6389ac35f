/** A field that takes a count or a percentage (`maxSurge`), or a number or a name (`targetPort`). */
import { quote } from './quote.ts'
import { badRequest } from './status.ts'

export type IntOrString = number | string

export interface Scaling {
  readonly total: number
  /** `maxSurge` rounds up, `maxUnavailable` down. */
  readonly round: 'up' | 'down'
}

/** A count as it is, a percentage of `total` rounded. Throws BadRequest for text that is no percentage. */
export const scaledValue = (value: IntOrString, { total, round }: Scaling): number => {
  if (typeof value === 'number') return value
  const percent = percentOf(value)
  if (percent === undefined) {
    const why = value.endsWith('%')
      ? `invalid value ${quote(value)}`
      : 'invalid type: string is not a percentage'
    throw badRequest(`invalid value for IntOrString: ${why}`)
  }
  const scaled = (percent * total) / 100
  return round === 'up' ? Math.ceil(scaled) : Math.floor(scaled)
}

/** The number of `25%`; undefined for anything else. */
export const percentOf = (value: IntOrString): number | undefined =>
  typeof value === 'string' && /^[+-]?\d{1,15}%$/.test(value) ? Number(value.slice(0, -1)) : undefined
