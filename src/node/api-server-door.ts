/** What pods mean by `kubernetes.default.svc`: bytes to the TLS port of a server that answers, by the way that leads there. */
import type { Duplex } from 'node:stream'
import { LateStream } from '../base/late-stream.ts'
import { describeError } from '../base/logger.ts'
import type { ServerConnector } from '../client/connector.ts'

export interface ApiServerDoorOptions {
  readonly connector: Pick<ServerConnector, 'connectBytes'>
  /** Asked in turn; the first is the best guess. */
  readonly servers: () => readonly string[]
}

/** It may still be connecting; failures come as its 'error' event. */
export const createApiServerDoor =
  ({ connector, servers }: ApiServerDoorOptions): (() => Duplex) =>
  () => {
    const late = new LateStream()
    const given = new AbortController()
    late.once('close', () => given.abort(new Error('the connection is given up')))
    const open = async () => {
      const problems: string[] = []
      for (const server of servers()) {
        if (late.destroyed) return
        try {
          return late.attach(await connector.connectBytes(server, given.signal))
        } catch (error) {
          problems.push(describeError(error))
        }
      }
      late.destroy(new Error(`no API server can be reached: ${problems.join('; ') || 'none is known'}`))
    }
    void open()
    return late
  }
