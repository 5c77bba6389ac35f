/** The pod that a stream is for, and the way to its node. */
import type { KubeObject } from '../../api/meta.ts'
import { quote } from '../../api/quote.ts'
import { groupResourceOf } from '../../api/resource.ts'
import type { Pod } from '../../api/schema/types.gen.ts'
import { badRequest, notFound, serviceUnavailable } from '../../api/status.ts'
import type { Duplex } from 'node:stream'
import { describeError } from '../../base/logger.ts'
import type { VerbContext } from '../context.ts'
import { readOne } from '../pages.ts'
import { nodeError } from '../subresources/node-error.ts'

export type PlacedPod = Pod & KubeObject

/** Throws NotFound, or BadRequest while it has no node. */
export async function placedPod({ def, info, machinery }: VerbContext): Promise<PlacedPod> {
  const found = await readOne(machinery.cacheOf(def), info.namespace, info.name, '')
  if (!found) throw notFound(groupResourceOf(def), info.name)
  const pod = found.parse<PlacedPod>()
  if (!pod.spec.nodeName) throw badRequest(`pod ${info.name} does not have a host assigned`)
  return pod
}

/** Opens a stream to a path of the pod's node; its uid makes sure that it is still the same pod there. */
export async function openPodStream(
  { machinery }: Pick<VerbContext, 'machinery'>,
  pod: PlacedPod,
  { path, query }: { readonly path: readonly string[]; readonly query: URLSearchParams },
  signal: AbortSignal,
): Promise<Duplex> {
  const node = pod.spec.nodeName ?? ''
  if (!machinery.nodes)
    throw serviceUnavailable(`node ${quote(node)} is not connected to this server: its pods can't be reached`)
  query.set('uid', pod.metadata.uid ?? '')
  const target = `/${path.map(encodeURIComponent).join('/')}?${query.toString()}`
  const answer = await machinery.nodes.openStream(node, { method: 'POST', path: target, signal })
  if (answer.status === 200) return unlessAborted(answer.stream)
  throw await nodeError({ status: answer.status, body: answer.stream }, node)
}

/** A stream that breaks off must not look like one that has come to its end. */
function unlessAborted(stream: Duplex): Duplex {
  stream.on('error', () => {}) // 'close' follows
  // A tick later: the event also comes in the middle of our own closing, before the node is told. Sooner than the 'end'.
  return stream.once('aborted', () =>
    process.nextTick(() => stream.destroy(new Error('the connection to the node broke off'))),
  )
}

/** A connection to a port of the pod, made on its node. Throws ServiceUnavailable when nobody listens. */
export const dialPod = (
  context: Pick<VerbContext, 'machinery'>,
  pod: PlacedPod,
  port: number,
  signal: AbortSignal,
): Promise<Duplex> => {
  const { namespace = '', name = '' } = pod.metadata
  const query = new URLSearchParams({ port: String(port) })
  return openPodStream(context, pod, { path: ['portForward', namespace, name], query }, signal)
}

/** As kubelet says it; kubectl prints it behind its own words. */
export const forwardError = ({ metadata }: PlacedPod, port: number, why: unknown): string =>
  `error forwarding port ${port} to pod ${metadata.name}, uid ${metadata.uid}: ${describeError(why)}`
