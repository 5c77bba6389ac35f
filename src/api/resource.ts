/**
 * The third seam: everything the system knows about a kind is one `ResourceDef` in one file under `resources/`.
 * Routes, discovery, OpenAPI, table printing, short names, store keys, patches, informers and RBAC verbs are derived
 * from it; no other code names a kind to treat it differently. A CustomResourceDefinition becomes the same record at
 * run time. Pure and browser-safe.
 */
import type { FieldError } from './status.ts'
import type { GroupResource, GroupVersion, KubeObject } from './meta.ts'
import type { TypeDef } from './schema/schema.ts'

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection'

/** A cell of `kubectl get`. Priority 0 is shown always, above 0 with `-o wide`. */
export interface Column<T extends KubeObject = KubeObject> {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly format?: 'name'
  readonly priority?: number
  /** The cell's value. `nowMs` is there for ages; `null` prints as `<none>` would upstream. */
  readonly value: (object: T, nowMs: number) => string | number | boolean | null
}

/** Where the numbers of `/scale` live, as JSON paths below the object. */
export interface ScaleSpec {
  readonly specReplicas: readonly string[]
  readonly statusReplicas: readonly string[]
  /** Path of a LabelSelector object or of a selector string; empty where there is none. */
  readonly selector: readonly string[]
}

/** What a request to a subresource that is no part of the object does is code in `apiserver/`; here only its name and shape. */
export interface SubresourceDef {
  readonly name: string
  readonly verbs: readonly ('get' | 'create' | 'update' | 'patch' | 'delete')[]
  /** The kind of its body where that is not the resource's own: `{group: 'autoscaling', version: 'v1', kind: 'Scale'}`. */
  readonly body?: GroupVersion & { readonly kind: string }
}

/**
 * Several served versions of a kind are one object in the store. The version that is stored has none of this; each other
 * one says here where its objects are kept and how the two forms become each other. Plural and scope are the same in both.
 */
export interface StoredForm<T extends KubeObject = KubeObject> extends GroupVersion {
  /** Pure and total: whatever a client may send has a stored form. The result may share parts with its argument. */
  readonly toStorage: (object: T) => KubeObject
  /** Likewise. `toStorage` of what this yields is its argument again, as far as the version can express it. */
  readonly fromStorage: (stored: KubeObject) => T
}

/** Facts of a request that a strategy may need. */
export interface StrategyContext {
  readonly nowIso: string
  /** A fresh UUID. */
  readonly uuid: () => string
  /** The subresource that is written, if any. */
  readonly subresource?: string
}

export interface ResourceDef<T extends KubeObject = KubeObject> extends GroupVersion {
  readonly kind: string
  readonly listKind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  readonly verbs: readonly Verb[]
  /** Nothing of it is in the store: each answer is made when somebody asks. Its plural may be another resource's too. */
  readonly isVirtual?: true
  readonly subresources: readonly SubresourceDef[]
  readonly scale?: ScaleSpec
  /** The type that decodes, prunes, describes and merges its objects. */
  readonly schema: TypeDef
  readonly columns: readonly Column<T>[]
  /** Set where another definition's version is what the store holds. */
  readonly storage?: StoredForm<T>
  /** Field selectors beyond `metadata.name` and `metadata.namespace`: selector key → its value in an object. */
  readonly selectableFields?: Readonly<Record<string, (object: T) => string>>
  /** Objects live this long after their last write (Event). */
  readonly ttlMs?: number
  /** Seconds of grace of a plain DELETE (Pod); without it, or when it yields 0, an object without finalizers goes at once. */
  readonly gracePeriodSeconds?: (object: T) => number
  /** What `metadata.name` must be. Default: an RFC 1123 subdomain. Yields messages. */
  readonly validateName?: (name: string) => readonly string[]
  /** True: finalizers need no domain (custom resources and their definitions). */
  readonly plainFinalizers?: boolean
  /** True: an update without resourceVersion is refused (Lease has none of it; Service neither). */
  readonly requiresResourceVersionOnUpdate?: boolean
  /** True: PUT on a name that does not exist creates it (Lease, Event upstream). */
  readonly createOnUpdate?: boolean

  /** Fills in what upstream's defaulting fills in. Idempotent. Called on create, update and after patches, on a private copy that it may change. */
  readonly applyDefaults?: (object: T) => void
  /** Before validation of a create: drops status, sets generation and so on. May change its argument. */
  readonly prepareForCreate?: (object: T, context: StrategyContext) => void
  /** Before validation of an update of the object or of `context.subresource`: carries over what the request may not change, bumps generation. May change `object`, never `old`. */
  readonly prepareForUpdate?: (object: T, old: T, context: StrategyContext) => void
  /** Everything that is wrong, with field paths. `old` is there on update. */
  readonly validate?: (object: T, old: T | undefined, context: StrategyContext) => readonly FieldError[]
  /** Messages for the `Warning` header. */
  readonly warnings?: (object: T) => readonly string[]
}

/** The version whose objects are those in the store: for whoever wants to see each object once. */
export const isStorageVersion = ({
  group,
  storage,
  version,
}: Pick<ResourceDef, 'group' | 'version' | 'storage'>): boolean =>
  !storage || (storage.group === group && storage.version === version)

/** Whether the store holds objects of it. */
export const isStored = ({ isVirtual, verbs }: Pick<ResourceDef, 'isVirtual' | 'verbs'>): boolean =>
  isVirtual !== true && verbs.includes('list')

export const groupResourceOf = (def: Pick<ResourceDef, 'group' | 'plural'>): GroupResource => ({
  group: def.group,
  resource: def.plural,
})
