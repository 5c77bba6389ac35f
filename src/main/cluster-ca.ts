/** How a machine that has seen nothing of a cluster yet knows that it talks to the right one: by the digest of its CA's key. */
import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import { describeError } from '../base/logger.ts'
import type { ServerConnector, Way } from '../client/connector.ts'
import { CommandError } from './command-error.ts'
import { caDigestOf } from './join-token.ts'

/** A chain of ours has two. */
const chainLengthMax = 10

/**
 * The CA that the server at `url` presents, in PEM, if it is the one with this digest. Nothing is told to whoever answers before
 * that is known. Throws `CommandError`.
 */
export async function fetchCa(connector: ServerConnector, url: string, caDigest: string): Promise<string> {
  const presented = await chainBy(connector, url, 'direct').catch((error: unknown) => {
    throw new CommandError(
      `${url} can't be reached: ${describeError(error)}. It is the TLS address of a server (--tls-listen, --advertise)`,
      { cause: error },
    )
  })
  const isOurs = (certificate: Buffer) => caDigestOf(certificate) === caDigest
  // Where something in between ends TLS, the server may be within a WebSocket.
  const behind = async () => chainBy(connector, url, 'websocket').catch(() => []) // then it is somebody else altogether
  const ca = presented.find(isOurs) ?? (await behind()).find(isOurs)
  if (ca) return new X509Certificate(ca).toString()
  throw new CommandError(
    `${url} is not a server of the cluster that the token (or --ca-hash) is for, or somebody is in between who lets no WebSocket through: compare the address, and make a token on that very cluster`,
  )
}

/** What the server presents by one way. */
async function chainBy(connector: ServerConnector, url: string, way: Way): Promise<readonly Buffer[]> {
  const socket = await connector.connectUnchecked(url, way)
  const chain = presentedChain(socket)
  socket.destroy()
  return chain
}

/** The certificates that the other end of a connection has shown, its own first. */
export function presentedChain(socket: TLSSocket): readonly Buffer[] {
  const chain: Buffer[] = []
  for (
    let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    at?.raw && chain.length < chainLengthMax;
    at = at.issuerCertificate
  ) {
    if (chain.some((known) => known.equals(at?.raw ?? known))) break
    chain.push(at.raw)
  }
  return chain
}
