import { fieldError } from '../field-errors.ts'
import { validateIoLimits } from '../io-limits.ts'
import type { Column, ResourceDef } from '../resource.ts'
import { keepEpoch, validateRunOnce } from '../run-once.ts'
import { typeNamed } from '../schema/schema.ts'
import type { Pod } from '../schema/types.gen.ts'
import { ageColumn, nameColumn, none } from './cells.ts'
import { applyPodDefaults } from './pod/defaults.ts'
import { qosClassOf } from './pod/qos.ts'
import { summarizePod } from './pod/summary.ts'
import { validatePodSpec } from './pod/validate-spec.ts'
import { validatePodStatusUpdate, validatePodUpdate } from './pod/validate-update.ts'
import { semanticEqual } from './semantic-equal.ts'
import {
  allVerbs,
  keepSpec,
  keepStatus,
  proxySubresource,
  setGeneration,
  statusSubresource,
  streamSubresource,
} from './strategy.ts'

export const pods: ResourceDef<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  listKind: 'PodList',
  plural: 'pods',
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  verbs: allVerbs,
  subresources: [
    streamSubresource('attach'),
    { name: 'binding', verbs: ['create'], body: { group: '', version: 'v1', kind: 'Binding' } },
    { name: 'ephemeralcontainers', verbs: ['get', 'update', 'patch'] },
    { name: 'eviction', verbs: ['create'], body: { group: 'policy', version: 'v1', kind: 'Eviction' } },
    streamSubresource('exec'),
    streamSubresource('inspect'),
    { name: 'log', verbs: ['get'] },
    streamSubresource('portforward'),
    { name: 'profile', verbs: ['create'] },
    proxySubresource,
    statusSubresource,
  ],
  get schema() {
    return typeNamed('core.v1.Pod')
  },
  get columns() {
    return columns
  },
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec.restartPolicy ?? '',
    'spec.schedulerName': ({ spec }) => spec.schedulerName ?? '',
    'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec.hostNetwork ?? false),
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.podIP': ({ status }) => status?.podIPs?.[0]?.ip ?? status?.podIP ?? '',
    'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
  },
  gracePeriodSeconds: ({ spec, status }) => {
    // Nothing runs yet, or nothing runs any more: there is nobody to wait for.
    if ((spec.nodeName ?? '') === '') return 0
    if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0
    const seconds = spec.terminationGracePeriodSeconds ?? 0
    return seconds < 0 ? 1 : seconds
  },
  applyDefaults: applyPodDefaults,
  prepareForCreate: (pod) => {
    pod.metadata.generation = 1
    pod.status = { phase: 'Pending', qosClass: qosClassOf(pod.spec) }
    if ((pod.spec.schedulingGates ?? []).length > 0) {
      const message = 'Scheduling is blocked due to non-empty scheduling gates'
      pod.status.conditions = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message }]
    }
  },
  prepareForUpdate: (pod, old, { subresource }) => {
    keepEpoch(pod, old)
    if (subresource === 'status') {
      keepSpec(pod, old)
      delete pod.metadata.ownerReferences
      Object.assign(pod.metadata, structuredClone({ ...owners(old) }))
      setGeneration(pod, old, false)
      pod.status ??= {}
      if (old.status?.qosClass !== undefined) pod.status.qosClass ??= old.status.qosClass
      return
    }
    keepStatus(pod, old)
    setGeneration(pod, old, !semanticEqual(pod.spec, old.spec))
  },
  validate: (pod, old, { subresource }) => {
    const runOnce = validateRunOnce(pod, old)
    if (old !== undefined && subresource === 'status')
      return [...runOnce, ...validatePodStatusUpdate(pod, old)]
    const errors = [
      ...runOnce,
      ...validateIoLimits(pod.metadata.annotations),
      ...validatePodSpec(pod.spec, 'spec', { isPod: true }),
    ]
    if (old !== undefined) return [...errors, ...validatePodUpdate(pod, old)]
    return [...errors, ...validateCreate(pod)]
  },
}

const owners = ({ metadata: { ownerReferences } }: Pod) =>
  ownerReferences === undefined ? {} : { ownerReferences }

const validateCreate = ({ spec }: Pod) => [
  ...((spec.ephemeralContainers ?? []).length > 0
    ? [fieldError.forbidden('spec.ephemeralContainers', 'cannot be set on create')]
    : []),
  ...((spec.nodeName ?? '') !== '' && (spec.schedulingGates ?? []).length > 0
    ? [fieldError.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared')]
    : []),
]

const columns: readonly Column<Pod>[] = [
  nameColumn(),
  { name: 'Ready', type: 'string', value: (pod, nowMs) => summarizePod(pod, nowMs).ready },
  { name: 'Status', type: 'string', value: (pod, nowMs) => summarizePod(pod, nowMs).status },
  { name: 'Restarts', type: 'string', value: (pod, nowMs) => summarizePod(pod, nowMs).restarts },
  ageColumn(),
  { name: 'IP', type: 'string', priority: 1, value: ({ status }) => status?.podIPs?.[0]?.ip || none },
  { name: 'Node', type: 'string', priority: 1, value: ({ spec }) => spec.nodeName || none },
  {
    name: 'Nominated Node',
    type: 'string',
    priority: 1,
    value: ({ status }) => status?.nominatedNodeName || none,
  },
  { name: 'Readiness Gates', type: 'string', priority: 1, value: (pod) => readinessGates(pod) },
]

/** How many of the pod's own conditions for readiness hold: `1/2`. */
const readinessGates = ({ spec, status }: Pod): string => {
  const gates = spec.readinessGates ?? []
  if (gates.length === 0) return none
  const isTrue = (type: string): boolean =>
    (status?.conditions ?? []).find((condition) => condition.type === type)?.status === 'True'
  return `${gates.filter(({ conditionType }) => isTrue(conditionType)).length}/${gates.length}`
}
