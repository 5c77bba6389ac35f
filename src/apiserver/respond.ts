/** Answers. A body that is already in memory keeps its chunks in sight, so that a listener can send it in one go. */
import type { Status, StatusError } from '../api/status.ts'
import type { ApiResponse } from './http.ts'

export type Headers = Readonly<Record<string, string>>

/** Large enough that sockets are busy, small enough that a slow reader of a huge list holds little. */
export const chunkBytes = 128 * 1024

export class MemoryBody implements AsyncIterable<Uint8Array> {
  readonly chunks: readonly Uint8Array[]
  readonly lengthBytes: number

  constructor(chunks: readonly Uint8Array[]) {
    this.chunks = chunks
    this.lengthBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  /** Small parts are joined while they are asked for: a list of 10,000 objects is copied chunk by chunk, never as a whole. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    yield* joined(this.chunks)
  }
}

export function* joined(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let from = 0
  let size = 0
  for (const [at, part] of parts.entries()) {
    size += part.length
    if (size < chunkBytes) continue
    yield at === from ? part : Buffer.concat(parts.slice(from, at + 1), size)
    from = at + 1
    size = 0
  }
  const rest = parts.slice(from)
  const [only] = rest
  if (only && rest.length === 1) yield only
  else if (size > 0) yield Buffer.concat(rest, size)
}

export const bytesResponse = (
  status: number,
  contentType: string,
  chunks: readonly Uint8Array[],
  headers: Headers = {},
): ApiResponse => {
  const body = new MemoryBody(chunks)
  return {
    status,
    headers: { 'content-type': contentType, 'content-length': String(body.lengthBytes), ...headers },
    body,
  }
}

export const jsonResponse = (status: number, value: unknown, headers: Headers = {}): ApiResponse =>
  bytesResponse(status, 'application/json', [Buffer.from(JSON.stringify(value))], headers)

export const textResponse = (status: number, text: string, headers: Headers = {}): ApiResponse =>
  bytesResponse(status, 'text/plain; charset=utf-8', [Buffer.from(text)], {
    'x-content-type-options': 'nosniff',
    ...headers,
  })

export const statusResponse = (status: Status): ApiResponse => jsonResponse(status.code, status)

export const errorResponse = ({ status }: StatusError): ApiResponse => {
  const seconds = status.details?.retryAfterSeconds
  const headers: Record<string, string> = {}
  if (seconds !== undefined) headers['retry-after'] = String(seconds)
  if (status.code === 401) headers['www-authenticate'] = 'Bearer'
  return jsonResponse(status.code, status, headers)
}
