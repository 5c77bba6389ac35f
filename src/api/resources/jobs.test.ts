import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CronJob, Job } from '../schema/types.gen.ts'
import { cronJobs } from './cronjobs.ts'
import { commonIndex, readIndexes } from './job-indexes.ts'
import { jobs } from './jobs.ts'
import { createCases, updateCases } from './rows.ts'

const template = {
  spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'npm:pi@1.0.0' }] },
}
const job: Job = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'pi', namespace: 'default', uid: 'u-1' },
  spec: { template },
}
const indexed = { 'spec.completionMode': 'Indexed', 'spec.completions': 5 }
const restartPolicy = 'spec.template.spec.restartPolicy'

for (const { name, found, expected } of createCases({ def: jobs, base: job }, [
  {
    name: 'pods that never end, said or unsaid',
    set: { [restartPolicy]: undefined },
    errors: [`${restartPolicy}: Required value: valid values: "OnFailure", "Never"`],
  },
  {
    name: 'a policy that means nothing',
    set: { [restartPolicy]: 'Sometimes' },
    errors: [
      `${restartPolicy}: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"`,
      `${restartPolicy}: Unsupported value: "Sometimes": supported values: "OnFailure", "Never"`,
    ],
  },
  {
    name: 'negative numbers',
    set: { 'spec.parallelism': -1, 'spec.backoffLimit': -2, 'spec.ttlSecondsAfterFinished': -3 },
    errors: [
      'spec.parallelism: Invalid value: -1: must be greater than or equal to 0',
      'spec.backoffLimit: Invalid value: -2: must be greater than or equal to 0',
      'spec.ttlSecondsAfterFinished: Invalid value: -3: must be greater than or equal to 0',
    ],
  },
  {
    name: 'a label that is the job’s own',
    at: [[['spec', 'template', 'metadata'], { labels: { 'job-name': 'other' } }]],
    errors: [
      `spec.template.metadata.labels[job-name]: Invalid value: {"batch.kubernetes.io/controller-uid":"u-1","batch.kubernetes.io/job-name":"pi","controller-uid":"u-1","job-name":"other"}: must be 'pi'`,
    ],
  },
  {
    name: 'a selector of its author’s',
    set: { 'spec.selector': { matchLabels: { app: 'pi' } } },
    errors: [
      'spec.selector: Invalid value: {"matchLabels":{"batch.kubernetes.io/controller-uid":"u-1","app":"pi"}}: `selector` not auto-generated',
      'spec.template.metadata.labels: Invalid value: {"batch.kubernetes.io/controller-uid":"u-1","batch.kubernetes.io/job-name":"pi","controller-uid":"u-1","job-name":"pi"}: `selector` does not match template `labels`',
    ],
  },
  {
    name: 'a manual selector that selects',
    set: {
      'spec.manualSelector': true,
      'spec.selector': { matchLabels: { app: 'pi' } },
      'spec.template.metadata': { labels: { app: 'pi' } },
    },
  },
  {
    name: 'a manual selector that is missing',
    set: { 'spec.manualSelector': true },
    errors: [
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`',
    ],
  },
  {
    name: 'indexes without their number',
    set: { 'spec.completionMode': 'Indexed', 'spec.parallelism': 1 },
    errors: ['spec.completions: Required value: when completion mode is Indexed'],
  },
  {
    name: 'limits that only indexes have',
    set: { 'spec.backoffLimitPerIndex': 1, 'spec.maxFailedIndexes': 2 },
    errors: [
      'spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode',
      'spec.maxFailedIndexes: Invalid value: 2: requires indexed completion mode',
    ],
  },
  {
    name: 'more failures than indexes',
    set: { ...indexed, 'spec.backoffLimitPerIndex': 1, 'spec.maxFailedIndexes': 6 },
    errors: ['spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions'],
  },
  {
    name: 'hosts with names too long for a label',
    set: { ...indexed, 'metadata.name': 'x'.repeat(62) },
    errors: [
      `metadata.name: Invalid value: "${'x'.repeat(62)}": will not able to create pod with invalid DNS label: ${'x'.repeat(62)}-4`,
    ],
  },
  {
    name: 'rules that are none',
    set: {
      'spec.podFailurePolicy': {
        rules: [
          { action: 'Retry', onExitCodes: { operator: 'In', values: [3, 0, 3], containerName: 'side' } },
          { action: 'FailIndex' },
        ],
      },
    },
    errors: [
      'spec.podFailurePolicy.rules[0].action: Unsupported value: "Retry": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
      'spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "side": must be one of the container or initContainer names in the pod template',
      'spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator',
      'spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 3',
      'spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,0,3]: must be ordered',
      'spec.podFailurePolicy.rules[1].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
      'spec.podFailurePolicy.rules[1]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
    ],
  },
  {
    name: 'a success that can’t be reached',
    set: {
      ...indexed,
      'spec.successPolicy': {
        rules: [{ succeededIndexes: '0-2', succeededCount: 4 }, {}, { succeededIndexes: '7' }],
      },
    },
    errors: [
      'spec.successPolicy.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of indexes in the specified succeededIndexes field)',
      'spec.successPolicy.rules[1]: Required value: at least one of succeededCount or succeededIndexes must be specified',
      'spec.successPolicy.rules[2].succeededIndexes: Invalid value: "7": error parsing succeededIndexes: too large index: "7"',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: jobs, base: job }, [
  { name: 'what may change', set: { 'spec.parallelism': 3, 'spec.suspend': true, 'spec.backoffLimit': 1 } },
  {
    name: 'another number of pods',
    set: { 'spec.completions': 9 },
    errors: ['spec.completions: Invalid value: 9: field is immutable'],
  },
  {
    name: 'another mode',
    set: { 'spec.completionMode': 'Indexed' },
    errors: ['spec.completionMode: Invalid value: "Indexed": field is immutable'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

test('an update of a job can’t change its template', () => {
  const cases = updateCases({ def: jobs, base: job }, [
    { name: 'image', set: { 'spec.template.spec.containers.0.image': 'npm:pi@2.0.0' } },
  ])
  assert.match(cases[0]?.found().join() ?? '', /^spec\.template: Invalid value: .*: field is immutable$/)
})

for (const { name, found, expected } of updateCases(
  {
    def: jobs,
    base: { ...job, spec: { ...job.spec, suspend: true, completions: 2, completionMode: 'Indexed' } },
  },
  [
    {
      name: 'where its pods go, while it is suspended',
      set: {
        'spec.template.spec.nodeSelector': { zone: 'b' },
        'spec.template.metadata.annotations': { a: 'b' },
      },
    },
    { name: 'its length and breadth at once', set: { 'spec.completions': 3, 'spec.parallelism': 3 } },
    {
      name: 'its length alone',
      set: { 'spec.completions': 3 },
      errors: ['spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism'],
    },
  ],
)) {
  test(name, () => assert.deepEqual(found(), expected))
}

const times = { startTime: '2026-01-02T03:00:00Z', completionTime: '2026-01-02T03:04:00Z' }
const complete = [
  { type: 'SuccessCriteriaMet', status: 'True' },
  { type: 'Complete', status: 'True' },
]

for (const { name, found, expected } of updateCases(
  {
    def: jobs,
    base: { ...job, status: { startTime: times.startTime, succeeded: 1, active: 1 } },
    subresource: 'status',
  },
  [
    { name: 'done', set: { status: { ...times, succeeded: 2, conditions: complete } } },
    {
      name: 'done in several ways',
      set: {
        status: {
          startTime: times.startTime,
          succeeded: 0,
          active: 1,
          ready: 2,
          conditions: complete.slice(1),
        },
      },
      errors: [
        'status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
        'status.completionTime: Required value: completionTime is required for Complete jobs',
        'status.active: Invalid value: 1: active>0 is invalid for finished job',
        'status.ready: Invalid value: 2: cannot set more ready pods than active',
        'status.succeeded: Invalid value: 0: cannot decrease the succeeded counter',
      ],
    },
    {
      name: 'indexes of a job that has none, a start taken back',
      set: { status: { succeeded: 1, completedIndexes: '0', failedIndexes: '0' } },
      errors: [
        'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
        'status.failedIndexes: Invalid value: "0": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
        'status.failedIndexes: Invalid value: "0": failedIndexes and completedIndexes overlap at index: 0',
        'status.startTime: Required value: startTime cannot be removed for unsuspended job',
      ],
    },
  ],
)) {
  test(name, () => assert.deepEqual(found(), expected))
}

test('indexes are counted, and what is wrong with them is said', () => {
  assert.deepEqual(readIndexes('0,2-4,7', 10), { total: 5 })
  assert.equal(readIndexes('2,1', 10).problem, 'non-increasing order, previous: 2, current: 1')
  assert.equal(readIndexes('a', 10).problem, 'cannot convert string to integer for index: "a"')
  assert.match(readIndexes('1-2-3', 10).problem ?? '', /at most two parts/)
  assert.equal(commonIndex('0-3,8', '4-7,8-9', 10), 8)
  assert.equal(commonIndex('0-3', 'x,4', 10), undefined)
})

const cronJob: CronJob = {
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'nightly', namespace: 'default' },
  spec: { schedule: '30 2 * * *', jobTemplate: { spec: { template } } },
}

for (const { name, found, expected } of createCases({ def: cronJobs, base: cronJob }, [
  { name: 'a time zone', set: { 'spec.timeZone': 'Europe/Berlin' } },
  { name: 'no schedule', set: { 'spec.schedule': '' }, errors: ['spec.schedule: Required value'] },
  {
    name: 'a schedule that is none',
    set: { 'spec.schedule': 'every day' },
    errors: ['spec.schedule: Invalid value: "every day": expected exactly 5 fields, found 2: [every day]'],
  },
  {
    name: 'a time zone in the schedule',
    set: { 'spec.schedule': 'TZ=UTC 30 2 * * *' },
    errors: [
      'spec.schedule: Invalid value: "TZ=UTC 30 2 * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ],
  },
  {
    name: 'a time zone that is nowhere',
    set: { 'spec.timeZone': 'Mars/Olympus' },
    errors: ['spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus'],
  },
  {
    name: 'a time zone that is an offset',
    set: { 'spec.timeZone': '+01' },
    errors: ['spec.timeZone: Invalid value: "+01": unknown time zone +01'],
  },
  {
    name: 'wherever the server is',
    set: { 'spec.timeZone': 'Local' },
    errors: [
      'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
    ],
  },
  {
    name: 'an unknown policy, negative numbers',
    set: { 'spec.concurrencyPolicy': 'Maybe', 'spec.failedJobsHistoryLimit': -1 },
    errors: [
      'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
      'spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
    ],
  },
  {
    name: 'a selector for its jobs',
    set: {
      'spec.jobTemplate.spec.selector': { matchLabels: { a: 'b' } },
      'spec.jobTemplate.spec.manualSelector': true,
    },
    errors: [
      'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` will be auto-generated',
      'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
    ],
  },
  {
    name: 'a name that leaves no room for the time',
    set: { 'metadata.name': 'x'.repeat(53) },
    errors: [`metadata.name: Invalid value: "${'x'.repeat(53)}": must be no more than 52 characters`],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}
