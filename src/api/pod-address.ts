/**
 * Where a pod of this machine really listens. A pod's IP is an identity out of its node's `podCIDR`; behind it stands
 * a loopback address at the same offset of a block that the node chose (`sampan.dev/loopback-block`). Node agent and
 * gateway both compute one from the other, so neither has to ask.
 */
import { parseIp } from './addresses.ts'

export const loopbackBlockAnnotation = 'sampan.dev/loopback-block'

/** 1,024 addresses: room for the 500 pods of a node, and for addresses that wait for their cleanup. */
export const loopbackBlockBits = 22

export interface PodAddressInput {
  readonly podIP: string
  /** The node's `spec.podCIDR`. */
  readonly podCIDR: string
  /** The node's annotation: `127.A.B.0/22`. */
  readonly loopbackBlock: string
}

/** The 127.x address behind a pod IP; undefined when an input is no IPv4 or the IP lies outside the node's ranges. */
export function localAddressOf({ podIP, podCIDR, loopbackBlock }: PodAddressInput): string | undefined {
  const ip = parseIPv4(podIP)
  const pods = parseCIDR(podCIDR)
  const block = parseCIDR(loopbackBlock)
  if (ip === undefined || !pods || !block || block.base >>> 24 !== 127) return undefined
  const offset = ip - pods.base
  if (offset < 0 || offset >= pods.size || offset >= block.size) return undefined
  return formatIPv4(block.base + offset)
}

/** The address at `offset` of a range; undefined outside of it. */
export function addressAt(cidr: string, offset: number): string | undefined {
  const range = parseCIDR(cidr)
  if (!range || !Number.isInteger(offset) || offset < 0 || offset >= range.size) return undefined
  return formatIPv4(range.base + offset)
}

export interface AddressRange {
  /** First address as a number. */
  readonly base: number
  readonly size: number
}

/** `10.64.4.0/22`; undefined when it is no IPv4 range or has bits set outside of its prefix. */
export function parseCIDR(text: string): AddressRange | undefined {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text)
  const base = parseIPv4(match?.[1] ?? '')
  const bits = Number(match?.[2])
  if (!match || base === undefined || bits > 32) return undefined
  const size = 2 ** (32 - bits)
  return base % size === 0 ? { base, size } : undefined
}

/** An IPv4 address as a number. */
export function parseIPv4(text: string): number | undefined {
  const octets = parseIp(text)
  return octets?.length === 4 ? octets.reduce((value, octet) => value * 256 + octet, 0) : undefined
}

export const formatIPv4 = (value: number): string =>
  [value / 2 ** 24, value / 2 ** 16, value / 2 ** 8, value].map((part) => Math.floor(part) & 255).join('.')
