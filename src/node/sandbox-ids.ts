/**
 * Users and groups of sandboxed pods, where the agent is root. Each pod has a number of its own, which follows from its
 * address: no two pods of a machine share one, whichever agent they belong to. It is its user, unless the pod names another,
 * and always one of its groups: by that the packet filter knows it (`network-wall.ts`).
 *
 * Pods with claims leave files behind for the next one, which has another address. They have the user of their namespace.
 */
import { createHash } from 'node:crypto'
import { loopbackBlockBits, parseCIDR, parseIPv4 } from '../api/pod-address.ts'

/** Above what systemd gives to people, services and containers, below what some programs take for negative. */
const firstId = 1_879_048_192
/** Where nodes take their blocks from: 127.64.0.0/10. */
const firstAddress = 0x7f400000
const addresses = 2 ** 22

/** `address` is 127.x. */
export function podIdOf(address: string): number {
  const value = parseIPv4(address)
  if (value === undefined || value < firstAddress)
    throw new Error(`${address} is no address of a pod on its machine`)
  return firstId + value - firstAddress
}

/** Of pods with claims. Namespaces that meet here, which is improbable, are held apart by what each pod sees. */
export function namespaceIdOf(namespace: string): number {
  const hash = createHash('sha256').update(namespace).digest().readUInt32BE()
  return firstId + addresses + (hash % addresses)
}

export const isPodId = (id: number): boolean => id >= firstId && id < firstId + 2 * addresses

/** Of all pods that an agent may have; both ends included. */
export function podIdsOf(loopbackBlock: string): { readonly first: number; readonly last: number } {
  const first = podIdOf(loopbackBlock.split('/')[0] ?? '')
  const { size } = parseCIDR(loopbackBlock) ?? { size: 2 ** (32 - loopbackBlockBits) }
  return { first, last: first + size - 1 }
}
