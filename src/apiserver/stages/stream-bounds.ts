/**
 * Watches, followed logs and other streams wait for nobody's turn, so they are counted instead: each keeps a connection or a part
 * of one and some buffers for as long as its client likes. Who asks for too many is told so (429); what Sampan itself needs
 * in order to work is never refused.
 */
import { tooManyRequests } from '../../api/status.ts'
import type { ApiRequest, ApiResponse, UserInfo } from '../http.ts'
import { MemoryBody } from '../respond.ts'

export interface StreamBounds {
  /** Takes a place; the result gives it back and may be called again. Throws TooManyRequests. */
  hold(user: UserInfo): () => void
  /** The same around a request: the place is free when its answer's body has ended, or its client is gone. */
  serve(
    request: Pick<ApiRequest, 'signal' | 'user'>,
    user: UserInfo,
    work: () => Promise<ApiResponse>,
  ): Promise<ApiResponse>
  /** Places taken, without those of Sampan itself. */
  readonly held: number
}

export interface StreamLimits {
  readonly heldMax: number
  readonly heldPerUserMax: number
  /** What one is called where it is refused. */
  readonly what: string
}

/**
 * A controller has one watch for each kind; a client that has thousands forgets to close them. One user alone leaves half of
 * the places to the others.
 */
export const streamLimits: StreamLimits = {
  heldMax: 10_000,
  heldPerUserMax: 5_000,
  what: 'watches and followed logs',
}

/** Agents and gateways: without their watches nothing runs. */
const groupsOfSystem = new Set(['system:nodes', 'system:sampan'])
const retryAfterSeconds = 5

export function createStreamBounds({ heldMax, heldPerUserMax, what }: StreamLimits): StreamBounds {
  let held = 0
  const byUser = new Map<string, number>()
  const change = (name: string, by: number) => {
    held += by
    const own = (byUser.get(name) ?? 0) + by
    if (own > 0) byUser.set(name, own)
    else byUser.delete(name)
  }
  const hold = ({ groups, name }: UserInfo): (() => void) => {
    if (groups.some((group) => groupsOfSystem.has(group))) return () => {}
    if ((byUser.get(name) ?? 0) >= heldPerUserMax)
      throw refusal(`${name} already has ${heldPerUserMax} ${what} open, as many as one user may have`)
    if (held >= heldMax) throw refusal(`this server already has ${heldMax} ${what} open, as many as it takes`)
    change(name, 1)
    let isHeld = true
    return () => {
      if (isHeld) change(name, -1)
      isHeld = false
    }
  }
  return {
    hold,
    async serve(request, user, work) {
      // In-process callers are parts of Sampan.
      if (request.user) return await work()
      const free = hold(user)
      try {
        const response = await work()
        const isOver = response.body instanceof MemoryBody || request.signal?.aborted === true
        if (isOver) free()
        // Nobody reads the body of an answer to HEAD.
        else request.signal?.addEventListener('abort', free, { once: true })
        return isOver ? response : { ...response, body: endingWith(response.body, free) }
      } catch (error) {
        free()
        throw error
      }
    },
    get held() {
      return held
    },
  }
}

const refusal = (why: string) => tooManyRequests(`${why}; close some and try again`, retryAfterSeconds)

/** `ended` is called when the body has come to its end, has failed, or has been left. */
function endingWith(body: AsyncIterable<Uint8Array>, ended: () => void): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = body[Symbol.asyncIterator]()
      const failed = (error: unknown): never => {
        ended()
        throw error
      }
      const step = (result: IteratorResult<Uint8Array>) => {
        if (result.done === true) ended()
        return result
      }
      return {
        next: () => iterator.next().then(step, failed),
        async return() {
          ended()
          await iterator.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
