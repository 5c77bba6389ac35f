/** A WebSocket (or another upgrade) to an app, through `proxy`: the handshake goes to the app, which answers it itself. */
import { pipeBoth } from '../../base/byte-streams.ts'
import type { UpgradeContext, UpgradeHandler } from '../connect/upgrade-context.ts'
import { dialProxied, isOwnHeader, secured } from './proxy.ts'
import { proxyTarget } from './proxy-target.ts'

export const proxyUpgrade: UpgradeHandler = async (context) => {
  const target = await proxyTarget(context)
  const stream = secured(await dialProxied(context, target), target.scheme)
  stream.write(requestHead(context, target))
  if (context.head.length > 0) stream.write(context.head)
  return { ended: pipeBoth(context.socket, stream) }
}

function requestHead(
  { request }: UpgradeContext,
  { host, path }: { readonly host: string; readonly path: string },
): string {
  const lines = [`${request.method} ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: Upgrade']
  for (const [name, value] of Object.entries(request.headers))
    if (name === 'upgrade' || !isOwnHeader(name)) lines.push(`${name}: ${value}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}
