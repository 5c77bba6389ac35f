/**
 * The ConfigMaps, Secrets, Services and volumes that pods refer to. Read by GET and kept for a few seconds, so that a hundred
 * replicas starting together ask once. Values stay in memory only.
 */
import type { Clock } from '../base/clock.ts'
import type {
  ConfigMap,
  PersistentVolume,
  PersistentVolumeClaim,
  Secret,
  Service,
} from '../api/schema/types.gen.ts'
import { isBound } from '../api/local-volumes.ts'
import { persistentVolumeClaims } from '../api/resources/persistentvolumeclaims.ts'
import { persistentVolumes } from '../api/resources/persistentvolumes.ts'
import { isNotFound } from '../api/status.ts'
import type { Client, ResourceRef } from '../client/client.ts'

export interface ObjectSource {
  /** Undefined: the API server says there is none. Throws when it says nothing. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>
  secret(namespace: string, name: string): Promise<Secret | undefined>
  services(namespace: string): Promise<readonly Service[]>
  /** The volume that a claim is bound to; undefined while it is bound to none. */
  volumeOf(namespace: string, claim: string): Promise<PersistentVolume | undefined>
  /**
   * The same, but nothing that was asked for before now: what stood when a pod was made must reach it, as a rollout to a
   * changed ConfigMap expects.
   */
  fromNow(): ObjectSource
}

const keptMs = 5_000 // how stale an object may be when a container starts
const missingKeptMs = 500 // a pod that waits for an object should see it soon
const entriesMax = 2_048

export const configMapsRef: ResourceRef = ref('configmaps', 'ConfigMap')
export const secretsRef: ResourceRef = ref('secrets', 'Secret')
export const servicesRef: ResourceRef = ref('services', 'Service')

interface Entry {
  readonly askedMs: number
  readonly untilMs: number
  readonly value: Promise<unknown>
}

export function createObjectSource({
  client,
  clock,
}: {
  readonly client: Client
  readonly clock: Clock
}): ObjectSource {
  const entries = new Map<string, Entry>()
  const read = <T>(key: string, sinceMs: number, fetch: () => Promise<T>): Promise<T> => {
    const askedMs = clock.monotonicMs()
    dropOld(entries, askedMs)
    const known = entries.get(key)
    if (known && known.untilMs > askedMs && known.askedMs >= sinceMs) return known.value as Promise<T>
    const value = fetch()
    const keep = (untilMs: number) => entries.set(key, { askedMs, untilMs, value })
    const isLatest = () => entries.get(key)?.value === value
    entries.delete(key)
    keep(askedMs + keptMs)
    value.then(
      (found) => found === undefined && isLatest() && keep(askedMs + missingKeptMs),
      () => isLatest() && entries.delete(key), // a failure is not kept: the next caller asks again
    )
    const [oldest] = entries.keys()
    if (entries.size > entriesMax && oldest !== undefined) entries.delete(oldest)
    return value
  }
  const getOrNone = async <T extends ConfigMap | PersistentVolume | PersistentVolumeClaim | Secret>(
    resource: ResourceRef,
    namespace: string | undefined,
    name: string,
  ) => {
    try {
      return await client.resource<T>(resource).get(name, namespace === undefined ? {} : { namespace })
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }
  const sourceSince = (sinceMs: number): ObjectSource => ({
    configMap: (namespace, name) =>
      read(`configmaps/${namespace}/${name}`, sinceMs, () =>
        getOrNone<ConfigMap>(configMapsRef, namespace, name),
      ),
    secret: (namespace, name) =>
      read(`secrets/${namespace}/${name}`, sinceMs, () => getOrNone<Secret>(secretsRef, namespace, name)),
    services: (namespace) =>
      read(`services/${namespace}`, sinceMs, async () => {
        return (await client.resource<Service>(servicesRef).list({ namespace })).items
      }),
    volumeOf: (namespace, name) =>
      read(`claims/${namespace}/${name}`, sinceMs, async () => {
        const claim = await getOrNone<PersistentVolumeClaim>(persistentVolumeClaims, namespace, name)
        if (!claim || !isBound(claim)) return undefined
        return await getOrNone<PersistentVolume>(persistentVolumes, undefined, claim.spec.volumeName ?? '')
      }),
    fromNow: () => sourceSince(clock.monotonicMs()),
  })
  return sourceSince(0)
}

/** A thousand ConfigMaps of a megabyte each must not stay in memory because they were asked for once. The oldest come first. */
function dropOld(entries: Map<string, Entry>, nowMs: number): void {
  for (const [key, { untilMs }] of entries) {
    if (untilMs > nowMs) return
    entries.delete(key)
  }
}

function ref(plural: string, kind: string): ResourceRef {
  return { group: '', version: 'v1', plural, kind, namespaced: true }
}
