/** Documents with a tag of their bytes. */
import type { ApiRequest, ApiResponse } from './http.ts'
import { hashOf } from './openapi.ts'
import { bytesResponse } from './respond.ts'

/** Answers 304 to a client that has these very bytes. */
export function tagged(
  request: ApiRequest,
  bytes: Uint8Array,
  contentType: string,
  { hash, cache }: { readonly hash: string; readonly cache: string } = {
    hash: hashOf(bytes),
    cache: 'public',
  },
): ApiResponse {
  const headers = { etag: `"${hash}"`, 'cache-control': cache, vary: 'Accept' }
  const known = (request.headers['if-none-match'] ?? '')
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
  if (known.includes(headers.etag)) return { status: 304, headers, body: nothing() }
  return bytesResponse(200, contentType, [bytes], headers)
}

export async function* nothing(): AsyncGenerator<Uint8Array> {}
