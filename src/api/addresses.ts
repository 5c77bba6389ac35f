/** IP addresses and CIDR ranges as text: checked without any platform's parser. */
import type { Problems } from './names.ts'

/** The eight 16-bit groups of an IPv6 address, or the four octets of an IPv4 one; undefined when it is neither. */
export const parseIp = (text: string): readonly number[] | undefined =>
  text.includes(':') ? parseIpv6(text) : parseIpv4(text)

export const isIpv4 = (text: string): boolean => parseIpv4(text) !== undefined
export const isIpv6 = (text: string): boolean => text.includes(':') && parseIpv6(text) !== undefined

export const checkIp = (value: string): Problems =>
  parseIp(value) === undefined ? ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'] : []

export const checkCidr = (value: string): Problems => {
  const [address = '', bits = '', ...rest] = value.split('/')
  const bitsMax = isIpv4(address) ? 32 : isIpv6(address) ? 128 : -1
  const isValid = rest.length === 0 && /^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= bitsMax
  return isValid ? [] : ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']
}

const parseIpv4 = (text: string): readonly number[] | undefined => {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined
  const octets = text.split('.')
  const isValid = octets.every((octet) => Number(octet) <= 255 && (octet === '0' || !octet.startsWith('0')))
  return isValid ? octets.map(Number) : undefined
}

const ipv6LengthMax = 45 // six groups and a dotted quad

const parseIpv6 = (text: string): readonly number[] | undefined => {
  if (text.length > ipv6LengthMax) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const isShort = halves.length === 2
  const head = groupsOf(halves[0] ?? '', !isShort)
  const tail = groupsOf(halves[1] ?? '', isShort)
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (!isShort) return missing === 0 ? head : undefined
  return missing > 0 ? [...head, ...Array<number>(missing).fill(0), ...tail] : undefined
}

/** A dotted quad may only end the whole address. */
const groupsOf = (text: string, isEnd: boolean): readonly number[] | undefined => {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    const [a, b, c, d] = (isEnd && index === parts.length - 1 ? parseIpv4(part) : undefined) ?? []
    if (a !== undefined && b !== undefined && c !== undefined && d !== undefined) {
      groups.push(a * 256 + b, c * 256 + d)
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}
