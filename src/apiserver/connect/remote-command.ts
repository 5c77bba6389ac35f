/**
 * pods/exec and pods/attach. Whatever the client speaks (WebSocket channels, SPDY streams) becomes pieces, and the pod's
 * node is sent those on one stream; it answers with pieces, the last of which is the command's exit code. The command
 * is begun before the client is told to switch, so that what stands in its way is an ordinary error.
 */
import type { Duplex } from 'node:stream'
import { commandMessages } from './command-messages.ts'
import { pipePieces } from './piece-pipe.ts'
import {
  chooseProtocol,
  commandProtocols,
  parseCommandOptions,
  type CommandOptions,
  type CommandProtocol,
} from '../../api/streams/channels.ts'
import { badRequest } from '../../api/status.ts'
import { chooseContainer } from '../subresources/choose-container.ts'
import { openPodStream, placedPod } from './pod-target.ts'
import { offeredProtocols } from './protocol-token.ts'
import { openSpdyCommand } from './spdy-command.ts'
import { streamProtocolOf } from './spdy-upgrade.ts'
import type { UpgradeContext, UpgradeHandler } from './upgrade-context.ts'
import { webSocketCommand } from './websocket-command.ts'
import { acceptWebSocket } from './websocket.ts'

/** Of the error stream's content over SPDY: JSON since version 4, which every client of these ten years offers. */
const spdyVersions = ['v4.channel.k8s.io']

export const remoteCommand: UpgradeHandler = async (context) => {
  const { info, request } = context
  const options = parseCommandOptions(info.query)
  if (!options.stdin && !options.stdout && !options.stderr)
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr')
  const isWebSocket = request.headers['upgrade']?.toLowerCase() === 'websocket'
  const channels = isWebSocket ? webSocketProtocol(context) : undefined
  const protocol = channels ?? streamProtocolOf(context, spdyVersions)
  const node = await openCommand(context, options)
  try {
    const client = channels
      ? webSocketCommand(await acceptWebSocket(context, channels), commandMessages(channels))
      : await openSpdyCommand(context, options, protocol)
    return { ended: pipePieces(client, node) }
  } catch (error) {
    node.destroy()
    throw error
  }
}

function webSocketProtocol({ request }: UpgradeContext): CommandProtocol {
  const offered = offeredProtocols(request)
  const chosen = chooseProtocol(offered, commandProtocols)
  if (chosen !== undefined) return chosen
  throw badRequest(
    `the client offers the subprotocols [${offered.join(' ')}]; this server speaks [${commandProtocols.join(' ')}]`,
  )
}

async function openCommand(context: UpgradeContext, options: CommandOptions): Promise<Duplex> {
  const { info, signal } = context
  const pod = await placedPod(context)
  const container = chooseContainer(pod, options.container)
  const query = new URLSearchParams()
  for (const word of options.command) query.append('command', word)
  for (const flag of ['stdin', 'stdout', 'stderr', 'tty'] as const) if (options[flag]) query.set(flag, 'true')
  const path = [info.subresource, info.namespace, info.name, container]
  return await openPodStream(context, pod, { path, query }, signal)
}
