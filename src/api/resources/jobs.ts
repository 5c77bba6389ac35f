import { humanDuration } from '../duration.ts'
import { isTerminating } from '../meta.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { Job, JobSpec, PodTemplateSpec } from '../schema/types.gen.ts'
import { ageColumn, containerImages, containerNames, nameColumn } from './cells.ts'
import { applyPodTemplateDefaults } from './pod/defaults.ts'
import { allVerbs, bumpOnSpec, keepSpec, keepStatus, setGeneration, statusSubresource } from './strategy.ts'
import { validateJobStatus } from './validate-job-status.ts'
import { jobLabels, validateJob, validateJobUpdate } from './validate-job.ts'
import { int32Max } from './validate-values.ts'
import { selectorText } from './validate-workload.ts'

export const jobs: ResourceDef<Job> = {
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  listKind: 'JobList',
  plural: 'jobs',
  singular: 'job',
  shortNames: [],
  categories: ['all'],
  namespaced: true,
  verbs: allVerbs,
  subresources: [statusSubresource],
  get schema() {
    return typeNamed('batch.v1.Job')
  },
  columns: [
    nameColumn(),
    { name: 'Status', type: 'string', value: (job) => statusText(job) },
    { name: 'Completions', type: 'string', value: (job) => completionsText(job) },
    { name: 'Duration', type: 'string', value: (job, nowMs) => durationText(job, nowMs) },
    ageColumn(),
    {
      name: 'Containers',
      type: 'string',
      priority: 1,
      value: ({ spec }) => containerNames(spec.template.spec.containers),
    },
    {
      name: 'Images',
      type: 'string',
      priority: 1,
      value: ({ spec }) => containerImages(spec.template.spec.containers),
    },
    { name: 'Selector', type: 'string', priority: 1, value: ({ spec }) => selectorText(spec.selector) },
  ],
  selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  applyDefaults: (job) => {
    job.spec ??= {} as JobSpec // validation says what is missing in it
    applySpecDefaults(job.spec)
    copyLabels(job)
  },
  prepareForCreate: (job) => {
    if (job.spec.manualSelector !== true) generateSelector(job)
    copyLabels(job)
    job.status = {}
    job.metadata.generation = 1
  },
  prepareForUpdate: (job, old, { subresource }) => {
    if (subresource === 'status') {
      keepSpec(job, old)
      setGeneration(job, old, false)
      return
    }
    keepStatus(job, old)
    bumpOnSpec(job, old)
  },
  validate: (job, old, { subresource }) => {
    if (subresource === 'status') return validateJobStatus(job, old)
    return [...validateJob(job), ...(old === undefined ? [] : validateJobUpdate(job.spec, old))]
  },
}

const backoffLimit = 6

/** kubernetes pkg/apis/batch/v1/defaults.go */
const applySpecDefaults = (spec: JobSpec): void => {
  if (spec.parallelism === undefined) spec.completions ??= 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? backoffLimit : int32Max
  spec.completionMode ??= 'NonIndexed'
  spec.suspend ??= false
  spec.manualSelector ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed'
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True'
  }
  applyTemplateDefaults(spec)
}

/** A pod of a job has a restart policy that its author chose: `Always`, the default, is refused. */
const applyTemplateDefaults = (spec: { template?: PodTemplateSpec }): void => {
  spec.template ??= { spec: { containers: [] } }
  applyPodTemplateDefaults(spec.template)
}

/** A job without labels has those of its pods. */
const copyLabels = ({ metadata, spec }: Job): void => {
  const labels = spec.template.metadata?.labels
  if (labels !== undefined && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels }
}

/** A job selects its own pods by its uid, so that no two jobs get into each other's way. */
const generateSelector = (job: Job): void => {
  const { metadata, spec } = job
  spec.template.metadata ??= {}
  // What the author set is kept; when it contradicts the job, validation says so.
  spec.template.metadata.labels = { ...jobLabels(metadata), ...spec.template.metadata.labels }
  spec.selector ??= {}
  spec.selector.matchLabels = {
    'batch.kubernetes.io/controller-uid': metadata.uid ?? '',
    ...spec.selector.matchLabels,
  }
}

const statusText = ({ metadata, status }: Job): string => {
  const is = (type: string): boolean =>
    status?.conditions?.find((condition) => condition.type === type)?.status === 'True'
  if (is('Complete')) return 'Complete'
  if (is('Failed')) return 'Failed'
  if (isTerminating({ metadata })) return 'Terminating'
  if (is('Suspended')) return 'Suspended'
  return is('FailureTarget') ? 'FailureTarget' : 'Running'
}

const completionsText = ({ spec, status }: Job): string => {
  const succeeded = status?.succeeded ?? 0
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`
  const parallelism = spec.parallelism ?? 0
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}

const durationText = ({ status }: Job, nowMs: number): string => {
  const startMs = Date.parse(status?.startTime ?? '')
  if (Number.isNaN(startMs)) return ''
  const endMs = Date.parse(status?.completionTime ?? '')
  return humanDuration((Number.isNaN(endMs) ? nowMs : endMs) - startMs)
}
