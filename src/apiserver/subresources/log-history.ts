/**
 * GET pods/NAME/log?history=true: all that nodes still have of a pod or an app of this name, deleted ones included, in the order of
 * time; one JSON object a line (`src/api/streams/log-history.ts`). A node that can't be asked is named in the answer.
 */
import { linesOf } from '../../base/lines.ts'
import { describeError } from '../../base/logger.ts'
import { mergeArriving } from '../../base/merge-arriving.ts'
import { mergeSorted } from '../../base/merge-sorted.ts'
import { resourceAccess } from '../../api/access/request.ts'
import { invalid, serviceUnavailable } from '../../api/status.ts'
import {
  historyContentType,
  historyQuery,
  parseHistoryOptions,
  type HistoryNote,
} from '../../api/streams/log-history.ts'
import type { VerbContext } from '../context.ts'
import type { ApiResponse } from '../http.ts'
import type { NodeTunnels } from '../node-tunnels.ts'
import { fresh } from '../pages.ts'
import { nodeError } from './node-error.ts'

export const isHistory = (query: URLSearchParams): boolean => query.get('history') === 'true'

export async function logHistory(context: VerbContext): Promise<ApiResponse> {
  const { info, machinery } = context
  const { options, errors } = parseHistoryOptions(info.query)
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, info.name, errors)
  const { nodes } = machinery
  if (!nodes) throw serviceUnavailable('no node is connected to this server: logs can not be read')
  const isExact = options.isExact === true || !(await mayReadAll(context))
  const place = [info.namespace, info.name].map(encodeURIComponent).join('/')
  const path = `/logHistory/${place}?${historyQuery({ ...options, isExact }).toString()}`
  const lines = (await nodeNames(context)).map((node) =>
    linesOfNode(nodes, { node, path, signal: context.signal }),
  )
  const headers = { 'content-type': historyContentType, 'cache-control': 'no-cache, private' }
  return { status: 200, headers, body: encoded(merged(lines, options.follow === true)) }
}

/** Who may read the logs of single pods only gets those of the pod, not those of an app of the same name. */
async function mayReadAll({ info, machinery, user }: VerbContext): Promise<boolean> {
  const resource = { group: '', resource: 'pods', subresource: 'log' }
  const { namespace } = info
  return (await machinery.access.decide(resourceAccess(user, 'get', resource, { namespace }))).allowed
}

async function nodeNames({ machinery }: VerbContext): Promise<readonly string[]> {
  const def = machinery.findResource('', 'v1', 'nodes')
  if (!def) return []
  const cache = machinery.cacheOf(def)
  await fresh(cache, '')
  return cache.range('').map(({ name }) => name)
}

interface NodeQuestion {
  readonly node: string
  readonly path: string
  readonly signal: AbortSignal
}

/** Text of 16 KiB, each character escaped. */
const lineLengthMax = 128 * 1024

async function* linesOfNode(
  nodes: Pick<NodeTunnels, 'requestNode'>,
  { node, path, signal }: NodeQuestion,
): AsyncGenerator<string> {
  try {
    const answer = await nodes.requestNode(node, { method: 'GET', path, signal })
    if (answer.status !== 200) throw await nodeError(answer, node)
    yield* linesOf(answer.body, lineLengthMax)
  } catch (error) {
    if (signal.aborted) return
    yield noteText({ problem: `logs on node ${node} are missing: ${describeError(error)}` })
  }
}

const noteText = (note: HistoryNote): string => JSON.stringify(note)
const caughtUp = noteText({ caughtUp: true })

/** Each line begins with its time, so that the order of texts is the order of times. */
async function* merged(sources: readonly AsyncGenerator<string>[], follows: boolean): AsyncGenerator<string> {
  try {
    yield* mergeSorted(sources.map(untilCaughtUp), (a, b) => (a < b ? -1 : a > b ? 1 : 0))
    if (!follows) return
    yield caughtUp
    yield* mergeArriving(sources)
  } finally {
    for (const source of sources) void source.return(undefined)
  }
}

/** Leaves the rest to be read. */
async function* untilCaughtUp(source: AsyncIterator<string>): AsyncGenerator<string> {
  for (;;) {
    const { done, value } = await source.next()
    if (done === true || value === caughtUp) return
    yield value
  }
}

async function* encoded(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const line of lines) yield Buffer.from(`${line}\n`)
}
