/**
 * Several versions of a kind are one object: the store holds it in one of them, every other version converts at this
 * boundary, in and out, so that everything above it sees the version that was asked for. A definition says how
 * (`ResourceDef.storage`); for most there is nothing to do.
 */
import type { KubeObject } from '../api/meta.ts'
import type { ResourceDef } from '../api/resource.ts'
import { encodeStored, parseJson } from './wire.ts'

type Versioned = Pick<ResourceDef, 'storage'>

/** What the store holds, from the bytes of an object of `def`. */
export const storedForm = ({ storage }: Versioned, served: Uint8Array): Uint8Array =>
  storage ? encodeStored(storage.toStorage(parseJson<KubeObject>(served))) : served

/** The bytes of an object of `def`, from what the store holds. */
export const servedForm = ({ storage }: Versioned, stored: Uint8Array): Uint8Array =>
  storage ? encodeStored(storage.fromStorage(parseJson<KubeObject>(stored))) : stored
