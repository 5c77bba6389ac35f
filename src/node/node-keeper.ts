/**
 * Keeps the node's own objects: the Node (registered once, its status on change or every five minutes) and its Lease,
 * whose renewal says that the agent lives. Never gives up: the API server may be away for as long as it likes.
 */
import { backoffMs } from '../base/backoff.ts'
import { isEqual } from '../api/equal.ts'
import type { Node } from '../api/schema/types.gen.ts'
import { isAlreadyExists, isNotFound } from '../api/status.ts'
import type { ResourceRef } from '../client/client.ts'
import { openInformer } from '../client/informer.ts'
import type { NodeContext } from './context.ts'
import { keepLease } from './node-lease.ts'
import { newNode, nodeMeta, nodeStatus, withoutHeartbeats, type NodeInput } from './node-object.ts'

export interface NodeKeeper extends AsyncDisposable {
  /** Looks at the node's status soon. */
  wake(): void
}

export interface NodeKeeperOptions {
  readonly context: Pick<NodeContext, 'client' | 'clock' | 'random' | 'logger' | 'nodeName' | 'runOnceLease'>
  /** The facts as they are now. */
  readonly input: () => Promise<NodeInput>
  /** Called with the Node whenever it changes. */
  readonly onNode: (node: Node) => void
}

const lookMs = 10_000 // how late a change of disk or memory pressure shows
const postMs = 5 * 60_000 // a status without a change: kubelet's nodeStatusReportFrequency
const retryBackoff = { baseMs: 200, factor: 2, capMs: 5_000, jitter: 0.5 }

export const nodesRef: ResourceRef = {
  group: '',
  version: 'v1',
  plural: 'nodes',
  kind: 'Node',
  namespaced: false,
}

export function openNodeKeeper({ context, input, onNode }: NodeKeeperOptions): NodeKeeper {
  const { client, clock, random, logger, nodeName } = context
  const nodes = client.resource<Node>(nodesRef)
  const stop = new AbortController()
  const { signal } = stop
  let node: Node | undefined
  let postedAtMs = -Infinity
  let wake = () => {}

  const register = async () => {
    const facts = await input()
    try {
      node = await nodes.create(newNode(facts), { signal })
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
      // The same machine as before, or another one under its name: either way it is ours now.
      node = await nodes.patch(nodeName, 'merge', { metadata: nodeMeta(facts) }, { signal })
    }
    postedAtMs = -Infinity
    onNode(node)
    logger.info('the node is registered', { node: nodeName })
  }
  const look = async () => {
    if (!node) await register()
    const old = node?.status
    const status = nodeStatus(await input(), old)
    const isSame =
      old !== undefined &&
      isEqual(withoutHeartbeats(old), { ...withoutHeartbeats(old), ...withoutHeartbeats(status) })
    if (isSame && clock.monotonicMs() - postedAtMs < postMs) return
    node = await nodes.patch(nodeName, 'merge', { status }, { subresource: 'status', signal })
    postedAtMs = clock.monotonicMs()
  }
  const run = async () => {
    for (let failures = 0; !signal.aborted;) {
      let waitMs = lookMs
      try {
        await look()
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        if (isNotFound(error)) node = undefined // deleted under us: registered anew
        logger.debug('the node could not be kept, trying again', { error })
        waitMs = backoffMs(failures++, retryBackoff, random)
      }
      const sleep = new AbortController()
      wake = () => sleep.abort(new Error('woken'))
      await clock.sleep(waitMs, AbortSignal.any([sleep.signal, signal])).catch(() => {}) // woken or stopped: look at once
    }
  }
  const informer = openNodeInformer(context)
  informer.onChange(({ type, object }) => {
    node = type === 'deleted' ? undefined : object
    if (node) onNode(node)
    wake()
  })
  const running = run()
  const renewing = keepLease(context, () => node?.metadata.uid, signal)
  return {
    wake: () => wake(),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('node keeper disposed'))
      await informer[Symbol.asyncDispose]()
      await running
      await renewing
    },
  }
}

const openNodeInformer = ({ client, clock, random, logger, nodeName }: NodeKeeperOptions['context']) =>
  openInformer<Node>({
    client,
    resource: nodesRef,
    fieldSelector: `metadata.name=${nodeName}`,
    clock,
    random,
    logger,
  })
