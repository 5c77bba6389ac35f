import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { DaemonSet, DaemonSetSpec, DaemonSetStatus } from '../schema/types.gen.ts'
import { validateImmutable } from '../validate-meta.ts'
import { ageColumn, containerImages, containerNames, labelsText, nameColumn } from './cells.ts'
import { applyPodTemplateDefaults } from './pod/defaults.ts'
import { semanticEqual } from './semantic-equal.ts'
import { allVerbs, bumpOnSpec, keepSpec, keepStatus, setGeneration, statusSubresource } from './strategy.ts'
import { validateDaemonSet, validateDaemonSetStatus } from './validate-daemon-set.ts'
import { selectorText } from './validate-workload.ts'

/** How often the template has changed; older clients tell pods of one template from those of another by it. */
const templateGeneration = 'deprecated.daemonset.template.generation'

export const daemonSets: ResourceDef<DaemonSet> = {
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  listKind: 'DaemonSetList',
  plural: 'daemonsets',
  singular: 'daemonset',
  shortNames: ['ds'],
  categories: ['all'],
  namespaced: true,
  verbs: allVerbs,
  subresources: [statusSubresource],
  get schema() {
    return typeNamed('apps.v1.DaemonSet')
  },
  columns: [
    nameColumn(),
    { name: 'Desired', type: 'integer', value: ({ status }) => status?.desiredNumberScheduled ?? 0 },
    { name: 'Current', type: 'integer', value: ({ status }) => status?.currentNumberScheduled ?? 0 },
    { name: 'Ready', type: 'integer', value: ({ status }) => status?.numberReady ?? 0 },
    { name: 'Up-to-date', type: 'integer', value: ({ status }) => status?.updatedNumberScheduled ?? 0 },
    { name: 'Available', type: 'integer', value: ({ status }) => status?.numberAvailable ?? 0 },
    {
      name: 'Node Selector',
      type: 'string',
      value: ({ spec }) => labelsText(spec.template.spec.nodeSelector),
    },
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
  applyDefaults: (set) => {
    set.spec ??= {} as DaemonSetSpec // validation says what is missing in it
    applySpecDefaults(set.spec)
  },
  prepareForCreate: (set) => {
    set.status = { ...noPods }
    set.metadata.generation = 1
    setTemplateGeneration(set, 1)
  },
  prepareForUpdate: (set, old, { subresource }) => {
    const before = Number(old.metadata.annotations?.[templateGeneration]) || 1
    if (subresource === 'status') {
      keepSpec(set, old)
      setGeneration(set, old, false)
      setTemplateGeneration(set, before)
      return
    }
    keepStatus(set, old)
    bumpOnSpec(set, old)
    const isSame = semanticEqual(set.spec.template, old.spec.template)
    setTemplateGeneration(set, isSame ? before : before + 1)
  },
  validate: (set, old, { subresource }) => {
    if (subresource === 'status') return validateDaemonSetStatus(set, old)
    return [
      ...(old === undefined ? [] : validateImmutable('spec.selector', set.spec.selector, old.spec.selector)),
      ...validateDaemonSet(set.spec),
    ]
  },
}

const noPods: DaemonSetStatus = {
  currentNumberScheduled: 0,
  desiredNumberScheduled: 0,
  numberMisscheduled: 0,
  numberReady: 0,
}

const setTemplateGeneration = ({ metadata }: DaemonSet, generation: number): void => {
  metadata.annotations = { ...metadata.annotations, [templateGeneration]: String(generation) }
}

/** kubernetes pkg/apis/apps/v1/defaults.go */
const applySpecDefaults = (spec: DaemonSetSpec): void => {
  spec.template ??= { spec: { containers: [] } }
  applyPodTemplateDefaults(spec.template)
  spec.updateStrategy ??= {}
  spec.updateStrategy.type ||= 'RollingUpdate'
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {}
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1
    spec.updateStrategy.rollingUpdate.maxSurge ??= 0
  }
  spec.revisionHistoryLimit ??= 10
}
