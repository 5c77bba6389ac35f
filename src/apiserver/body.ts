import { Readable } from 'node:stream'
import { badRequest, requestEntityTooLarge } from '../api/status.ts'
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
  return body instanceof Readable ? readStream(body) : readChunks(body)
}

/** What a socket brings. An iterator over a stream costs as much as all else that is done with a small body. */
function readStream(body: Readable): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let isSettled = false
    const broken = () => {
      // A body that is whole closes too; an error that nobody sees costs a tenth of a small write.
      if (isSettled) return
      isSettled = true
      reject(badRequest('the body broke off before its end'))
    }
    // Its client went away while the request waited: no event tells of it any more.
    if (body.destroyed) return broken()
    const chunks: Uint8Array[] = []
    let size = 0
    body.on('data', (chunk: Uint8Array) => {
      size += chunk.length
      if (size <= bodyBytesMax) chunks.push(chunk)
      else reject(requestEntityTooLarge(bodyBytesMax))
    })
    // HTTP/2 ends a stream that was reset like one that is whole.
    body.on('end', () => {
      if ('aborted' in body && body.aborted === true) return broken()
      isSettled = true
      resolve(joined(chunks, size))
    })
    body.on('error', broken)
    body.on('close', broken)
  })
}

async function readChunks(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > bodyBytesMax) throw requestEntityTooLarge(bodyBytesMax)
    chunks.push(chunk)
  }
  return joined(chunks, size)
}

const joined = (chunks: readonly Uint8Array[], size: number): Uint8Array =>
  chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size)
