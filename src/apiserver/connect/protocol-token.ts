/**
 * Browsers can't give a WebSocket an Authorization header; Headlamp sends its token as one of the subprotocols it offers:
 * `base64url.bearer.authorization.k8s.io.TOKEN`. Upstream: apiserver pkg/authentication/request/websocket/protocol.go.
 */
import { badRequest } from '../../api/status.ts'
import type { ApiRequest } from '../http.ts'

const prefix = 'base64url.bearer.authorization.k8s.io.'
const header = 'sec-websocket-protocol'

/** What the client offers, in its order. */
export const offeredProtocols = ({ headers }: Pick<ApiRequest, 'headers'>): readonly string[] =>
  (headers[header] ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== '')

/** The token where every other stage looks for it, and the protocols without it. */
export function withProtocolToken(request: ApiRequest): ApiRequest {
  const offered = offeredProtocols(request)
  const tokens = offered.filter((protocol) => protocol.startsWith(prefix))
  const [token] = tokens
  if (token === undefined) return request
  if (tokens.length > 1) throw badRequest('more than one of the offered subprotocols is a bearer token')
  const rest = offered.filter((protocol) => protocol !== token)
  if (rest.length === 0) throw badRequest('missing additional subprotocol')
  const bearer = Buffer.from(token.slice(prefix.length), 'base64url').toString('utf8')
  const headers = { ...request.headers, [header]: rest.join(', ') }
  // Who sends a header has said who they are.
  const { presentedKey, signal } = request
  return { ...request, presentedKey, signal, headers: { authorization: `Bearer ${bearer}`, ...headers } }
}
