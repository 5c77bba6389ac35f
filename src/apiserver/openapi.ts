/**
 * `/openapi/v3` and `/openapi/v2`. Of v3 there are an index with a hash for each group-version, and the documents. kubectl keeps a document for ever under its
 * hash, so a document is made once, at first use, and its hash is that of its bytes. Version 2 is one document of everything, made
 * of the others when somebody asks.
 */
import { createHash } from 'node:crypto'
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
  readonly made: ReadonlyMap<string, Document>
  /** The body of `/openapi/v3`. */
  index(): object
  /** `api/v1`, `apis/apps/v1`. */
  find(path: string): Document | undefined
  /** `/openapi/v2`, in each of its two forms. */
  version2(form: OpenApiV2Form): Document
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
    const known = made.get(path)
    if (known) return known
    const groupVersion = groupVersions.get(path)
    if (!groupVersion) return undefined
    const bytes = Buffer.from(JSON.stringify(openApiDocument(groupVersion, resources, sampanVersion)))
    const document = { bytes, hash: hashOf(bytes) }
    made.set(path, document)
    return document
  }
  const version2 = memoized((form: OpenApiV2Form) => {
    const documents = [...groupVersions.keys()].map((path) =>
      parseJson<JsonObject>(find(path)?.bytes ?? Buffer.from('{}')),
    )
    const whole = openApiV2Document(documents, sampanVersion)
    const bytes = form === 'json' ? Buffer.from(JSON.stringify(whole)) : openApiV2Bytes(whole)
    return { bytes, hash: hashOf(bytes) }
  })
  return {
    resources,
    made,
    find,
    version2,
    index: () => ({
      paths: Object.fromEntries(
        [...groupVersions.keys()].map((path) => [
          path,
          { serverRelativeURL: `/openapi/v3/${path}?hash=${find(path)?.hash ?? ''}` },
        ]),
      ),
    }),
  }
}

function memoized<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>()
  return (key) => {
    const known = made.get(key) ?? make(key)
    made.set(key, known)
    return known
  }
}

/** A function of its own, so that no document's maker holds on to all of its predecessors. */
function unchanged(
  groupVersions: ReadonlyMap<string, GroupVersion>,
  resources: readonly ResourceDef[],
  earlier: OpenApiDocuments | undefined,
): Map<string, Document> {
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
