/** Where a `proxy` subresource leads: `[SCHEME:]NAME[:PORT]` of a pod or a service, and a path behind it. */
import type { KubeObject } from '../../api/meta.ts'
import { quote } from '../../api/quote.ts'
import { groupResourceOf } from '../../api/resource.ts'
import type { EndpointSlice, Pod, Service } from '../../api/schema/types.gen.ts'
import { badRequest, notFound, serviceUnavailable } from '../../api/status.ts'
import { isPort } from '../../api/streams/port-forward.ts'
import type { PlacedPod } from '../connect/pod-target.ts'
import type { VerbContext } from '../context.ts'
import { fresh, readOne, selected, snapshotOf } from '../pages.ts'
import { selectionOf } from '../selection.ts'

export interface ProxyTarget {
  readonly pod: PlacedPod
  readonly port: number
  readonly scheme: 'http' | 'https'
  /** What the app sees as its Host. */
  readonly host: string
  /** With query, as the client sent it. */
  readonly path: string
}

/** Throws BadRequest, NotFound, ServiceUnavailable in upstream's words. */
export async function proxyTarget(context: VerbContext): Promise<ProxyTarget> {
  const { def, info } = context
  const { scheme, name, port } = splitName(info.name)
  const found =
    def.plural === 'pods' ? await podTarget(context, name, port) : await serviceTarget(context, name, port)
  const fallback = scheme === 'https' ? 443 : 80
  const number = found.port ?? fallback
  const ip = found.pod.status?.podIP
  if (!found.pod.spec.nodeName || !ip)
    throw serviceUnavailable(`pod ${quote(found.pod.metadata.name ?? '')} has no address yet`)
  return { pod: found.pod, port: number, scheme, host: `${ip}:${number}`, path: pathBehind(context) }
}

interface ProxyName {
  readonly scheme: 'http' | 'https'
  readonly name: string
  readonly port: string
}

function splitName(text: string): ProxyName {
  const parts = text.split(':')
  const [first = '', second = '', third = ''] = parts
  if (parts.length === 1) return { scheme: 'http', name: first, port: '' }
  if (parts.length === 2) return { scheme: 'http', name: first, port: second }
  if (parts.length === 3 && ['', 'http', 'https'].includes(first))
    return { scheme: first === 'https' ? 'https' : 'http', name: second, port: third }
  throw badRequest(`invalid proxy request ${quote(text)}: expected [SCHEME:]NAME[:PORT]`)
}

interface Found {
  readonly pod: PlacedPod
  readonly port: number | undefined
}

async function podTarget({ def, info, machinery }: VerbContext, name: string, port: string): Promise<Found> {
  const found = await readOne(machinery.cacheOf(def), info.namespace, name, '')
  if (!found) throw notFound(groupResourceOf(def), name)
  const pod = found.parse<PlacedPod>()
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? [])
  if (port === '') return { pod, port: ports[0]?.containerPort }
  const number = ports.find((each) => each.name === port)?.containerPort ?? Number(port)
  if (!isPort(number)) throw badRequest(`pod ${quote(name)} has no port ${quote(port)}`)
  return { pod, port: number }
}

/** The service's port decides the name by which its endpoints list theirs; one of those that are ready is taken. */
async function serviceTarget(context: VerbContext, name: string, port: string): Promise<Found> {
  const { def, info, machinery } = context
  const found = await readOne(machinery.cacheOf(def), info.namespace, name, '')
  if (!found) throw notFound(groupResourceOf(def), name)
  const ports = found.parse<Service & KubeObject>().spec.ports ?? []
  const [only] = ports
  const chosen = port === '' ? only : ports.find((each) => each.name === port || String(each.port) === port)
  if (!chosen) throw serviceUnavailable(`no service port ${quote(port)} found for service ${quote(name)}`)
  const slices = await slicesOf(context, name)
  const candidates = slices.flatMap(({ endpoints, ports: own }) => {
    const number = own?.find((each) => (each.name ?? '') === (chosen.name ?? ''))?.port
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false)
    return number === undefined ? [] : ready.map((endpoint) => ({ endpoint, number }))
  })
  const pick = candidates[Math.floor(machinery.random.float() * candidates.length)]
  const ref = pick?.endpoint.targetRef
  if (!pick || ref?.kind !== 'Pod')
    throw serviceUnavailable(`no endpoints available for service ${quote(name)}`)
  const pods = machinery.findResource('', 'v1', 'pods')
  const pod = pods && (await readOne(machinery.cacheOf(pods), info.namespace, ref.name ?? '', ''))
  if (!pod) throw serviceUnavailable(`no endpoints available for service ${quote(name)}`)
  return { pod: pod.parse<Pod & KubeObject>(), port: pick.number }
}

async function slicesOf({ info, machinery }: VerbContext, service: string): Promise<EndpointSlice[]> {
  const def = machinery.findResource('discovery.k8s.io', 'v1', 'endpointslices')
  if (!def) return []
  const cache = machinery.cacheOf(def)
  const query = new URLSearchParams({ labelSelector: `kubernetes.io/service-name=${service}` })
  await fresh(cache, '')
  const selection = selectionOf(def, info.namespace, query)
  const objects = await selected(cache, snapshotOf(cache, selection), selection)
  return objects.map((object) => object.parse<EndpointSlice & KubeObject>())
}

/** What follows `/proxy`, neither decoded nor cleaned: it is the app's business. */
export function pathBehind({ info, request }: Pick<VerbContext, 'info' | 'request'>): string {
  const mark = request.path.indexOf('?')
  const query = mark < 0 ? '' : request.path.slice(mark)
  const behind = /^\/+api\/+v1\/+(?:namespaces\/+[^/]+\/+)?[^/]+\/+[^/]+\/+proxy(\/.*)?$/.exec(info.path)?.[1]
  return (behind ?? '/') + query
}
