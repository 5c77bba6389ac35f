/** GET pods/NAME/log: checked here, answered by the pod's node through its tunnel, passed on as it comes. */
import type { KubeObject } from '../../api/meta.ts'
import { quote } from '../../api/quote.ts'
import { groupResourceOf } from '../../api/resource.ts'
import type { Pod } from '../../api/schema/types.gen.ts'
import { badRequest, invalid, isStatus, notFound, serviceUnavailable, StatusError } from '../../api/status.ts'
import { parseLogOptions } from '../../api/streams/log-options.ts'
import type { VerbContext } from '../context.ts'
import type { ApiResponse } from '../http.ts'
import type { NodeResponse } from '../node-tunnels.ts'
import { readOne } from '../pages.ts'
import { parseJson } from '../wire.ts'

/** A node's error is a Status; anything longer is not one. */
const errorBytesMax = 64 * 1024

const passedOn = ['follow', 'tailLines', 'sinceSeconds', 'sinceTime', 'timestamps', 'previous', 'limitBytes']

export async function log(context: VerbContext): Promise<ApiResponse> {
  const { def, info, machinery, signal } = context
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
  if (answer.status !== 200) throw await errorOf(answer, node)
  return { status: 200, headers: plainText, body: answer.body }
}

const plainText = { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' }

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** The one that is asked for, the one marked as the default, or the only one. */
function chooseContainer({ metadata, spec }: Pod, asked: string | undefined): string {
  const names = spec.containers.map(({ name }) => name)
  const inits = (spec.initContainers ?? []).map(({ name }) => name)
  const others = (spec.ephemeralContainers ?? []).map(({ name }) => name)
  const pod = metadata.name ?? ''
  if (asked !== undefined) {
    if ([...names, ...inits, ...others].includes(asked)) return asked
    throw badRequest(`container ${asked} is not valid for pod ${pod}`)
  }
  const [only] = names
  if (only !== undefined && names.length === 1) return only
  const preferred = metadata.annotations?.['kubectl.kubernetes.io/default-container']
  if (preferred !== undefined && names.includes(preferred)) return preferred
  const initText = inits.length > 0 ? ` or one of the init containers: [${inits.join(' ')}]` : ''
  throw badRequest(
    `a container name must be specified for pod ${pod}, choose one of: [${names.join(' ')}]${initText}`,
  )
}

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

async function errorOf(answer: NodeResponse, node: string): Promise<StatusError> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of answer.body) {
    size += chunk.length
    if (size > errorBytesMax) break
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks)
  try {
    const body = parseJson<unknown>(text)
    if (isStatus(body)) return new StatusError(body)
  } catch {
    // Not JSON: told as text below.
  }
  return serviceUnavailable(
    `node ${quote(node)} answered ${answer.status}: ${text.toString('utf8').slice(0, 1_000)}`,
  )
}
