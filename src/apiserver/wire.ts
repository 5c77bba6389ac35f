/**
 * The two forms of a serialised object. Stored bytes are its JSON with `kind`, `apiVersion` and `metadata` first and no
 * resourceVersion: that is the revision the store gives the write. Wire bytes are the same with the revision spliced
 * in right after `"metadata":{`, so that a read never parses what it passes on.
 */
import type { KubeObject } from '../api/meta.ts'
import { assert } from '../base/assert.ts'
import type { Revision } from '../store/store.ts'

const opening = Buffer.from('"metadata":{')
const brace = opening.at(-1)

/** The place behind `"metadata":{`. Only `kind` and `apiVersion` come before it, which have no brace. */
function behindOpening(bytes: Uint8Array): number {
  let end = 1
  while (end < bytes.length && bytes[end] !== brace) end++
  end++
  for (let at = 1; at <= opening.length; at++)
    assert(bytes[end - at] === opening.at(-at), 'a stored object has no metadata at its start')
  return end
}

export function encodeStored(object: KubeObject): Buffer {
  const { kind, apiVersion, metadata, ...rest } = object
  const { resourceVersion: _, ...kept } = metadata
  return Buffer.from(JSON.stringify({ kind, apiVersion, metadata: kept, ...rest }))
}

/** `isKept`: for longer than an answer takes. */
export function wireBytes(
  stored: Uint8Array,
  revision: Revision,
  { isKept }: { readonly isKept: boolean },
): Buffer {
  const source = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength)
  const cut = behindOpening(source)
  const field = `"resourceVersion":"${revision}",`
  // From Node's shared pool memory is had for less, but one small object that lives for days would keep its whole 8 KiB slab alive.
  const length = source.length + field.length
  const wire = isKept ? Buffer.allocUnsafeSlow(length) : Buffer.allocUnsafe(length)
  source.copy(wire, 0, 0, cut)
  wire.write(field, cut, 'latin1')
  source.copy(wire, cut + field.length, cut)
  return wire
}

/** The inverse of `wireBytes`. */
export function storedBytes(wire: Buffer, revision: Revision): Buffer {
  const cut = behindOpening(wire)
  return Buffer.concat([
    wire.subarray(0, cut),
    wire.subarray(cut + `"resourceVersion":"${revision}",`.length),
  ])
}

/** A private copy that its caller may change. */
export function parseStored<T extends KubeObject>(stored: Uint8Array, revision: Revision): T {
  const object = parseJson<T>(stored)
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }
}

/** Parses bytes that this server wrote. */
export const parseJson = <T>(bytes: Uint8Array): T =>
  JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as T
