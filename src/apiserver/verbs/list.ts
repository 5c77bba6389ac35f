import type { ListMeta } from '../../api/meta.ts'
import { apiVersionOf } from '../../api/meta.ts'
import type { VerbContext } from '../context.ts'
import { listOptionsOf } from '../list-options.ts'
import { negotiate, type Representation } from '../negotiate.ts'
import { readPage, type ObjectPage } from '../pages.ts'
import { shapeList, valueResponse } from '../represent.ts'
import { bytesResponse } from '../respond.ts'
import { selectionOf } from '../selection.ts'
import type { ApiResponse } from '../http.ts'

export async function list(context: VerbContext): Promise<ApiResponse> {
  const { def, info, machinery, request } = context
  const representation = negotiate(request.headers['accept'], 'list')
  const options = listOptionsOf(info.query, false)
  const selection = selectionOf(def, info.namespace, info.query)
  const page = await readPage(machinery.cacheOf(def), selection, options)
  return listResponse(context, page, representation)
}

export async function listResponse(
  context: VerbContext,
  page: ObjectPage,
  representation: Representation,
): Promise<ApiResponse> {
  if (representation.shape === 'object' && representation.format === 'json')
    return bytesResponse(200, 'application/json', listChunks(context, page))
  const objects = page.objects.map((object) => object.parse())
  const shaped = shapeList(context, objects, metadataOfPage(page), representation)
  return valueResponse(200, shaped, representation)
}

const metadataOfPage = (page: ObjectPage): ListMeta => ({
  resourceVersion: String(page.revision),
  ...(page.continue !== '' && { continue: page.continue }),
  ...(page.remaining !== undefined && { remainingItemCount: page.remaining }),
})

const comma = Buffer.from(',')
const closing = Buffer.from(']}\n')

/** The objects' own bytes between a head and a tail: nothing is parsed. */
function listChunks({ def }: VerbContext, page: ObjectPage): Uint8Array[] {
  const head = {
    kind: def.listKind,
    apiVersion: apiVersionOf(def.group, def.version),
    metadata: metadataOfPage(page),
  }
  const chunks: Uint8Array[] = [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`)]
  for (const [at, object] of page.objects.entries()) {
    if (at > 0) chunks.push(comma)
    chunks.push(object.bytes)
  }
  chunks.push(closing)
  return chunks
}
