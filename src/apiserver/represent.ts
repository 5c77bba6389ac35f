/** Objects as the client asked for them. JSON goes out as the cached bytes; every other shape is parsed and built. */
import { apiVersionOf, type KubeObject, type ListMeta } from '../api/meta.ts'
import type { CachedObject } from './cached-object.ts'
import type { VerbContext } from './context.ts'
import { negotiate, type Representation } from './negotiate.ts'
import { bytesResponse } from './respond.ts'
import type { ApiResponse } from './http.ts'
import { includeObjectOf, metadataOf, rowOf, tableOf, type TableOptions } from './table-rows.ts'

/** Refuses what can't be served before anything is done. */
export const representationOne = ({ request }: Pick<VerbContext, 'request'>): Representation =>
  negotiate(request.headers['accept'], 'one')

export async function objectResponse(
  context: VerbContext,
  status: number,
  object: CachedObject,
): Promise<ApiResponse> {
  const representation = representationOne(context)
  const isObject = representation.shape === 'object'
  // Most answers of all.
  if (isObject && representation.format === 'json')
    return bytesResponse(status, 'application/json', [object.bytes])
  return isObject
    ? jsonResponseAs(context, status, [object.bytes], representation)
    : valueResponse(context, status, shapeOne(context, object.parse(), representation), representation)
}

/** For bodies that are no stored object: Scale, Status of a dry run, an object that was not written. */
export function plainResponse(
  context: VerbContext,
  status: number,
  object: KubeObject,
): Promise<ApiResponse> {
  const representation = representationOne(context)
  return valueResponse(context, status, shapeOne(context, object, representation), representation)
}

const valueResponse = (
  context: VerbContext,
  status: number,
  value: unknown,
  representation: Representation,
): Promise<ApiResponse> =>
  jsonResponseAs(context, status, [Buffer.from(JSON.stringify(value))], representation)

/** A document whose JSON is `chunks`, in the format that the client asked for. */
export async function jsonResponseAs(
  { machinery }: Pick<VerbContext, 'machinery'>,
  status: number,
  chunks: readonly Uint8Array[],
  { format }: Representation,
): Promise<ApiResponse> {
  if (format === 'json') return bytesResponse(status, 'application/json', chunks)
  const text = await machinery.yaml.stringify(Buffer.concat(chunks))
  return bytesResponse(status, 'application/yaml', [Buffer.from(text)])
}

/** For lists of what is no stored object. */
export function plainListResponse(
  context: VerbContext,
  objects: readonly KubeObject[],
  representation: Representation,
): Promise<ApiResponse> {
  const shape = itemShaper(context, representation)
  const items = objects.map((object) => Buffer.from(JSON.stringify(shape(object))))
  return jsonResponseAs(
    context,
    200,
    listChunks(emptyList(context, {}, representation), items),
    representation,
  )
}

const comma = Buffer.from(',')
const closing = Buffer.from(']}\n')

/** The JSON of a list: `items`, each the JSON of one or several elements, go into the array at the end of `empty`. */
export function listChunks(empty: object, items: readonly Uint8Array[]): Uint8Array[] {
  const chunks: Uint8Array[] = [Buffer.from(JSON.stringify(empty).slice(0, -']}'.length))]
  for (const [at, item] of items.entries()) {
    if (at > 0) chunks.push(comma)
    chunks.push(item)
  }
  chunks.push(closing)
  return chunks
}

/** A list without elements; the array for them is its last field. */
export function emptyList(context: VerbContext, metadata: ListMeta, representation: Representation): object {
  const { group, listKind, version } = context.def
  if (representation.shape === 'table') return tableOf([], metadata, tableOptionsOf(context, representation))
  const items: readonly unknown[] = []
  if (representation.shape === 'object')
    return { kind: listKind, apiVersion: apiVersionOf(group, version), metadata, items }
  const apiVersion = `meta.k8s.io/${representation.version}`
  return { kind: 'PartialObjectMetadataList', apiVersion, metadata, items }
}

/** What an object is in a list. */
export function itemShaper(
  context: VerbContext,
  representation: Representation,
): (object: KubeObject) => unknown {
  if (representation.shape === 'object') return (object) => object
  if (representation.shape === 'metadata') return (object) => metadataOf(object, representation.version)
  const options = tableOptionsOf(context, representation)
  return (object) => rowOf(object, options)
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
