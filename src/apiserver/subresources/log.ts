/** GET pods/NAME/log: checked here, answered by the pod's node through its tunnel, passed on as it comes. */
import type { KubeObject } from '../../api/meta.ts'
import { quote } from '../../api/quote.ts'
import { groupResourceOf } from '../../api/resource.ts'
import type { Pod } from '../../api/schema/types.gen.ts'
import { badRequest, invalid, notFound, serviceUnavailable } from '../../api/status.ts'
import { parseLogOptions } from '../../api/streams/log-options.ts'
import type { VerbContext } from '../context.ts'
import type { ApiResponse } from '../http.ts'
import { readOne } from '../pages.ts'
import { chooseContainer } from './choose-container.ts'
import { isHistory, logHistory } from './log-history.ts'
import { nodeError } from './node-error.ts'

const passedOn = [
  'follow',
  'tailLines',
  'sinceSeconds',
  'sinceTime',
  'timestamps',
  'previous',
  'limitBytes',
  'stream',
]

export async function log(context: VerbContext): Promise<ApiResponse> {
  const { def, info, machinery, signal } = context
  if (isHistory(info.query)) return await logHistory(context)
  const { errors, options } = parseLogOptions(info.query)
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, info.name, errors)
  const found = await readOne(machinery.cacheOf(def), info.namespace, info.name, '')
  if (!found) throw notFound(groupResourceOf(def), info.name)
  const pod = found.parse<Pod & KubeObject>()
  const container = chooseContainer(pod, options.container)
  const node = pod.spec.nodeName ?? ''
  // Nothing has run before a pod has a node; upstream answers with an empty log too.
  if (node === '') return { status: 200, headers: plainText, body: nothing() }
  checkStarted(pod, container, options.previous)
  if (!machinery.nodes)
    throw serviceUnavailable(`node ${quote(node)} is not connected to this server: its logs can't be read`)
  const query = new URLSearchParams({ uid: pod.metadata.uid ?? '' })
  for (const name of passedOn) {
    const value = info.query.get(name)
    if (value !== null) query.set(name, value)
  }
  const place = [info.namespace, info.name, container].map(encodeURIComponent).join('/')
  const path = `/containerLogs/${place}?${query.toString()}`
  const answer = await machinery.nodes.requestNode(node, { method: 'GET', path, signal })
  if (answer.status !== 200) throw await nodeError(answer, node)
  return { status: 200, headers: plainText, body: answer.body }
}

const plainText = { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' }

async function* nothing(): AsyncGenerator<Uint8Array> {}

function checkStarted({ metadata, status }: Pod, container: string, isPrevious: boolean): void {
  const statuses = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ]
  const found = statuses.find(({ name }) => name === container)
  const pod = metadata.name ?? ''
  if (isPrevious) {
    if (found?.lastState?.terminated) return
    throw badRequest(`previous terminated container ${quote(container)} in pod ${quote(pod)} not found`)
  }
  const waiting = found ? found.state?.waiting : {}
  // A container that has run before has a log, whatever it waits for now.
  if (!waiting || found?.lastState?.terminated) return
  const reason = waiting.reason ?? 'ContainerCreating'
  const why =
    reason === 'ErrImagePull' || reason === 'ImagePullBackOff' ? `trying and failing to pull image` : reason
  throw badRequest(`container ${quote(container)} in pod ${quote(pod)} is waiting to start: ${why}`)
}
