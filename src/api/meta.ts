/**
 * The part every Kubernetes object has in common, and the few rules for naming an object.
 *
 * These types are structural minimums: the generated types of `schema/types.gen.ts` can be passed wherever one of
 * them is asked for. Timestamps are RFC 3339 strings as on the wire; `resourceVersion` is opaque to clients.
 */
export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
  readonly blockOwnerDeletion?: boolean
}

export interface ObjectMeta {
  readonly name?: string
  readonly generateName?: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly generation?: number
  readonly creationTimestamp?: string | null
  readonly deletionTimestamp?: string | null
  readonly deletionGracePeriodSeconds?: number | null
  readonly labels?: { readonly [key: string]: string }
  readonly annotations?: { readonly [key: string]: string }
  readonly ownerReferences?: readonly OwnerReference[]
  readonly finalizers?: readonly string[]
  readonly managedFields?: readonly object[]
}

export interface ListMeta {
  readonly resourceVersion?: string
  readonly continue?: string
  readonly remainingItemCount?: number
}

export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
}

export interface KubeList<T> {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ListMeta
  readonly items: readonly T[]
}

export interface LabelSelector {
  readonly matchLabels?: { readonly [key: string]: string }
  readonly matchExpressions?: readonly LabelSelectorRequirement[]
}

export interface LabelSelectorRequirement {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[]
}

export interface GroupVersion {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
}

export interface GroupResource {
  readonly group: string
  /** Plural, lower case. */
  readonly resource: string
}

export interface GroupKind {
  readonly group: string
  readonly kind: string
}

/** The key of informers and work queues: `namespace/name`, or `name` for a cluster-scoped object. */
export const keyOf = (object: { readonly metadata?: ObjectMeta }): string =>
  objectKey(object.metadata?.namespace, object.metadata?.name ?? '')

export const objectKey = (namespace: string | undefined, name: string): string =>
  namespace === undefined || namespace === '' ? name : `${namespace}/${name}`

/** The inverse of `objectKey`; the namespace is empty for a cluster-scoped object. */
export const splitKey = (key: string): { readonly namespace: string; readonly name: string } => {
  const slash = key.indexOf('/')
  return slash < 0
    ? { namespace: '', name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** `apps/v1` is group `apps`, version `v1`; `v1` is the core group. */
export const groupVersionOf = (apiVersion: string): GroupVersion => {
  const slash = apiVersion.indexOf('/')
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) }
}

export const apiVersionOf = (group: string, version: string): string =>
  group === '' ? version : `${group}/${version}`

/** As error messages spell it: `deployments.apps`, `pods`. */
export const groupResourceName = ({ group, resource }: GroupResource): string =>
  group === '' ? resource : `${resource}.${group}`

/** As error messages spell it: `Deployment.apps`, `Pod`. */
export const groupKindName = ({ group, kind }: GroupKind): string =>
  group === '' ? kind : `${kind}.${group}`

/** Somebody has asked for the object's deletion; it stays until its finalizers and its grace period have run out. */
export const isTerminating = (object: { readonly metadata: ObjectMeta }): boolean =>
  object.metadata.deletionTimestamp !== undefined && object.metadata.deletionTimestamp !== null
