/**
 * What an `Upgrade` below `/sampan/v1/nodes/NAME/` is about: `tunnel?channel=control|bulk` is the node's own way to us, and
 * `dial?ip&port` is somebody's way to one of its pods.
 */
import type { Duplex } from 'node:stream'
import { parseIp } from '../api/addresses.ts'
import { badRequest, forbidden } from '../api/status.ts'
import {
  dataAddressesHeader,
  formatDataAddresses,
  parseDataAddresses,
} from '../api/streams/data-addresses.ts'
import { isPort } from '../api/streams/port-forward.ts'
import { pipeBoth } from '../base/byte-streams.ts'
import type { ApiRequest, UserInfo } from './http.ts'
import type { NodeTunnels, TunnelChannel } from './node-tunnels.ts'
import type { RequestInfo } from './request-info.ts'
import { mastersGroup } from './stages/authenticate.ts'
import { nodeError } from './subresources/node-error.ts'

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

export const dialProtocol = 'sampan-tcp'

export interface DialTarget {
  readonly node: string
  readonly ip: string
  readonly port: number
}

/** Undefined for any other path. Roles have decided who may. Throws BadRequest. */
export function nodeDialTarget(request: ApiRequest, info: RequestInfo): DialTarget | undefined {
  const match = /^\/sampan\/v1\/nodes\/([a-z0-9.-]{1,253})\/dial$/.exec(info.path)
  const node = match?.[1]
  if (node === undefined) return undefined
  if ((request.headers['upgrade'] ?? '').toLowerCase() !== dialProtocol)
    throw badRequest(`a connection is opened with the header "Upgrade: ${dialProtocol}"`)
  const [ip, port] = [info.query.get('ip') ?? '', Number(info.query.get('port'))]
  if (!parseIp(ip)) throw badRequest(`${JSON.stringify(ip)} is no IP address`)
  if (!isPort(port)) throw badRequest(`${JSON.stringify(info.query.get('port'))} is not a port`)
  return { node, ip, port }
}

/** Joins the socket with a connection that the node makes. Throws as long as nothing is answered; resolves at the end. */
export async function serveDial(
  nodes: NodeTunnels,
  { node, ip, port }: DialTarget,
  { socket, head }: { readonly socket: Duplex; readonly head: Uint8Array },
): Promise<void> {
  const gone = new AbortController()
  const onClose = () => gone.abort(new Error('the client went away'))
  socket.once('close', onClose)
  const path = `/dial?${new URLSearchParams({ ip, port: String(port) }).toString()}`
  const answer = await nodes.openStream(node, { method: 'POST', path, signal: gone.signal })
  if (answer.status !== 200) throw await nodeError({ status: answer.status, body: answer.stream }, node)
  socket.off('close', onClose)
  // Where the node can be reached without us, as it says itself.
  const addresses = formatDataAddresses(parseDataAddresses(answer.headers[dataAddressesHeader] ?? ''))
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    `Upgrade: ${dialProtocol}`,
    ...(addresses === '' ? [] : [`${dataAddressesHeader}: ${addresses}`]),
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (head.byteLength > 0) socket.unshift(head)
  await pipeBoth(socket, answer.stream)
}
