import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { Deployment, DeploymentSpec } from '../schema/types.gen.ts'
import { validateImmutable } from '../validate-meta.ts'
import { ageColumn, containerImages, containerNames, nameColumn } from './cells.ts'
import { applyPodTemplateDefaults } from './pod/defaults.ts'
import { semanticEqual } from './semantic-equal.ts'
import {
  allVerbs,
  keepSpec,
  keepStatus,
  scaleSubresource,
  setGeneration,
  statusSubresource,
} from './strategy.ts'
import { validateDeployment, validateDeploymentStatus } from './validate-deployment.ts'
import { selectorText } from './validate-workload.ts'

export const deployments: ResourceDef<Deployment> = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  listKind: 'DeploymentList',
  plural: 'deployments',
  singular: 'deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  verbs: allVerbs,
  subresources: [scaleSubresource, statusSubresource],
  scale: {
    specReplicas: ['spec', 'replicas'],
    statusReplicas: ['status', 'replicas'],
    selector: ['spec', 'selector'],
  },
  get schema() {
    return typeNamed('apps.v1.Deployment')
  },
  columns: [
    nameColumn(),
    {
      name: 'Ready',
      type: 'string',
      value: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    },
    { name: 'Up-to-date', type: 'integer', value: ({ status }) => status?.updatedReplicas ?? 0 },
    { name: 'Available', type: 'integer', value: ({ status }) => status?.availableReplicas ?? 0 },
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
  applyDefaults: (deployment) => {
    deployment.spec ??= {} as DeploymentSpec // validation says what is missing in it
    applySpecDefaults(deployment.spec)
  },
  prepareForCreate: (deployment) => {
    deployment.status = {}
    deployment.metadata.generation = 1
  },
  prepareForUpdate: (deployment, old, { subresource }) => {
    if (subresource === 'status') {
      keepSpec(deployment, old)
      if (old.metadata.labels === undefined) delete deployment.metadata.labels
      else deployment.metadata.labels = { ...old.metadata.labels }
      setGeneration(deployment, old, false)
      return
    }
    keepStatus(deployment, old)
    // Annotations count as a wish too: the controller copies them to ReplicaSets.
    const isChanged =
      !semanticEqual(deployment.spec, old.spec) ||
      !semanticEqual(deployment.metadata.annotations, old.metadata.annotations)
    setGeneration(deployment, old, isChanged)
  },
  validate: (deployment, old, { subresource }) => {
    if (subresource === 'status') return validateDeploymentStatus(deployment, old)
    const { spec } = deployment
    return [
      ...validateDeployment(spec),
      ...(old === undefined ? [] : validateImmutable('spec.selector', spec.selector, old.spec.selector)),
    ]
  },
}

/** kubernetes pkg/apis/apps/v1/defaults.go */
const applySpecDefaults = (spec: DeploymentSpec): void => {
  spec.replicas ??= 1
  spec.template ??= { spec: { containers: [] } }
  applyPodTemplateDefaults(spec.template)
  spec.strategy ??= {}
  spec.strategy.type ||= 'RollingUpdate'
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {}
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%'
    spec.strategy.rollingUpdate.maxSurge ??= '25%'
  }
  spec.revisionHistoryLimit ??= 10
  spec.progressDeadlineSeconds ??= 600
}
