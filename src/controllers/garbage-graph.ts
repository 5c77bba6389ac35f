/** Who owns whom, as the caches have it, over all kinds. */
import { groupVersionOf, keyOf, type KubeObject, type OwnerReference } from '../api/meta.ts'
import { isNotFound, isStatusError } from '../api/status.ts'
import { isStorageVersion, type ResourceDef } from '../api/resource.ts'
import type { Client } from '../client/client.ts'
import type { Informer } from '../client/informer.ts'
import type { Informers } from '../client/informers.ts'

export interface GraphNode {
  readonly def: ResourceDef
  readonly object: KubeObject
}

export interface Graph {
  /** Those that take part: what can be deleted and watched, and doesn't vanish by itself. */
  readonly resources: readonly ResourceDef[]
  readonly informerOf: (def: ResourceDef) => Informer<KubeObject>
  /** A work queue's key of an object of any kind; `find` is its inverse. */
  readonly keyOf: (node: GraphNode) => string
  readonly find: (key: string) => GraphNode | undefined
  readonly dependentsOf: (uid: string) => Generator<GraphNode>
  readonly defOf: (reference: OwnerReference) => ResourceDef | undefined
  /** The owner as the cache has it, if the cache has the one that is meant. */
  readonly cachedOwner: (reference: OwnerReference, dependent: KubeObject) => GraphNode | undefined
}

export function graphOf(all: readonly ResourceDef[], informers: Informers): Graph {
  const resources = all.filter(
    // A version that isn't the stored one shows the same objects once more.
    (def) =>
      def.verbs.includes('delete') &&
      def.verbs.includes('watch') &&
      def.ttlMs === undefined &&
      isStorageVersion(def),
  )
  // Looked up once: `metadata` would give another informer after somebody has opened the full one.
  const opened = new Map(resources.map((def) => [def, informers.metadata(def)]))
  const informerOf = (def: ResourceDef) => opened.get(def) ?? informers.metadata(def)
  const named = new Map(resources.map((def) => [`${def.group}/${def.plural}`, def]))
  const defOf = ({ apiVersion, kind }: OwnerReference) => {
    const { group } = groupVersionOf(apiVersion)
    return resources.find((def) => def.group === group && def.kind === kind)
  }
  return {
    resources,
    informerOf,
    keyOf: ({ def, object }) => `${def.group}/${def.plural}|${keyOf(object)}`,
    find(key) {
      const bar = key.indexOf('|')
      const def = named.get(key.slice(0, bar))
      const object = def && informerOf(def).getByKey(key.slice(bar + 1))
      return def && object ? { def, object } : undefined
    },
    *dependentsOf(uid) {
      for (const def of resources)
        for (const object of informerOf(def).byIndex('owner', uid)) yield { def, object }
    },
    defOf,
    cachedOwner(reference, { metadata: { namespace } }) {
      const def = defOf(reference)
      const object = def && informerOf(def).get(def.namespaced ? namespace : undefined, reference.name)
      return def && object?.metadata.uid === reference.uid ? { def, object } : undefined
    },
  }
}

/**
 * The owner that a reference means; undefined when it is gone. The cache may be behind: nobody's child is deleted before
 * the server itself has said that the owner is gone. `unknowable` when nothing can be said: its kind isn't served here,
 * or the dependent stands outside of namespaces and the owner would stand in one, nobody knows which.
 *
 * An owner is looked for in its dependent's namespace; one in another is therefore gone, as upstream has it.
 */
export async function findOwner(
  reference: OwnerReference,
  dependent: KubeObject,
  { client, graph }: { readonly client: Client; readonly graph: Graph },
): Promise<KubeObject | 'unknowable' | undefined> {
  const def = graph.defOf(reference)
  const { namespace } = dependent.metadata
  if (!def || (def.namespaced && namespace === undefined)) return 'unknowable'
  const cached = graph.cachedOwner(reference, dependent)
  if (cached) return cached.object
  const where = def.namespaced && namespace !== undefined ? { namespace } : {}
  try {
    const owner = await client.resource<KubeObject>(def).get(reference.name, where)
    return owner.metadata.uid === reference.uid ? owner : undefined
  } catch (error) {
    if (!isNotFound(error)) throw error
    return namesObject(error) ? undefined : 'unknowable'
  }
}

/** A server that doesn't serve the kind at all answers NotFound too, but names no object. */
const namesObject = (error: unknown): boolean =>
  isStatusError(error) && (error.status.details?.name ?? '') !== ''
