/** The error that a node answered with, as the client is told it. */
import { quote } from '../../api/quote.ts'
import { isStatus, serviceUnavailable, StatusError } from '../../api/status.ts'
import type { NodeResponse } from '../node-tunnels.ts'
import { parseJson } from '../wire.ts'

/** A node's error is a Status; anything longer is not one. */
const errorBytesMax = 64 * 1024

export async function nodeError(
  answer: Pick<NodeResponse, 'status' | 'body'>,
  node: string,
): Promise<StatusError> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of answer.body) {
    size += chunk.length
    if (size > errorBytesMax) break
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks)
  try {
    const body = parseJson<unknown>(text)
    if (isStatus(body)) return new StatusError(body)
  } catch {
    // Not JSON: told as text below.
  }
  return serviceUnavailable(
    `node ${quote(node)} answered ${answer.status}: ${text.toString('utf8').slice(0, 1_000)}`,
  )
}
