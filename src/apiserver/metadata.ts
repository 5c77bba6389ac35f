/** What the server itself writes into `metadata`, and what it does not let a request write there. */
import type { KubeObject, ObjectMeta } from '../api/meta.ts'
import type { ResourceDef, StrategyContext } from '../api/resource.ts'
import { badRequest, conflict } from '../api/status.ts'
import { groupResourceOf } from '../api/resource.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** Kubernetes' timestamps have seconds: one text serves all requests of a second. */
export function isoClock(clock: Clock): () => string {
  let second = Number.NaN
  let text = ''
  return () => {
    const now = clock.now()
    const seconds = Math.floor(now.getTime() / 1_000)
    if (seconds !== second) text = isoSeconds(now)
    second = seconds
    return text
  }
}

export const isoSeconds = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`

interface Sources {
  nowIso(): string
  readonly random: Random
}

export const strategyContext = (sources: Sources, subresource: string): StrategyContext => ({
  nowIso: sources.nowIso(),
  uuid: () => sources.random.uuid(),
  ...(subresource !== '' && { subresource }),
})

const suffixLength = 5
const generatedNameMax = 63 - suffixLength

export const generateName = (prefix: string, random: Random): string =>
  prefix.slice(0, generatedNameMax) + random.suffix(suffixLength)

interface NewObject {
  readonly def: ResourceDef
  readonly namespace: string
  readonly nowIso: string
  readonly random: Random
}

/** The metadata of a new object: the client's wishes, without what only the server may say. */
export function metadataForCreate(
  object: KubeObject,
  { def, namespace, nowIso, random }: NewObject,
): ObjectMeta {
  const given = object.metadata
  if (isRevision(given.resourceVersion))
    throw badRequest('resourceVersion should not be set on objects to be created')
  checkNamespace(given, namespace)
  const metadata: Writable<ObjectMeta> = { ...given }
  if (def.namespaced) metadata.namespace = namespace
  delete metadata.resourceVersion
  delete metadata.generation
  delete metadata.deletionTimestamp
  delete metadata.deletionGracePeriodSeconds
  metadata.uid = random.uuid()
  metadata.creationTimestamp = nowIso
  if ((metadata.name ?? '') === '' && (metadata.generateName ?? '') !== '')
    metadata.name = generateName(metadata.generateName ?? '', random)
  return metadata
}

function checkNamespace({ namespace = '' }: ObjectMeta, requested: string): void {
  if (namespace !== '' && requested !== '' && namespace !== requested)
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`)
}

/** The URL decides which object is meant; a body may repeat that, not contradict it. */
export function checkIdentity(
  { name = '', namespace = '' }: ObjectMeta,
  url: { readonly name: string; readonly namespace: string },
): void {
  if (name !== '' && name !== url.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${url.name})`)
  if (namespace !== '' && url.namespace !== '' && namespace !== url.namespace)
    throw badRequest(
      `the namespace of the object (${namespace}) does not match the namespace on the request (${url.namespace})`,
    )
}

/** The metadata of an update: what the request leaves out or may not change is taken from `old`. Throws Conflict for another uid. */
export function metadataForUpdate(given: ObjectMeta, old: KubeObject, def: ResourceDef): ObjectMeta {
  const kept = old.metadata
  if ((given.uid ?? '') !== '' && given.uid !== kept.uid) {
    const why = `Precondition failed: UID in precondition: ${given.uid}, UID in object meta: ${kept.uid}`
    throw conflict(groupResourceOf(def), kept.name ?? '', why)
  }
  const metadata: Writable<ObjectMeta> = { ...given }
  const keep = (field: keyof ObjectMeta) => {
    if (kept[field] === undefined) delete metadata[field]
    else Object.assign(metadata, { [field]: kept[field] })
  }
  for (const field of ['uid', 'creationTimestamp', 'generation'] as const) keep(field)
  if ((metadata.name ?? '') === '') keep('name')
  if (def.namespaced ? (metadata.namespace ?? '') === '' : metadata.namespace === '') keep('namespace')
  if (isSet(kept.deletionTimestamp)) {
    keep('deletionTimestamp')
    if (metadata.deletionGracePeriodSeconds === undefined) keep('deletionGracePeriodSeconds')
  }
  return metadata
}

/** `0` has always meant "whichever": as good as none. */
export const isRevision = (resourceVersion: string | undefined): resourceVersion is string =>
  resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== '0'

export const isSet = (time: string | null | undefined): boolean =>
  time !== undefined && time !== null && time !== ''
