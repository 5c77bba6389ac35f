/** Checks of single values that many kinds share (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { parseIp } from '../addresses.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import {
  checkDns1123Label,
  checkDns1123Subdomain,
  checkPortName,
  checkPortNumber,
  checkQualifiedName,
} from '../names.ts'
import type { IntOrString } from '../schema/types.gen.ts'
import { invalid } from '../validate-meta.ts'

type Errors = readonly FieldError[]

export const negativeMessage = 'must be greater than or equal to 0'
export const protocols: readonly string[] = ['SCTP', 'TCP', 'UDP']
export const int32Max = 2 ** 31 - 1

export const validateNonnegative = (value: number | undefined, field: string): Errors =>
  (value ?? 0) < 0 ? [fieldError.invalid(field, value, negativeMessage)] : []

export const validateDnsLabel = (value: string, field: string): Errors =>
  invalid(field, value, checkDns1123Label(value))

export const validateDnsSubdomain = (value: string, field: string): Errors =>
  invalid(field, value, checkDns1123Subdomain(value))

export const validateQualifiedName = (value: string, field: string): Errors =>
  invalid(field, value, checkQualifiedName(value))

/** A port by number or by the name it has in a container. */
export const validatePort = (port: IntOrString | undefined, field: string): Errors =>
  typeof port === 'string'
    ? invalid(field, port, checkPortName(port))
    : invalid(field, port ?? 0, checkPortNumber(port ?? 0))

export const validatePortNumber = (port: number | undefined, field: string): Errors =>
  invalid(field, port ?? 0, checkPortNumber(port ?? 0))

/** One of a closed set; an empty value is missing. */
export const validateChoice = (
  value: string | undefined,
  field: string,
  supported: readonly string[],
): Errors => {
  if (value === undefined || value === '') return [fieldError.required(field)]
  return supported.includes(value) ? [] : [fieldError.notSupported(field, value, supported)]
}

/** Like `validateChoice`, for a field that may be absent. */
export const validateOptionalChoice = (
  value: string | undefined,
  field: string,
  supported: readonly string[],
): Errors => (value === undefined ? [] : validateKnown(value, field, supported))

const validateKnown = (value: string, field: string, supported: readonly string[]): Errors =>
  supported.includes(value) ? [] : [fieldError.notSupported(field, value, supported)]

/** A path below some folder. */
export const validateDescendingPath = (path: string, field: string): Errors => [
  ...(path.startsWith('/') ? [fieldError.invalid(field, path, 'must be a relative path')] : []),
  ...validateNoBacksteps(path, field),
]

export const validateNoBacksteps = (path: string, field: string): Errors =>
  path.split('/').includes('..') ? [fieldError.invalid(field, path, "must not contain '..'")] : []

/** A path below a volume, whose names with two dots in front are the volume's own. */
export const validateVolumePath = (path: string, field: string): Errors => [
  ...validateDescendingPath(path, field),
  ...(path.startsWith('..') && !path.startsWith('../') && path !== '..'
    ? [fieldError.invalid(field, path, "must not start with '..'")]
    : []),
]

/** An address that means the same host to everybody. */
export const validateNonSpecialIp = (ip: string, field: string): Errors => {
  const parts = parseIp(ip)
  if (parts === undefined) return [fieldError.invalid(field, ip, 'must be a valid IP address')]
  const problem = parts.length === 4 ? specialIpv4(parts) : specialIpv6(parts)
  if (problem === undefined) return []
  return [
    fieldError.invalid(field, ip, problem === 'unspecified' ? `may not be unspecified (${ip})` : problem),
  ]
}

const loopback = 'may not be in the loopback range (127.0.0.0/8, ::1/128)'
const linkLocal = 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'
const linkLocalMulticast = 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'

const specialIpv4 = ([a = 0, b = 0, c = 0, d = 0]: readonly number[]): string | undefined => {
  if (a + b + c + d === 0) return 'unspecified'
  if (a === 127) return loopback
  if (a === 169 && b === 254) return linkLocal
  return a === 224 && b === 0 && c === 0 ? linkLocalMulticast : undefined
}

const specialIpv6 = (groups: readonly number[]): string | undefined => {
  const first = groups[0] ?? 0
  if (groups.slice(0, 7).every((group) => group === 0)) {
    if (groups[7] === 0) return 'unspecified'
    if (groups[7] === 1) return loopback
  }
  if ((first & 0xffc0) === 0xfe80) return linkLocal
  return (first & 0xff0f) === 0xff02 ? linkLocalMulticast : undefined
}
