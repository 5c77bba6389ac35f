/** Pods of other machines, by the best way there is: directly where their node can be reached, over a server otherwise. */
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { LateStream } from '../base/late-stream.ts'
import type { Logger } from '../base/logger.ts'
import { DialError, type DialTarget } from './dial.ts'
import { openDirectRoutes } from './direct.ts'
import { createRelay } from './relay.ts'
import { identityOf, type HttpTransportOptions } from './transport-http.ts'

export interface ReachOptions {
  /** Who we are, to servers and to nodes. */
  readonly credentials: HttpTransportOptions
  /** Asked in turn until one knows the node; the first is the best guess. */
  readonly servers: () => readonly string[]
  readonly clock: Clock
  readonly logger: Logger
}

export interface Reach extends Disposable {
  /** It may still be connecting; failures come as its 'error' event. */
  readonly dial: (target: DialTarget) => Duplex
}

/** The first connection to a node goes over a server, which tells where the node listens. */
export function openReach({ clock, credentials, logger, servers }: ReachOptions): Reach {
  const direct = openDirectRoutes({ identity: identityOf(credentials), clock, logger })
  const onAddresses = (node: string, addresses: string) => direct.learn(node, addresses)
  const relay = createRelay({ credentials, servers, clock, onAddresses })
  return {
    dial(target) {
      const opening = direct.dial(target)
      if (!opening) return relay(target)
      const late = new LateStream()
      opening.then(
        (stream) => late.attach(stream),
        (error: Error) => {
          // What the node itself has said, it would say again.
          if (error instanceof DialError) late.destroy(error)
          else if (!late.destroyed) late.attach(relay(target))
        },
      )
      return late
    },
    [Symbol.dispose]: () => direct[Symbol.dispose](),
  }
}
