/** Hands out the offsets of a node's address range. Pure but for its own memory; the pods' records are what lasts. */
import { loopbackBlockBits } from '../api/pod-address.ts'

export interface AddressPool {
  /** A free offset, or undefined when there is none. The longest unused come first: a late packet meets nobody. */
  take(): number | undefined
  /** Marks an offset that a record says is in use. */
  hold(index: number): void
  free(index: number): void
}

const size = 2 ** (32 - loopbackBlockBits)
const first = 1 // the range's own address, and the last one, stay unused
const last = size - 2

export function createAddressPool(): AddressPool {
  const held = new Set<number>()
  let cursor = first
  return {
    take() {
      for (let tries = first; tries <= last; tries++) {
        const index = cursor
        cursor = cursor === last ? first : cursor + 1
        if (held.has(index)) continue
        held.add(index)
        return index
      }
      return undefined
    },
    hold: (index) => void held.add(index),
    free: (index) => void held.delete(index),
  }
}
