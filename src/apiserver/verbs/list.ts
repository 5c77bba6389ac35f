import type { ListMeta } from '../../api/meta.ts'
import type { VerbContext } from '../context.ts'
import { listOptionsOf } from '../list-options.ts'
import { negotiate, type Representation } from '../negotiate.ts'
import { readPage, type ObjectPage } from '../pages.ts'
import { emptyList, itemShaper, jsonResponseAs, listChunks } from '../represent.ts'
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
  const empty = emptyList(context, metadataOfPage(page), representation)
  // Objects go out as the bytes that are there: nothing is parsed.
  const items =
    representation.shape === 'object'
      ? page.objects.map(({ bytes }) => bytes)
      : await shapedItems(context, page, representation)
  const chunks = listChunks(empty, items)
  return representation.format === 'json'
    ? bytesResponse(200, 'application/json', chunks)
    : jsonResponseAs(context, 200, chunks, representation)
}

/** Each of the results has many. */
async function shapedItems(
  context: VerbContext,
  { objects }: ObjectPage,
  representation: Representation,
): Promise<readonly Uint8Array[]> {
  const shape = itemShaper(context, representation)
  const items: Uint8Array[] = []
  for await (const part of context.machinery.slices.of(objects, ({ bytes }) => bytes.length))
    items.push(Buffer.from(part.map((object) => JSON.stringify(shape(object.parse()))).join(',')))
  return items
}

const metadataOfPage = (page: ObjectPage): ListMeta => ({
  resourceVersion: String(page.revision),
  ...(page.continue !== '' && { continue: page.continue }),
  ...(page.remaining !== undefined && { remainingItemCount: page.remaining }),
})
