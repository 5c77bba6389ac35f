/**
 * Many byte strings in one buffer, with the offset at which each ends. A message between threads costs by the
 * number of its buffers: one that is transferred beats hundreds that are cloned.
 */
export interface Packed {
  readonly ends: Uint32Array
  readonly bytes: Uint8Array<ArrayBuffer>
}

const nothing = new Uint8Array()

export function pack(parts: readonly (Uint8Array | undefined)[]): Packed {
  const ends = new Uint32Array(parts.length)
  let size = 0
  for (let i = 0; i < parts.length; i++) {
    size += parts[i]?.byteLength ?? 0
    ends[i] = size
  }
  const bytes = new Uint8Array(size)
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]
    if (part) bytes.set(part, start(ends, i))
  }
  return { ends, bytes }
}

/** A copy of part `i`, so that holding on to one part does not hold the whole message in memory. */
export function unpack({ ends, bytes }: Packed, i: number): Uint8Array {
  return bytes.slice(start(ends, i), ends[i])
}

/** Part `i` in place. */
export function peek({ ends, bytes }: Packed, i: number): Uint8Array {
  return ends[i] === start(ends, i) ? nothing : bytes.subarray(start(ends, i), ends[i])
}

const start = (ends: Uint32Array, i: number): number => (i === 0 ? 0 : (ends[i - 1] ?? 0))
