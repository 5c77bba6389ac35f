import { Readable } from 'node:stream'
import { badRequest, requestEntityTooLarge, timeout } from '../api/status.ts'
import type { Clock } from '../base/clock.ts'
import type { ApiRequest } from './http.ts'

/** Upstream's limit for a request body. */
export const bodyBytesMax = 3 * 1024 * 1024
/** Upstream's limit for a request. Whoever sends holds a place in which others could be answered. */
export const bodyWithinMs = 60_000

interface Receiving {
  readonly request: ApiRequest
  readonly machinery: { readonly clock: Clock }
}

/** The whole body. Stops reading, and throws 413, as soon as it is too long; throws 504 when it doesn't come in time. */
export async function readBody({ request, machinery }: Receiving): Promise<Uint8Array> {
  const { body, headers } = request
  if (body === undefined) return new Uint8Array()
  if (Number(headers['content-length'] ?? 0) > bodyBytesMax) throw requestEntityTooLarge(bodyBytesMax)
  if (body instanceof Uint8Array) {
    if (body.length > bodyBytesMax) throw requestEntityTooLarge(bodyBytesMax)
    return body
  }
  if (!(body instanceof Readable)) return readChunks(body)
  return wholeIn(body, headers) ?? readStream(body, machinery.clock)
}

/** Nearly every body has come with its headers: then there is nothing to listen for, which costs as much as reading it. */
const wholeIn = (body: Readable, headers: ApiRequest['headers']): Uint8Array | undefined =>
  body.readableLength > 0 && body.readableLength === Number(headers['content-length'])
    ? (body.read() as Uint8Array)
    : undefined

/** What a socket brings bit by bit. An iterator over a stream costs as much as all else that is done with a small body. */
function readStream(body: Readable, clock: Clock): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let isSettled = false
    let chunks: Uint8Array[] = []
    let size = 0
    // What still comes afterwards is let go.
    const settle = () => {
      isSettled = true
      chunks = []
      cancel()
    }
    // Made only where there is something to refuse: an error that nobody sees costs a tenth of a small write.
    const refuse = (make: () => Error) => {
      if (isSettled) return
      settle()
      reject(make())
    }
    // A body that is whole closes too.
    const broken = () => refuse(() => badRequest('the body broke off before its end'))
    const cancel = clock.after(bodyWithinMs, () =>
      refuse(() => timeout(`the body did not come within ${bodyWithinMs / 1_000} s`)),
    )
    // Its client went away while the request waited: no event tells of it any more.
    if (body.destroyed) return broken()
    body.on('data', (chunk: Uint8Array) => {
      if (isSettled) return
      size += chunk.length
      if (size > bodyBytesMax) refuse(() => requestEntityTooLarge(bodyBytesMax))
      else chunks.push(chunk)
    })
    // HTTP/2 ends a stream that was reset like one that is whole.
    body.on('end', () => {
      if (isSettled) return
      if ('aborted' in body && body.aborted === true) return broken()
      const whole = joined(chunks, size)
      settle()
      resolve(whole)
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
