import { requestEntityTooLarge } from '../api/status.ts'
import type { ApiRequest } from './http.ts'

/** Upstream's limit for a request body. */
export const bodyBytesMax = 3 * 1024 * 1024

/** The whole body. Stops reading, and throws 413, as soon as it is too long. */
export async function readBody({ body, headers }: ApiRequest): Promise<Uint8Array> {
  if (body === undefined) return new Uint8Array()
  if (Number(headers['content-length'] ?? 0) > bodyBytesMax) throw requestEntityTooLarge(bodyBytesMax)
  if (body instanceof Uint8Array) {
    if (body.length > bodyBytesMax) throw requestEntityTooLarge(bodyBytesMax)
    return body
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > bodyBytesMax) throw requestEntityTooLarge(bodyBytesMax)
    chunks.push(chunk)
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size)
}
