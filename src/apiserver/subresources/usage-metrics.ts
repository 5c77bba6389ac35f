/**
 * metrics.k8s.io: `get` and `list` of what nodes and pods use. Which objects there are, and whom selectors choose, is
 * read from the nodes and pods themselves; the numbers come from the nodes that run them.
 */
import { groupResourceOf, type ResourceDef } from '../../api/resource.ts'
import type { KubeObject } from '../../api/meta.ts'
import { usageOf, type NodeMetrics, type PodMetrics } from '../../api/resources/usage-metrics.ts'
import { internal, notFound } from '../../api/status.ts'
import type { PodSummary, StatsSummary } from '../../api/streams/stats-summary.ts'
import type { CachedObject } from '../cached-object.ts'
import type { VerbContext, VerbHandler } from '../context.ts'
import type { ApiResponse } from '../http.ts'
import { negotiate } from '../negotiate.ts'
import { fresh, selected, snapshotOf } from '../pages.ts'
import { plainListResponse, plainResponse } from '../represent.ts'
import { selectionOf } from '../selection.ts'

/** Makes metrics of one of the objects that are measured. Undefined: there are none (yet). */
type Measure = (source: CachedObject) => Promise<KubeObject | undefined>

/** `GROUP/PLURAL` → what reading it does. */
export const usageMetrics: Readonly<Record<string, VerbHandler>> = {
  'metrics.k8s.io/nodes': (context) => answer(context, (source) => nodeMetricsOf(context, source)),
  'metrics.k8s.io/pods': (context) => answer(context, (source) => podMetricsOf(context, source)),
}

async function answer(context: VerbContext, measure: Measure): Promise<ApiResponse> {
  const { def, info } = context
  const representation = negotiate(context.request.headers['accept'], info.verb === 'list' ? 'list' : 'one')
  const sources = await sourcesOf(context)
  const measured = await Promise.all(sources.map(measure))
  const objects = measured.filter((object) => object !== undefined)
  if (info.verb === 'list') return plainListResponse(context, objects, representation)
  const [object] = objects
  // In metrics-server's words: what isn't there, and what isn't measured.
  if (sources.length === 0) throw notFound({ group: '', resource: def.plural }, info.name)
  const place = def.namespaced ? `${info.namespace}/${info.name}` : info.name
  if (!object) throw notFound({ ...groupResourceOf(def), resource: def.kind.toLowerCase() }, place)
  return plainResponse(context, 200, object)
}

/** The core objects of the same plural. */
async function sourcesOf({ def, info, machinery }: VerbContext): Promise<readonly CachedObject[]> {
  const source = sourceDef(machinery, def)
  const query = new URLSearchParams(info.verb === 'list' ? info.query : undefined)
  if (info.name !== '') query.set('fieldSelector', `metadata.name=${info.name}`)
  const cache = machinery.cacheOf(source)
  const selection = selectionOf(source, info.namespace, query)
  await fresh(cache, '')
  return await selected(cache, snapshotOf(cache, selection), selection)
}

function sourceDef(machinery: VerbContext['machinery'], { plural }: ResourceDef): ResourceDef {
  const source = machinery.findResource('', 'v1', plural)
  if (!source) throw internal(new Error(`this server has no ${plural} to measure`))
  return source
}

async function nodeMetricsOf(context: VerbContext, source: CachedObject): Promise<NodeMetrics | undefined> {
  const summary = await context.machinery.usage.of(source.name)
  if (!summary) return undefined
  const { cpu, memory } = summary.node
  return {
    ...headOf(context, source),
    ...timesOf(summary),
    usage: usageOf(cpu.usageNanoCores, memory.workingSetBytes),
  }
}

async function podMetricsOf(context: VerbContext, source: CachedObject): Promise<PodMetrics | undefined> {
  // A selectable field of pods: no need to parse those of nodes that don't answer.
  const node = source.fields['spec.nodeName'] ?? ''
  const summary = node === '' ? undefined : await context.machinery.usage.of(node)
  const pod = summary && podIn(summary, source)
  if (!summary || !pod || pod.containers.length === 0) return undefined
  return {
    ...headOf(context, source),
    ...timesOf(summary),
    containers: pod.containers.map(({ cpu, memory, name }) => ({
      name,
      usage: usageOf(cpu.usageNanoCores, memory.workingSetBytes),
    })),
  }
}

const podIn = ({ pods }: StatsSummary, { name, namespace }: CachedObject): PodSummary | undefined =>
  pods.find(({ podRef }) => podRef.name === name && podRef.namespace === namespace)

const headOf = ({ def, machinery }: VerbContext, { labels, name, namespace }: CachedObject) => ({
  kind: def.kind,
  apiVersion: `${def.group}/${def.version}`,
  metadata: { name, ...(namespace !== '' && { namespace }), labels, creationTimestamp: machinery.nowIso() },
})

const timesOf = ({ node }: StatsSummary) => ({
  timestamp: node.cpu.time,
  window: `${node.windowSeconds.toFixed(3)}s`,
})
