import { connect, Socket, type OnReadOpts } from 'node:net'
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
}

/** A pod can't be reached from here; the message says why. */
export class DialError extends Error {
  override readonly name = 'DialError'
}

/** Opens a byte stream to a port of a pod. The socket may still be connecting; failures come as its 'error' event. */
export type Dial = (target: DialTarget, hints?: DialHints) => Socket

export interface DialHints {
  /** Where the socket shall put what it reads, as `net.connect` takes it. Then there are no 'data' events. */
  readonly onread?: OnReadOpts
}

/**
 * The one function through which everything reaches a pod. A pod IP is an identity: on the pod's own machine the
 * loopback address behind it is dialled; from elsewhere there is no way yet.
 */
export function createDialer({ nodeOf, machineId }: DialerOptions): Dial {
  return (target, { onread } = {}) => {
    const address = addressOf(target, nodeOf(target.node), machineId)
    if (address instanceof DialError) return new Socket().destroy(address) // tells on the next tick: the caller can listen
    return connect({
      host: address,
      port: target.port,
      noDelay: true,
      allowHalfOpen: true,
      ...(onread && { onread }),
    })
  }
}

function addressOf(
  { node, podIP }: DialTarget,
  found: DialNode | undefined,
  machineId: string,
): string | DialError {
  if (!found) return new DialError(`pod ${podIP} runs on node ${node}, which is unknown`)
  const annotations = found.metadata.annotations ?? {}
  if (annotations[machineIdAnnotation] !== machineId) {
    return new DialError(
      `pod ${podIP} runs on node ${node}, another machine, to which there is no connection yet`,
    )
  }
  const podCIDR = found.spec?.podCIDR ?? ''
  const loopbackBlock = annotations[loopbackBlockAnnotation] ?? ''
  const address = localAddressOf({ podIP, podCIDR, loopbackBlock })
  return address ?? new DialError(`pod ${podIP} is outside of the addresses of node ${node} (${podCIDR})`)
}
