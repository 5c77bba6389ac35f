/** A request that wants to leave HTTP, with what a verb would have, and the socket. */
import type { Duplex } from 'node:stream'
import type { VerbContext } from '../context.ts'

export interface UpgradeContext extends VerbContext {
  readonly socket: Duplex
  /** What came behind the request's head. */
  readonly head: Uint8Array
}

/**
 * Takes the socket over. Rejects with a StatusError as long as nothing has been answered on it. What then goes on is told
 * by `ended`, which never rejects.
 */
export type UpgradeHandler = (context: UpgradeContext) => Promise<{ readonly ended: Promise<void> }>
