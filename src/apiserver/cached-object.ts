/** An object as the watch cache holds it: wire bytes that never change, and what selectors ask for. */
import type { KubeObject } from '../api/meta.ts'
import type { ResourceDef } from '../api/resource.ts'
import type { Revision } from '../store/store.ts'
import { resourcePrefix } from './keys.ts'
import { isSet } from './metadata.ts'
import { servedForm, storedForm } from './stored-form.ts'
import { parseJson, storedBytes, wireBytes } from './wire.ts'

type Text = Readonly<Record<string, string>>

const kept = { isKept: true }
/** Of one that only an answer needs. */
export const passing = { isKept: false }

export class CachedObject {
  readonly key: string
  readonly revision: Revision
  /** Wire bytes, shared by every reader. */
  readonly bytes: Buffer
  readonly #def: ResourceDef
  #labels: Text | undefined
  #fields: Text | undefined
  #isBeingDeleted = false

  /** `isKept: false` for one that nobody has when its request is answered. */
  constructor(def: ResourceDef, key: string, stored: Uint8Array, revision: Revision, { isKept } = kept) {
    this.#def = def
    this.key = key
    this.revision = revision
    this.bytes = wireBytes(servedForm(def, stored), revision, { isKept })
  }

  /** The same state under another revision: what a watcher is told when it loses sight of an object. */
  at(revision: Revision): CachedObject {
    const stored = storedForm(this.#def, storedBytes(this.bytes, this.revision))
    return new CachedObject(this.#def, this.key, stored, revision)
  }

  /** Empty for a cluster-scoped object. */
  get namespace(): string {
    return this.#def.namespaced ? this.#path().slice(0, this.#path().indexOf('/')) : ''
  }

  get name(): string {
    return this.key.slice(this.key.lastIndexOf('/') + 1)
  }

  get labels(): Text {
    if (!this.#labels) this.#extract()
    return this.#labels ?? {}
  }

  /** The values of the resource's own field selectors. */
  get fields(): Text {
    if (!this.#fields) this.#extract()
    return this.#fields ?? {}
  }

  /** Bytes that a selector would have to parse first. */
  get unreadBytes(): number {
    return this.#labels ? 0 : this.bytes.length
  }

  /** Marked for deletion. */
  get isBeingDeleted(): boolean {
    if (!this.#labels) this.#extract()
    return this.#isBeingDeleted
  }

  /** A fresh copy, parsed now. */
  parse<T extends KubeObject>(): T {
    return parseJson<T>(this.bytes)
  }

  // Late, because most objects are never asked for by a selector.
  #extract(): void {
    const object = this.parse()
    this.#labels = object.metadata.labels ?? {}
    this.#isBeingDeleted = isSet(object.metadata.deletionTimestamp)
    this.#fields = Object.fromEntries(
      Object.entries(this.#def.selectableFields ?? {}).map(([field, valueOf]) => [field, valueOf(object)]),
    )
  }

  #path(): string {
    return this.key.slice(resourcePrefix(this.#def).length)
  }
}
