/**
 * PostgreSQL's binary form of a one-dimensional array: a parameter that needs no quoting and is copied once.
 *
 *     dimensions 1 │ nulls 0 │ type of the elements │ count │ first index 1 │ { length │ bytes } …
 */
const headBytes = 20
const types = { bytea: 17, int2: 21, int8: 20 } as const
const widths = { int2: 2, int8: 8 } as const

export function encodeBytes(items: readonly Uint8Array[]): Buffer {
  const size = items.reduce((sum, { byteLength }) => sum + 4 + byteLength, headBytes)
  const array = startArray(size, types.bytea, items.length)
  let at = headBytes
  for (const item of items) {
    at = array.writeInt32BE(item.byteLength, at)
    array.set(item, at)
    at += item.byteLength
  }
  return array
}

export function encodeIntegers(type: 'int2' | 'int8', items: readonly number[]): Buffer {
  const width = widths[type]
  const array = startArray(headBytes + items.length * (4 + width), types[type], items.length)
  let at = headBytes
  for (const item of items) {
    at = array.writeInt32BE(width, at)
    at = width === 2 ? array.writeInt16BE(item, at) : array.writeBigInt64BE(BigInt(item), at)
  }
  return array
}

function startArray(size: number, type: number, count: number): Buffer {
  const array = Buffer.allocUnsafe(size)
  for (const [i, word] of [1, 0, type, count, 1].entries()) array.writeInt32BE(word, i * 4)
  return array
}
