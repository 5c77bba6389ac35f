/**
 * One transport over all servers of a cluster. It stays with one server and leaves it when it is gone, hangs or is no
 * longer ready while another one is; what was under way there breaks off, so that its senders ask the next.
 */
import type { Clock } from '../base/clock.ts'
import { deadlineSignal } from '../base/deadline.ts'
import { describeError, type Logger } from '../base/logger.ts'
import { TransportError } from './client.ts'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

export interface FailoverTransport extends Transport {
  /** The server that is asked at present. */
  readonly server: string
  readonly servers: readonly string[]
  /** All servers there are, as the cluster tells. An empty list changes nothing. */
  setServers(servers: readonly string[]): void
}

export interface FailoverOptions {
  /** `https://HOST:PORT` of at least one. */
  readonly servers: readonly string[]
  readonly connect: (server: string) => Transport
  readonly clock: Clock
  readonly logger: Logger
}

/** A server that hangs is left within two periods. Asked only where there is another. */
const probePeriodMs = 3_000
const probeTimeoutMs = 2_500

export function failoverTransport({ servers, connect, clock, logger }: FailoverOptions): FailoverTransport {
  const [first] = servers
  if (first === undefined) throw new Error('no server is known')
  let known: readonly string[] = servers
  let current = { server: first, transport: connect(first) }

  const moveTo = (server: string, left: typeof current, why: string) => {
    if (current !== left || server === left.server) return
    logger.warn('asking another API server', { left: left.server, server, why })
    current = { server, transport: connect(server) }
    void left.transport[Symbol.asyncDispose]()
  }
  const after = (server: string): string => known[(known.indexOf(server) + 1) % known.length] ?? server

  let isProbing = false
  const probe = async () => {
    if (known.length < 2 || isProbing) return
    isProbing = true
    const asked = current
    try {
      if (await isReady(asked.transport, clock)) return
      const others = known.filter((server) => server !== asked.server)
      const found = await Promise.any(others.map((server) => readyOne(connect, server, clock)))
      moveTo(found, asked, 'it is not ready')
    } catch {
      // None is ready: nothing would be won by a move.
    } finally {
      isProbing = false
    }
  }
  const stopProbing = clock.every(probePeriodMs, () => void probe())

  const send = async (request: TransportRequest): Promise<TransportResponse> => {
    for (let tries = 1; ; tries++) {
      const used = current
      try {
        return await used.transport.send(request)
      } catch (error) {
        if (!(error instanceof TransportError) || request.signal?.aborted) throw error
        moveTo(after(used.server), used, describeError(error))
        // A write that may have arrived is its sender's to ask about.
        const mayRepeat = request.method === 'GET' || !error.mayHaveArrived
        if (tries >= known.length || !mayRepeat) throw error
      }
    }
  }
  return {
    send,
    get server() {
      return current.server
    },
    get servers() {
      return known
    },
    setServers(next) {
      if (next.length > 0) known = next
    },
    async [Symbol.asyncDispose]() {
      stopProbing()
      await current.transport[Symbol.asyncDispose]()
    },
  }
}

async function isReady(transport: Transport, clock: Clock): Promise<boolean> {
  using deadline = deadlineSignal(clock, probeTimeoutMs)
  try {
    const request = { method: 'GET', path: '/readyz', headers: {}, signal: deadline.signal }
    const { status, body } = await transport.send(request)
    for await (const _chunk of body); // to its end: the connection is kept
    return status === 200
  } catch {
    return false // whatever the reason: it does not answer
  }
}

async function readyOne(connect: FailoverOptions['connect'], server: string, clock: Clock): Promise<string> {
  await using transport = connect(server)
  if (await isReady(transport, clock)) return server
  throw new TransportError(`${server} is not ready`)
}
