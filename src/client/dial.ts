import { connect, type Socket } from 'node:net'
import { localAddressOf, loopbackBlockAnnotation } from '../api/pod-address.ts'
import type { KubeObject } from '../api/meta.ts'

/** Set by the agent on its Node: two processes that compute the same value stand on one machine. */
export const machineIdAnnotation = 'sampan.dev/machine-id'

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
export type Dial = (target: DialTarget) => Socket

/**
 * The one function through which everything reaches a pod. A pod IP is an identity: on the pod's own machine the
 * loopback address behind it is dialled; from elsewhere there is no way yet.
 */
export function createDialer({ nodeOf, machineId }: DialerOptions): Dial {
  return (target) => {
    try {
      const host = resolve(target, nodeOf(target.node), machineId)
      return connect({ host, port: target.port, noDelay: true, allowHalfOpen: true })
    } catch (error) {
      return failed(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

function resolve({ node, podIP }: DialTarget, found: DialNode | undefined, machineId: string): string {
  if (!found) throw new DialError(`pod ${podIP} runs on node ${node}, which is unknown`)
  const annotations = found.metadata.annotations ?? {}
  if (annotations[machineIdAnnotation] !== machineId) {
    throw new DialError(
      `pod ${podIP} runs on node ${node}, another machine, to which there is no connection yet`,
    )
  }
  const podCIDR = found.spec?.podCIDR ?? ''
  const loopbackBlock = annotations[loopbackBlockAnnotation] ?? ''
  const address = localAddressOf({ podIP, podCIDR, loopbackBlock })
  if (!address) throw new DialError(`pod ${podIP} is outside of the addresses of node ${node} (${podCIDR})`)
  return address
}

/** A socket whose only event is the failure, after the caller had a chance to listen. */
function failed(error: Error): Socket {
  const socket = connect({ host: '127.0.0.1', port: 1, lookup: () => {} })
  socket.destroy(error)
  return socket
}
