/**
 * Answers that go on for long, on a WebSocket: a watch as one text message for each event, a log as messages of bytes. Browsers
 * ask for them so (Headlamp).
 */
import { badRequest, StatusError } from '../../api/status.ts'
import type { ApiResponse } from '../http.ts'
import { offeredProtocols } from './protocol-token.ts'
import type { UpgradeContext, UpgradeHandler } from './upgrade-context.ts'
import { acceptWebSocket, closeNormally, sendMessage } from './websocket.ts'

const base64Protocol = 'base64.binary.k8s.io'
const protocols = [base64Protocol, 'binary.k8s.io']

/** `answer` makes the ordinary answer; an error of it is told before the switch. */
export const bodyOnWebSocket =
  (answer: (context: UpgradeContext) => Promise<ApiResponse>): UpgradeHandler =>
  async (context) => {
    const offered = offeredProtocols(context.request)
    const protocol = offered.find((each) => protocols.includes(each))
    if (offered.length > 0 && protocol === undefined)
      throw badRequest(
        `the client offers the subprotocols [${offered.join(' ')}]; this server speaks [${protocols.join(' ')}]`,
      )
    const isWatch = context.info.verb === 'watch'
    const left = new AbortController()
    const signal = AbortSignal.any([context.signal, left.signal])
    const { body } = await answer({ ...context, signal })
    const webSocket = await acceptWebSocket(context, protocol)
    webSocket.once('close', () => left.abort(new StatusError(badRequest('the client went away').status)))
    const run = async () => {
      for await (const chunk of body) {
        for (const message of isWatch ? linesOf(chunk) : [encoded(chunk, protocol)])
          if (!(await sendMessage(webSocket, message))) return
      }
      closeNormally(webSocket)
    }
    return { ended: run().catch(() => webSocket.terminate()) }
  }

/** A chunk of a watch is whole lines. */
const linesOf = (chunk: Uint8Array): string[] =>
  Buffer.from(chunk)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')

const encoded = (chunk: Uint8Array, protocol: string | undefined): string | Uint8Array =>
  protocol === base64Protocol ? Buffer.from(chunk).toString('base64') : chunk
