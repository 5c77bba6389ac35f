import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

/** Who an in-process caller is; the server authorises it like anybody else. */
export interface LocalUser {
  readonly name: string
  readonly groups: readonly string[]
}

/** The part of an API server that a local transport needs: `ApiServer.handle` is one. */
export type LocalHandler = (
  request: TransportRequest & { readonly user: LocalUser },
) => Promise<TransportResponse>

/** The same requests, bytes, authorisation and limits as over HTTP, without a socket. */
export function localTransport(handle: LocalHandler, user: LocalUser): Transport {
  return {
    send: (request) => handle({ ...request, user }),
    async [Symbol.asyncDispose]() {},
  }
}
