/**
 * Large answers to clients that take gzip, as upstream sends them (kubernetes staging/src/k8s.io/apiserver/pkg/endpoints/
 * handlers/responsewriters/writers.go eed236c): quickest level, nothing below 128 KiB, no watches. Compressing happens in
 * the thread pool, chunk by chunk at the pace of the reader: the event loop goes on.
 */
import { pipeline, Readable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import type { ApiResponse } from './http.ts'
import { MemoryBody } from './respond.ts'

/** Below this a round trip saves nothing that compressing doesn't cost. */
export const compressedBytesMin = 128 * 1024
/** As large as sockets are fed; the default is a quarter of it. */
const chunkBytes = 64 * 1024

/** The same answer, or its compressed form. `acceptEncoding` is the request's header. */
export function compressed(answer: ApiResponse, acceptEncoding: string | undefined): ApiResponse {
  const { body, headers, status } = answer
  if (status !== 200 || !(body instanceof MemoryBody) || body.lengthBytes <= compressedBytesMin) return answer
  const vary = headers['vary'] === undefined ? 'Accept-Encoding' : `${headers['vary']}, Accept-Encoding`
  if (!takesGzip(acceptEncoding)) return { ...answer, headers: { ...headers, vary } }
  const { 'content-length': _, etag, ...kept } = headers
  return {
    ...answer,
    headers: {
      ...kept,
      // Other bytes of the same document: equal, but not byte for byte (RFC 9110, 8.8.1).
      ...(etag !== undefined && { etag: `W/${etag}` }),
      'content-encoding': 'gzip',
      vary,
    },
    body: gzipped(body),
  }
}

async function* gzipped(body: MemoryBody): AsyncGenerator<Uint8Array> {
  const gzip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: chunkBytes })
  // Its failure is the reader's, who sees it below; leaving early destroys both.
  pipeline(Readable.from(body, { objectMode: false }), gzip, () => {})
  yield* gzip
}

/** RFC 9110, 12.5.3, as far as clients use it. A wildcard is not taken for a wish. */
function takesGzip(header: string | undefined): boolean {
  return (header ?? '')
    .toLowerCase()
    .split(',')
    .some((clause) => {
      const [coding = '', ...parameters] = clause.split(';').map((word) => word.trim())
      const quality = parameters.find((parameter) => parameter.startsWith('q='))
      return coding === 'gzip' && (quality === undefined || Number(quality.slice(2)) > 0)
    })
}
