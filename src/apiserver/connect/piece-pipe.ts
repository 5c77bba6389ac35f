/** Joins the two ends of a remote command: a client and a node, both of which speak pieces. */
import type { Duplex } from 'node:stream'
import { writeAll } from '../../base/byte-streams.ts'
import {
  channelOf,
  createPieceDecoder,
  encodePiece,
  statusPiece,
  type Piece,
} from '../../api/streams/channels.ts'
import { serviceUnavailable } from '../../api/status.ts'

export interface CommandClient {
  /** Ends when the client has gone. */
  readonly pieces: AsyncIterable<Piece>
  /** Resolves when there is room for more. */
  send(piece: Piece): Promise<unknown>
  /** Everything has been said. */
  end(): void
}

/** Resolves when the node has said everything and the client was told; or when the client has gone. Never rejects. */
export async function pipePieces(client: CommandClient, node: Duplex): Promise<void> {
  node.on('error', () => {}) // 'close' follows: the loop below ends
  void takeInput(client, node)
  let isComplete = false
  try {
    const decoder = createPieceDecoder()
    for await (const chunk of node) {
      for (const piece of decoder.push(chunk as Uint8Array)) {
        isComplete ||= piece.channel === channelOf.error
        await client.send(piece)
      }
    }
  } catch {
    // The node broke off, which is told below; or the client did, and nobody listens.
  }
  if (!isComplete)
    await client.send(
      statusPiece(serviceUnavailable('the connection to the node was lost; the command may go on').status),
    )
  client.end()
}

async function takeInput({ pieces }: CommandClient, node: Duplex): Promise<void> {
  try {
    for await (const piece of pieces) if (!(await writeAll(node, encodePiece(piece)))) return
  } catch {
    // It broke off instead of ending: gone either way.
  }
  // Resets the stream: the node hangs up on the command.
  node.destroy()
}
