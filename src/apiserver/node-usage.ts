/**
 * What nodes say of their CPU and memory, asked over their tunnels when somebody wants to know. All nodes at once, each
 * with a deadline: one that doesn't answer is missing in the answer and holds nobody up.
 */
import type { Clock } from '../base/clock.ts'
import { deadlineSignal } from '../base/deadline.ts'
import { describeError, type Logger } from '../base/logger.ts'
import type { StatsSummary } from '../api/streams/stats-summary.ts'
import type { NodeTunnels } from './node-tunnels.ts'
import { parseJson } from './wire.ts'

export interface NodeUsage {
  /** Undefined: the node gave no answer. Never rejects. */
  of(node: string): Promise<StatsSummary | undefined>
}

export interface NodeUsageOptions {
  readonly nodes: Pick<NodeTunnels, 'connected' | 'requestNode'> | undefined
  readonly clock: Clock
  readonly logger: Logger
}

/** A node measures for a second when nobody has asked it lately. */
const answerTimeoutMs = 5_000
/** `kubectl top pods` and `top nodes` in a row ask once. */
export const keptMs = 2_000
/** A pod's summary has some 600 bytes; a node has 500 pods at most. */
const answerBytesMax = 4 * 1024 * 1024

export function createNodeUsage(options: NodeUsageOptions): NodeUsage {
  const { clock, logger, nodes } = options
  const kept = new Map<
    string,
    { readonly untilMs: number; readonly answer: Promise<StatsSummary | undefined> }
  >()
  const forgetOld = (nowMs: number) => {
    for (const [node, { untilMs }] of kept) if (untilMs <= nowMs) kept.delete(node)
  }
  return {
    of(node) {
      const nowMs = clock.monotonicMs()
      forgetOld(nowMs)
      const known = kept.get(node)
      if (known) return known.answer
      if (!nodes?.connected().includes(node)) return Promise.resolve(undefined)
      const answer = ask(options, nodes, node).catch((error: unknown) => {
        logger.info('a node did not tell what it uses', { node, error: describeError(error) })
        return undefined
      })
      kept.set(node, { untilMs: nowMs + answerTimeoutMs, answer })
      // Kept from the answer on: the wait for it is not time in which it grows old.
      void answer.then(() => kept.set(node, { untilMs: clock.monotonicMs() + keptMs, answer }))
      return answer
    },
  }
}

async function ask(
  { clock }: NodeUsageOptions,
  nodes: Pick<NodeTunnels, 'requestNode'>,
  node: string,
): Promise<StatsSummary> {
  using deadline = deadlineSignal(clock, answerTimeoutMs)
  const { signal } = deadline
  const { body, status } = await nodes.requestNode(node, { method: 'GET', path: '/stats/summary', signal })
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > answerBytesMax) throw new Error(`the answer has more than ${answerBytesMax} bytes`)
    chunks.push(chunk)
  }
  // A stream that is ended early ends like any other.
  signal.throwIfAborted()
  if (status !== 200) throw new Error(`the node answered ${status}`)
  return parseJson<StatsSummary>(Buffer.concat(chunks))
}
