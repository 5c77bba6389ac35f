import { ageOf } from '../duration.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { CronJob, CronJobSpec, JobSpec, JobTemplateSpec } from '../schema/types.gen.ts'
import { ageColumn, containerImages, containerNames, nameColumn, none } from './cells.ts'
import { applyPodTemplateDefaults } from './pod/defaults.ts'
import { allVerbs, bumpOnSpec, keepSpec, keepStatus, setGeneration, statusSubresource } from './strategy.ts'
import { validateCronJob } from './validate-cron-job.ts'
import { selectorText } from './validate-workload.ts'

export const cronJobs: ResourceDef<CronJob> = {
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  listKind: 'CronJobList',
  plural: 'cronjobs',
  singular: 'cronjob',
  shortNames: ['cj'],
  categories: ['all'],
  namespaced: true,
  verbs: allVerbs,
  subresources: [statusSubresource],
  get schema() {
    return typeNamed('batch.v1.CronJob')
  },
  columns: [
    nameColumn(),
    { name: 'Schedule', type: 'string', value: ({ spec }) => spec.schedule ?? '' },
    { name: 'Timezone', type: 'string', value: ({ spec }) => spec.timeZone ?? none },
    {
      name: 'Suspend',
      type: 'boolean',
      // Text upstream, whatever the column says of itself.
      value: ({ spec }) => (spec.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False'),
    },
    { name: 'Active', type: 'integer', value: ({ status }) => (status?.active ?? []).length },
    {
      name: 'Last Schedule',
      type: 'string',
      value: ({ status }, nowMs) =>
        status?.lastScheduleTime === undefined ? none : ageOf(status.lastScheduleTime, nowMs),
    },
    ageColumn(),
    {
      name: 'Containers',
      type: 'string',
      priority: 1,
      value: ({ spec }) => containerNames(podOf(spec).containers),
    },
    {
      name: 'Images',
      type: 'string',
      priority: 1,
      value: ({ spec }) => containerImages(podOf(spec).containers),
    },
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      value: ({ spec }) => selectorText(spec.jobTemplate.spec?.selector),
    },
  ],
  applyDefaults: (cronJob) => {
    cronJob.spec ??= {} as CronJobSpec // validation says what is missing in it
    applySpecDefaults(cronJob.spec)
  },
  prepareForCreate: (cronJob) => {
    cronJob.status = {}
    cronJob.metadata.generation = 1
  },
  prepareForUpdate: (cronJob, old, { subresource }) => {
    if (subresource === 'status') {
      keepSpec(cronJob, old)
      setGeneration(cronJob, old, false)
      return
    }
    keepStatus(cronJob, old)
    bumpOnSpec(cronJob, old)
  },
  validate: (cronJob, old, { subresource }) =>
    subresource === 'status' ? [] : validateCronJob(cronJob, old),
}

const podOf = ({ jobTemplate }: CronJobSpec) => jobTemplate.spec?.template.spec ?? { containers: [] }

/** kubernetes pkg/apis/batch/v1/defaults.go. Jobs get the rest when they are made. */
const applySpecDefaults = (spec: CronJobSpec): void => {
  spec.concurrencyPolicy ||= 'Allow'
  spec.suspend ??= false
  spec.successfulJobsHistoryLimit ??= 3
  spec.failedJobsHistoryLimit ??= 1
  spec.jobTemplate ??= {} as JobTemplateSpec
  spec.jobTemplate.metadata ??= {}
  spec.jobTemplate.spec ??= {} as JobSpec
  const job = spec.jobTemplate.spec
  job.template ??= { spec: { containers: [] } }
  applyPodTemplateDefaults(job.template)
  for (const rule of job.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True'
  }
}
