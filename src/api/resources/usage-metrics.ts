/**
 * metrics.k8s.io: what nodes and pods use now, as `kubectl top` and autoscalers ask. Nothing of it is stored: each answer
 * is made of what the nodes say (github.com/kubernetes/metrics pkg/apis/metrics/v1beta1/types.go 2b3b9f3).
 */
import { field, listOf, objectOf, text } from '../crd/type-builder.ts'
import type { KubeObject } from '../meta.ts'
import type { Column, ResourceDef } from '../resource.ts'
import { typeNamed, type FieldDef, type TypeDef } from '../schema/schema.ts'
import { nameColumn } from './cells.ts'

/** Quantities: cpu in cores, memory in bytes. */
export interface Usage {
  readonly cpu: string
  readonly memory: string
}

interface Measured extends KubeObject {
  /** The end of the window. */
  readonly timestamp: string
  /** A Go duration: what the cpu is an average over. */
  readonly window: string
}

export interface NodeMetrics extends Measured {
  readonly usage: Usage
}

export interface ContainerMetrics {
  readonly name: string
  readonly usage: Usage
}

export interface PodMetrics extends Measured {
  readonly containers: readonly ContainerMetrics[]
}

const typePrefix = 'io.k8s.metrics.pkg.apis.metrics.v1beta1'

const usage = field('usage', { kind: 'map', values: { kind: 'quantity' }, atomic: false }, true)
const time = field('timestamp', { kind: 'time' }, true)
const window = field('window', text, true)

const kindType = (kind: string, own: () => FieldDef): TypeDef =>
  objectOf(
    () => [
      field('apiVersion', text),
      field('kind', text),
      field('metadata', typeNamed('meta.v1.ObjectMeta')),
      time,
      window,
      own(),
    ],
    { name: `${typePrefix}.${kind}`, isKind: true },
  )

const containerType = (): TypeDef =>
  objectOf(() => [field('name', text, true), usage], { name: `${typePrefix}.ContainerMetrics` })

const shared = {
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  singular: '',
  shortNames: [],
  categories: [],
  verbs: ['get', 'list'],
  isVirtual: true,
  subresources: [],
} as const

/** As metrics-server prints them. */
const columns = <T extends Measured>(usageOf: (object: T) => Partial<Usage>): readonly Column<T>[] => [
  nameColumn(),
  { name: 'cpu', type: 'string', value: (object) => usageOf(object).cpu ?? '' },
  { name: 'memory', type: 'string', value: (object) => usageOf(object).memory ?? '' },
  { name: 'Window', type: 'string', value: ({ window: text }) => text ?? '' },
]

export const nodeMetrics: ResourceDef<NodeMetrics> = {
  ...shared,
  kind: 'NodeMetrics',
  listKind: 'NodeMetricsList',
  plural: 'nodes',
  namespaced: false,
  schema: kindType('NodeMetrics', () => usage),
  columns: columns(({ usage: own }) => own ?? {}),
}

export const podMetrics: ResourceDef<PodMetrics> = {
  ...shared,
  kind: 'PodMetrics',
  listKind: 'PodMetricsList',
  plural: 'pods',
  namespaced: true,
  schema: kindType('PodMetrics', () => field('containers', listOf(containerType()), true)),
  columns: columns(({ containers }) => sumOf(containers ?? [])),
}

/** A nanocore and a byte are the least that counts. */
export const usageOf = (nanoCores: number, bytes: number): Usage => ({
  cpu: nanoCores === 0 ? '0' : `${nanoCores}n`,
  memory: `${Math.ceil(bytes / 1_024)}Ki`,
})

/** Of amounts in the form that `usageOf` gives them. */
const sumOf = (containers: readonly ContainerMetrics[]): Usage => {
  const total = (read: (own: Partial<Usage>) => string | undefined) =>
    containers.reduce((sum, { usage: own }) => sum + (Number.parseInt(read(own ?? {}) ?? '', 10) || 0), 0)
  return usageOf(
    total(({ cpu }) => cpu),
    total(({ memory }) => memory) * 1_024,
  )
}
