/**
 * `/openapi/v3` and `/openapi/v2`. Of v3 there are an index with a hash for each group-version, and the documents. kubectl keeps a document for ever under its
 * hash, so a document is made once, at first use, and its hash is that of its bytes. Version 2 is one document of everything, made
 * of the others when somebody asks.
 */
import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { loadDescriptions } from '../api/descriptions/descriptions.ts'
import type { GroupVersion } from '../api/meta.ts'
import type { ResourceDef } from '../api/resource.ts'
import type { JsonObject } from '../api/json.ts'
import { openApiV2Document } from '../api/schema/openapi-v2.ts'
import { openApiV2Bytes } from '../api/schema/openapi-v2-protobuf.ts'
import { openApiDocument } from '../api/schema/openapi.ts'
import { sampanVersion } from '../base/version.ts'
import { parseJson } from './wire.ts'

export interface Document {
  readonly bytes: Uint8Array
  readonly hash: string
}

export interface OpenApiDocuments {
  /** What they are made of. */
  readonly resources: readonly ResourceDef[]
  /** Those that somebody has asked for, by path. */
  readonly made: ReadonlyMap<string, Promise<Document>>
  /** The body of `/openapi/v3`. */
  index(): Promise<object>
  /** `api/v1`, `apis/apps/v1`. */
  find(path: string): Promise<Document> | undefined
  /** `/openapi/v2`, in each of its two forms. */
  version2(form: OpenApiV2Form): Promise<Document>
}

export type OpenApiV2Form = 'json' | 'protobuf'

/** Documents of `earlier` whose resources are the same are taken over: most definitions never change. */
export function openApiDocuments(
  resources: readonly ResourceDef[],
  earlier?: OpenApiDocuments,
): OpenApiDocuments {
  const groupVersions = new Map(
    resources.map(({ group, version }) => [
      group === '' ? `api/${version}` : `apis/${group}/${version}`,
      { group, version },
    ]),
  )
  const made = unchanged(groupVersions, resources, earlier)
  const find = (path: string) => {
    const groupVersion = groupVersions.get(path)
    return groupVersion && memoized(made, path, () => makeDocument(groupVersion, resources))
  }
  const makeVersion2 = async (form: OpenApiV2Form) => {
    const documents: Uint8Array[] = []
    for (const path of groupVersions.keys()) documents.push((await find(path))?.bytes ?? Buffer.from('{}'))
    const parsed = Iterator.from(documents).map((bytes) => parseJson<JsonObject>(bytes))
    const whole = await inTurns(openApiV2Document(parsed, sampanVersion))
    await nextTurn()
    const bytes = form === 'json' ? Buffer.from(JSON.stringify(whole)) : await inTurns(openApiV2Bytes(whole))
    return { bytes, hash: hashOf(bytes) }
  }
  const index = async () => {
    const paths: Record<string, object> = {}
    for (const path of groupVersions.keys())
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${(await find(path))?.hash ?? ''}` }
    return { paths }
  }
  const made2 = new Map<OpenApiV2Form, Promise<Document>>()
  return {
    resources,
    made,
    find,
    version2: (form) => memoized(made2, form, () => makeVersion2(form)),
    index,
  }
}

/** In several turns of the event loop: the greatest document takes 50 ms when nothing is compiled yet. */
async function makeDocument(
  groupVersion: GroupVersion,
  resources: readonly ResourceDef[],
): Promise<Document> {
  const descriptions = await loadDescriptions()
  await nextTurn()
  const document = openApiDocument(groupVersion, resources, { version: sampanVersion, descriptions })
  await nextTurn()
  const bytes = Buffer.from(JSON.stringify(document))
  return { bytes, hash: hashOf(bytes) }
}

/** Lets others go first wherever the work may be interrupted. */
async function inTurns<T>(work: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
    await nextTurn()
  }
}

/** What fails is tried anew by whoever asks next. */
function memoized<K, V>(made: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const known = made.get(key)
  if (known) return known
  const promise = make()
  made.set(key, promise)
  promise.catch(() => made.delete(key))
  return promise
}

/** A function of its own, so that no document's maker holds on to all of its predecessors. */
function unchanged(
  groupVersions: ReadonlyMap<string, GroupVersion>,
  resources: readonly ResourceDef[],
  earlier: OpenApiDocuments | undefined,
): Map<string, Promise<Document>> {
  const [before, now] = [new Set(earlier?.resources), new Set(resources)]
  const touched = [
    ...resources.filter((def) => !before.has(def)),
    ...[...before].filter((def) => !now.has(def)),
  ]
  const isTouched = ({ group, version }: GroupVersion) =>
    touched.some((def) => def.group === group && def.version === version)
  return new Map(
    [...(earlier?.made ?? [])].filter(([path]) => {
      const groupVersion = groupVersions.get(path)
      return groupVersion !== undefined && !isTouched(groupVersion)
    }),
  )
}

export const hashOf = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex').slice(0, 32).toUpperCase()
