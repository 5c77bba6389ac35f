import { Socket, type OnReadOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import { connectPatiently } from '../base/patient-socket.ts'
import { localAddressOf, loopbackBlockAnnotation } from '../api/pod-address.ts'
import type { KubeObject } from '../api/meta.ts'
import { machineIdAnnotation } from './machine-identity.ts'

export interface DialTarget {
  readonly node: string
  readonly podIP: string
  readonly port: number
}

/** What dialling needs to know of a node. */
export interface DialNode extends KubeObject {
  readonly spec?: { readonly podCIDR?: string }
}

export interface DialerOptions {
  /** The node by name, as the cache has it. */
  readonly nodeOf: (name: string) => DialNode | undefined
  /** Of the machine that this process runs on. */
  readonly machineId: string
  /** The way to pods of other machines; without it there is none. */
  readonly relay?: (target: DialTarget) => Duplex
}

/** A pod can't be reached from here; the message says why. */
export class DialError extends Error {
  override readonly name = 'DialError'
}

/** Opens a byte stream to a port of a pod. It may still be connecting; failures come as its 'error' event. */
export type Dial = (target: DialTarget, hints?: DialHints) => Duplex

export interface DialHints {
  /** Where a socket shall put what it reads, as `net.connect` takes it. Then it has no 'data' events. Other streams do. */
  readonly onread?: OnReadOpts
}

/**
 * The one function through which everything reaches a pod. A pod IP is an identity: on the pod's own machine the
 * loopback address behind it is dialled; from elsewhere its node does that, over the connection that it holds to a server.
 */
export function createDialer({ nodeOf, machineId, relay }: DialerOptions): Dial {
  return (target, { onread } = {}) => {
    const found = nodeOf(target.node)
    if (relay && found && !isHere(found, machineId)) return relay(target)
    const address = addressOf(target, found, machineId)
    if (address instanceof DialError) return new Socket().destroy(address) // tells on the next tick: the caller can listen
    return connectPatiently({
      host: address,
      port: target.port,
      noDelay: true,
      allowHalfOpen: true,
      keepAlive: true,
      keepAliveInitialDelay,
      ...(onread && { onread }),
    })
  }
}

/** A pod whose network goes away with it never says that it has: answers and tunnels without end would wait for ever. */
const keepAliveInitialDelay = 60_000

const isHere = ({ metadata }: DialNode, machineId: string): boolean =>
  metadata.annotations?.[machineIdAnnotation] === machineId

function addressOf(
  { node, podIP }: DialTarget,
  found: DialNode | undefined,
  machineId: string,
): string | DialError {
  if (!found) return new DialError(`pod ${podIP} runs on node ${node}, which is unknown`)
  const annotations = found.metadata.annotations ?? {}
  if (!isHere(found, machineId))
    return new DialError(
      `pod ${podIP} runs on node ${node}, another machine, to which there is no way from here`,
    )
  const podCIDR = found.spec?.podCIDR ?? ''
  const loopbackBlock = annotations[loopbackBlockAnnotation] ?? ''
  const address = localAddressOf({ podIP, podCIDR, loopbackBlock })
  return address ?? new DialError(`pod ${podIP} is outside of the addresses of node ${node} (${podCIDR})`)
}
