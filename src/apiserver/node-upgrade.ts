/** Which tunnel an `Upgrade` request wants to open: `GET /sampan/v1/nodes/NAME/tunnel?channel=control|bulk`. */
import { badRequest, forbidden } from '../api/status.ts'
import type { ApiRequest, UserInfo } from './http.ts'
import type { TunnelChannel } from './node-tunnels.ts'
import type { RequestInfo } from './request-info.ts'
import { mastersGroup } from './stages/authenticate.ts'

export const tunnelProtocol = 'sampan-h2'

export interface TunnelTarget {
  readonly node: string
  readonly channel: TunnelChannel
}

/** Undefined for any other path. A node may only open its own. Throws Forbidden, BadRequest. */
export function nodeTunnelTarget(
  request: ApiRequest,
  info: RequestInfo,
  user: UserInfo,
): TunnelTarget | undefined {
  const match = /^\/sampan\/v1\/nodes\/([a-z0-9.-]{1,253})\/tunnel$/.exec(info.path)
  const node = match?.[1]
  if (node === undefined) return undefined
  if (user.name !== `system:node:${node}` && !user.groups.includes(mastersGroup)) {
    const why = `a tunnel of node "${node}" can only be opened by system:node:${node}, not by ${user.name}`
    throw forbidden({ group: '', resource: 'nodes' }, node, why)
  }
  if ((request.headers['upgrade'] ?? '').toLowerCase() !== tunnelProtocol)
    throw badRequest(`a tunnel is opened with the header "Upgrade: ${tunnelProtocol}"`)
  const channel = info.query.get('channel') ?? 'control'
  if (channel !== 'control' && channel !== 'bulk')
    throw badRequest(`the channel of a tunnel is control or bulk, not ${JSON.stringify(channel)}`)
  return { node, channel }
}
