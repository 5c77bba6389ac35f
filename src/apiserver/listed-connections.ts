/**
 * Connections of machines that joined by the list of keys. Each request on them is refused once their key is off the list; what
 * was begun before (watches, tunnels) ends here.
 */
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../base/clock.ts'
import { describeError, type Logger } from '../base/logger.ts'
import type { ClientCertificate } from './http.ts'
import type { ApiServer } from './server.ts'

export interface ListedConnections extends AsyncDisposable {
  /** Of a certificate that has been verified. */
  add(socket: TLSSocket, certificate: ClientCertificate): void
}

export interface ListedConnectionsOptions {
  readonly server: Pick<ApiServer, 'isIn'>
  readonly clock: Clock
  readonly logger: Logger
}

interface Connection {
  readonly certificate: ClientCertificate
  readonly openedMs: number
}

/** Also how long a connection is left alone: nothing but refusals may have come of a new one, and somebody is reading them. */
const lookMs = 2_000 // a look reads one object, once for each machine, and only while there are such machines

export function openListedConnections({
  clock,
  logger,
  server,
}: ListedConnectionsOptions): ListedConnections {
  const sockets = new Map<TLSSocket, Connection>()
  let looking: Promise<void> | undefined
  const look = async () => {
    const begunMs = clock.monotonicMs() - lookMs
    const old = [...sockets].filter(([, { openedMs }]) => openedMs <= begunMs)
    const machines = Map.groupBy(old, ([, { certificate }]) =>
      [certificate.commonName, certificate.publicKey].join(' '),
    )
    for (const connections of machines.values()) {
      const certificate = connections[0]?.[1].certificate
      if (!certificate || (await server.isIn(certificate))) continue
      logger.info('a machine whose key is off the list is cut off', { user: certificate.commonName })
      for (const [socket] of connections) socket.destroy()
    }
  }
  const stop = clock.every(lookMs, () => {
    if (sockets.size === 0) return
    looking ??= look()
      .catch((error: unknown) =>
        logger.debug('the list of allowed keys could not be read', { error: describeError(error) }),
      )
      .finally(() => (looking = undefined))
  })
  return {
    add(socket, certificate) {
      sockets.set(socket, { certificate, openedMs: clock.monotonicMs() })
      socket.once('close', () => sockets.delete(socket))
    },
    async [Symbol.asyncDispose]() {
      stop()
      await looking
    },
  }
}
