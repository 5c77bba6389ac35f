/** Objects as the client asked for them. JSON goes out as the cached bytes; every other shape is parsed and built. */
import { apiVersionOf, type KubeObject, type ListMeta } from '../api/meta.ts'
import type { CachedObject } from './cached-object.ts'
import type { VerbContext } from './context.ts'
import { negotiate, type Representation } from './negotiate.ts'
import { bytesResponse } from './respond.ts'
import type { ApiResponse } from './http.ts'
import { includeObjectOf, metadataOf, tableOf, type TableOptions } from './table-rows.ts'

/** Refuses what can't be served before anything is done. */
export const representationOne = ({ request }: Pick<VerbContext, 'request'>): Representation =>
  negotiate(request.headers['accept'], 'one')

export async function objectResponse(
  context: VerbContext,
  status: number,
  object: CachedObject,
): Promise<ApiResponse> {
  const representation = representationOne(context)
  if (representation.shape === 'object' && representation.format === 'json')
    return bytesResponse(status, 'application/json', [object.bytes])
  return valueResponse(status, shapeOne(context, object.parse(), representation), representation)
}

/** For bodies that are no stored object: Scale, Status of a dry run, an object that was not written. */
export function plainResponse(
  context: VerbContext,
  status: number,
  object: KubeObject,
): Promise<ApiResponse> {
  const representation = representationOne(context)
  return valueResponse(status, shapeOne(context, object, representation), representation)
}

export async function valueResponse(
  status: number,
  value: unknown,
  { format }: Representation,
): Promise<ApiResponse> {
  if (format === 'json')
    return bytesResponse(status, 'application/json', [Buffer.from(JSON.stringify(value))])
  const { stringify } = await import('yaml')
  return bytesResponse(status, 'application/yaml', [Buffer.from(stringify(value))])
}

/** For lists of what is no stored object. */
export const plainListResponse = (
  context: VerbContext,
  objects: readonly KubeObject[],
  representation: Representation,
): Promise<ApiResponse> => valueResponse(200, shapeList(context, objects, {}, representation), representation)

export function shapeList(
  context: VerbContext,
  objects: readonly KubeObject[],
  metadata: ListMeta,
  representation: Representation,
): unknown {
  const { def } = context
  const { shape, version } = representation
  if (shape === 'table') return tableOf(objects, metadata, tableOptionsOf(context, representation))
  if (shape === 'object')
    return { kind: def.listKind, apiVersion: apiVersionOf(def.group, def.version), metadata, items: objects }
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    items: objects.map((object) => metadataOf(object, version)),
  }
}

export const tableOptionsOf = (
  { def, info, machinery }: VerbContext,
  { version }: Representation,
): TableOptions => ({
  def,
  version,
  include: includeObjectOf(info.query),
  nowMs: machinery.clock.now().getTime(),
})

function shapeOne(context: VerbContext, object: KubeObject, representation: Representation): unknown {
  const { resourceVersion = '' } = object.metadata
  if (representation.shape === 'metadata') return metadataOf(object, representation.version)
  if (representation.shape === 'object') return object
  return tableOf([object], { resourceVersion }, tableOptionsOf(context, representation))
}
