import { abortReason, type Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { KubeObject } from '../api/meta.ts'
import type { Client, ResourceRef } from './client.ts'
import { openInformer, type Informer } from './informer.ts'
import type { IndexFunctions } from './indexed-cache.ts'

/** One shared informer for each resource of a process, opened at first use. */
export interface Informers extends AsyncDisposable {
  for<T extends KubeObject>(resource: ResourceRef): Informer<T>
  /** As `for`, or, where nobody else uses the resource, an informer that keeps nothing but `metadata`: for those who ask only who owns whom. */
  metadata(resource: ResourceRef): Informer<KubeObject>
  /** Whether somebody uses the informer of this resource. */
  has(resource: ResourceRef): boolean
  /** Ends the informers of a resource that is served no more; whoever asks for one again gets a new one. */
  forget(resource: ResourceRef): Promise<void>
  /** Resolves when every informer opened so far is synced. */
  synced(): Promise<void>
}

export interface InformersOptions {
  readonly client: Client
  /** See `InformerOptions`. */
  readonly freezes?: boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Every shared informer has these: by namespace, and by the UIDs of the owners. */
export const sharedIndexes: IndexFunctions<KubeObject> = {
  namespace: (object) => [object.metadata.namespace ?? ''],
  owner: (object) => (object.metadata.ownerReferences ?? []).map((reference) => reference.uid),
}

export function openInformers(options: InformersOptions): Informers {
  const opened = new Map<string, Informer<KubeObject>>()
  const thin = new Map<string, Informer<KubeObject>>()
  const keyOf = (resource: ResourceRef) => `${resource.group}/${resource.plural}`
  return {
    metadata(resource) {
      const key = keyOf(resource)
      const present = opened.get(key) ?? thin.get(key)
      if (present) return present
      const informer = openInformer<KubeObject>({
        ...options,
        resource,
        indexes: sharedIndexes,
        transform: ({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata }),
      })
      thin.set(key, informer)
      return informer
    },
    has: (resource) => opened.has(keyOf(resource)),
    for<T extends KubeObject>(resource: ResourceRef): Informer<T> {
      const key = keyOf(resource)
      let informer = opened.get(key)
      if (!informer) {
        informer = openInformer<KubeObject>({ ...options, resource, indexes: sharedIndexes })
        opened.set(key, informer)
      }
      // One resource has one type; the registry can't express it.
      return informer as unknown as Informer<T>
    },
    async forget(resource) {
      const key = keyOf(resource)
      const ended = [opened.get(key), thin.get(key)].filter((informer) => informer !== undefined)
      opened.delete(key)
      thin.delete(key)
      await Promise.all(ended.map((informer) => informer[Symbol.asyncDispose]()))
    },
    async synced() {
      await Promise.all([...opened.values(), ...thin.values()].map((informer) => informer.synced))
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(
        [...opened.values(), ...thin.values()].map((informer) => informer[Symbol.asyncDispose]()),
      )
    },
  }
}

/** Resolves when all of `informers` are synced; rejects with the signal's reason when that comes first. */
export async function allSynced(
  informers: readonly Pick<Informer<KubeObject>, 'synced'>[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(abortReason(signal)), { once: true })
  })
  await Promise.race([aborted, Promise.all(informers.map(({ synced }) => synced))])
}
