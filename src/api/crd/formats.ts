/** The formats that a schema's `format` may ask for. One that is not here is ignored, as upstream ignores it. */
import { isIpv4, isIpv6, checkCidr } from '../addresses.ts'
import { checkDns1123Subdomain } from '../names.ts'
import { base64ErrorAt } from '../schema/base64.ts'
import { canonicalTime } from '../schema/time.ts'

/** Whether a string is of the format; true for a format that nobody checks. */
export const hasFormat = (value: string, format: string): boolean => formats.get(format)?.(value) ?? true

const matches =
  (pattern: RegExp) =>
  (value: string): boolean =>
    pattern.test(value)

const isDate = (value: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(value) && 'text' in canonicalTime(`${value}T00:00:00Z`, 'time')

/** A URL with a scheme, or a path: what Go calls a request URI. */
const isUri = (value: string): boolean => value.startsWith('/') || /^[A-Za-z][A-Za-z0-9+.-]*:\S*$/.test(value)

const formats: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['byte', (value: string) => base64ErrorAt(value) < 0],
  ['cidr', (value: string) => checkCidr(value).length === 0],
  ['date', isDate],
  ['date-time', (value: string) => 'text' in canonicalTime(value, 'time')],
  ['datetime', (value: string) => 'text' in canonicalTime(value, 'time')],
  ['duration', matches(/^[+-]?(\d+(\.\d*)?|\.\d+)\s*[a-zA-Zµ]+((\d+(\.\d*)?|\.\d+)[a-zA-Zµ]+)*$/)],
  ['email', matches(/^[^\s@]+@[^\s@]+$/)],
  ['hexcolor', matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  ['hostname', (value: string) => checkDns1123Subdomain(value.toLowerCase()).length === 0],
  ['ipv4', isIpv4],
  ['ipv6', isIpv6],
  ['mac', matches(/^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/)],
  ['uri', isUri],
  ['uuid', matches(/^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$/)],
])
