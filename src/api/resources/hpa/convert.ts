/**
 * Between autoscaling/v2 and v1 (kubernetes pkg/apis/autoscaling/v1/conversion.go 001320a): the first target of cpu
 * utilisation is v1's own field; other metrics, what is measured, conditions and behaviour are annotations there, which
 * no v2 object has. Annotations that can't be read are left as they are.
 */
import { isJsonObject, type JsonObject } from '../../json.ts'
import { decode } from '../../schema/decode.ts'
import { typeNamed } from '../../schema/schema.ts'
import type {
  AutoscalingV1HorizontalPodAutoscaler,
  AutoscalingV1HorizontalPodAutoscalerSpec,
  AutoscalingV1HorizontalPodAutoscalerStatus,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerBehavior,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerSpec,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
  MetricStatus,
} from '../../schema/types.gen.ts'
import { cpuMetric } from './defaults.ts'
import { specFromV1, specToV1, statusFromV1, statusToV1 } from './convert-metrics.ts'

type V1 = AutoscalingV1HorizontalPodAutoscaler
type V2 = HorizontalPodAutoscaler

const annotation = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics',
  currentMetrics: 'autoscaling.alpha.kubernetes.io/current-metrics',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions',
  behavior: 'autoscaling.alpha.kubernetes.io/behavior',
} as const

type Notes = { -readonly [Name in keyof typeof annotation]?: unknown }

export const fromV2 = (autoscaler: V2): V1 => {
  const { spec, status, metadata, ...same } = autoscaler
  const { behavior, metrics = [], ...sameSpec } = spec ?? ({} as HorizontalPodAutoscalerSpec)
  const cpu = metrics.find(isCpuUtilization)
  const percent = cpu?.resource?.target?.averageUtilization
  const notes: Notes = {
    metrics: listNote(metrics.filter((metric) => !isCpuUtilization(metric)).map(specToV1)),
    currentMetrics: listNote((status?.currentMetrics ?? []).map(statusToV1)),
    conditions: listNote(status?.conditions ?? []),
    behavior: behavior && renamed(behavior, capitalized),
  }
  const v1Spec: AutoscalingV1HorizontalPodAutoscalerSpec = {
    ...sameSpec,
    ...(percent !== undefined && { targetCPUUtilizationPercentage: percent }),
  }
  return {
    ...same,
    apiVersion: 'autoscaling/v1',
    metadata: withNotes(metadata, notes),
    spec: v1Spec,
    ...(status && { status: statusOf(status) }),
  }
}

const statusOf = (status: HorizontalPodAutoscalerStatus): AutoscalingV1HorizontalPodAutoscalerStatus => {
  const { conditions: _, currentMetrics = [], currentReplicas = 0, ...same } = status
  const cpu = currentMetrics.find(({ type, resource }) => type === 'Resource' && resource?.name === 'cpu')
  const percent = cpu?.resource?.current?.averageUtilization
  return {
    ...same,
    currentReplicas,
    ...(percent !== undefined && { currentCPUUtilizationPercentage: percent }),
  }
}

export const toV2 = (autoscaler: V1): V2 => {
  const { spec, status, metadata, ...same } = autoscaler
  const { targetCPUUtilizationPercentage: percent, ...sameSpec } =
    spec ?? ({} as AutoscalingV1HorizontalPodAutoscalerSpec)
  const { notes, rest } = readNotes(metadata)
  const noted = listOf(notes.metrics, specFromV1, 'MetricSpec')
  const metrics = [...(percent === undefined ? [] : [cpuMetric(percent)]), ...noted]
  const [behavior] = listOf(
    [notes.behavior],
    (note) => renamed(note, uncapitalized),
    'HorizontalPodAutoscalerBehavior',
  )
  return {
    ...same,
    apiVersion: 'autoscaling/v2',
    metadata: rest,
    spec: {
      ...sameSpec,
      ...(metrics.length > 0 && { metrics }),
      ...(behavior !== undefined && { behavior }),
    },
    ...(status && { status: statusFrom(status, notes) }),
  }
}

const statusFrom = (
  status: AutoscalingV1HorizontalPodAutoscalerStatus,
  notes: Notes,
): HorizontalPodAutoscalerStatus => {
  const { currentCPUUtilizationPercentage: percent, ...same } = status
  const used = { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: percent ?? 0 } } }
  const noted = listOf(notes.currentMetrics, statusFromV1, 'MetricStatus')
  const measured = noted.length === 0 && percent !== undefined ? [used] : noted
  const conditions = listOf(notes.conditions, (note) => note, 'HorizontalPodAutoscalerCondition')
  return {
    ...same,
    ...(measured.length > 0 && { currentMetrics: measured }),
    ...(conditions.length > 0 && { conditions }),
  }
}

interface Noted {
  readonly MetricSpec: MetricSpec
  readonly MetricStatus: MetricStatus
  readonly HorizontalPodAutoscalerCondition: HorizontalPodAutoscalerCondition
  readonly HorizontalPodAutoscalerBehavior: HorizontalPodAutoscalerBehavior
}

/** A client may have written anything there: what isn't of its type is left out, as unknown fields are. */
const listOf = <Name extends keyof Noted>(
  note: unknown,
  convert: (item: JsonObject) => unknown,
  name: Name,
): Noted[Name][] =>
  (Array.isArray(note) ? note : []).filter(isJsonObject).flatMap((item) => {
    const { errors, object } = decode(convert(item), typeNamed(`autoscaling.v2.${name}`), { unknown: 'drop' })
    return errors.length > 0 ? [] : [structuredClone(object) as unknown as Noted[Name]]
  })

const isCpuUtilization = ({ type, resource }: MetricSpec): boolean =>
  type === 'Resource' && resource?.name === 'cpu' && resource.target?.averageUtilization !== undefined

const listNote = (list: readonly unknown[]): unknown => (list.length === 0 ? undefined : list)

const withNotes = (metadata: V2['metadata'], notes: Notes): V1['metadata'] => {
  const { rest } = readNotes(metadata)
  const annotations = { ...rest.annotations }
  for (const [name, key] of Object.entries(annotation)) {
    const note = notes[name as keyof Notes]
    if (note !== undefined) annotations[key] = JSON.stringify(note)
  }
  return Object.keys(annotations).length === 0 ? rest : { ...rest, annotations }
}

/** The notes of a v1 object, and its metadata without them. */
const readNotes = (metadata: V1['metadata']): { readonly notes: Notes; readonly rest: V1['metadata'] } => {
  const { annotations, ...others } = metadata
  const kept = { ...annotations }
  const notes: Notes = {}
  for (const [name, key] of Object.entries(annotation)) {
    const value = parsed(kept[key])
    if (value === undefined) continue
    notes[name as keyof Notes] = value
    delete kept[key]
  }
  return { notes, rest: Object.keys(kept).length === 0 ? others : { ...others, annotations: kept } }
}

const parsed = (text: string | undefined): unknown => {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined // not a note of ours; it stays an annotation like any other
  }
}

type Rename = (name: string) => string

const capitalized: Rename = (name) => name.slice(0, 1).toUpperCase() + name.slice(1)
const uncapitalized: Rename = (name) => name.slice(0, 1).toLowerCase() + name.slice(1)

/** Upstream writes its internal struct, field names in capitals. Nothings are left out. */
const renamed = (value: object, rename: Rename): JsonObject =>
  Object.fromEntries(
    Object.entries(value as JsonObject)
      .filter(([, field]) => field !== null && field !== undefined)
      .map(([name, field]) => [rename(name), renamedValue(field, rename)]),
  )

const renamedValue = (value: JsonObject[string], rename: Rename): JsonObject[string] => {
  if (Array.isArray(value)) return value.map((item) => renamedValue(item as JsonObject[string], rename))
  return isJsonObject(value) ? renamed(value, rename) : value
}
