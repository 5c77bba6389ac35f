/**
 * `/openapi/v3`: an index with a hash for each group-version, and the documents. kubectl keeps a document for ever under its
 * hash, so a document is made once, at first use, and its hash is that of its bytes.
 */
import { createHash } from 'node:crypto'
import type { ResourceDef } from '../api/resource.ts'
import { openApiDocument } from '../api/schema/openapi.ts'
import { sampanVersion } from '../base/version.ts'

export interface OpenApiDocuments {
  /** The body of `/openapi/v3`. */
  index(): object
  /** `api/v1`, `apis/apps/v1`. */
  find(path: string): { readonly bytes: Uint8Array; readonly hash: string } | undefined
}

export function openApiDocuments(resources: readonly ResourceDef[]): OpenApiDocuments {
  const groupVersions = new Map(
    resources.map(({ group, version }) => [
      group === '' ? `api/${version}` : `apis/${group}/${version}`,
      { group, version },
    ]),
  )
  const made = new Map<string, { readonly bytes: Uint8Array; readonly hash: string }>()
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
  return {
    find,
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

export const hashOf = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex').slice(0, 32).toUpperCase()
