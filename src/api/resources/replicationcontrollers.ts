/**
 * The forerunner of ReplicaSets. Nothing acts on one, and few write any; but `kubectl apply --prune`, `kubectl drain` and
 * `kubectl cluster-info dump` ask for them and fail where the kind is unknown.
 */
import { fieldError, type FieldError } from '../field-errors.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { ReplicationController, ReplicationControllerSpec } from '../schema/types.gen.ts'
import { selectorFromLabels } from '../selector.ts'
import { labelsText } from './cells.ts'
import { applyPodTemplateDefaults } from './pod/defaults.ts'
import { validatePodTemplate } from './pod/validate-spec.ts'
import { replicaColumns, replicaStrategy, validateReplicaStatus } from './replicas.ts'
import { validateNonnegative } from './validate-values.ts'
import { validateMatch } from './validate-workload.ts'

export const replicationControllers: ResourceDef<ReplicationController> = {
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  listKind: 'ReplicationControllerList',
  plural: 'replicationcontrollers',
  singular: 'replicationcontroller',
  shortNames: ['rc'],
  ...replicaStrategy,
  get schema() {
    return typeNamed('core.v1.ReplicationController')
  },
  columns: replicaColumns(({ spec }) => labelsText(spec.selector)),
  applyDefaults: (controller) => {
    controller.spec ??= {} as ReplicationControllerSpec // validation says what is missing in it
    const { metadata, spec } = controller
    const labels = spec.template?.metadata?.labels
    if (labels !== undefined && Object.keys(labels).length > 0) {
      if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels }
      if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels }
    }
    spec.replicas ??= 1
    if (spec.template) applyPodTemplateDefaults(spec.template)
  },
  validate: (controller, _old, { subresource }) =>
    subresource === 'status' ? validateReplicaStatus(controller) : validateSpec(controller),
}

const validateSpec = ({ spec }: ReplicationController): readonly FieldError[] => {
  const { selector = {}, template } = spec
  return [
    ...validateNonnegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...(Object.keys(selector).length === 0 ? [fieldError.required('spec.selector')] : []),
    ...validateNonnegative(spec.replicas, 'spec.replicas'),
    ...validateTemplate(selector, template),
  ]
}

function validateTemplate(
  selector: Readonly<Record<string, string>>,
  template: ReplicationControllerSpec['template'],
): readonly FieldError[] {
  const path = 'spec.template'
  if (template === undefined) return [fieldError.required(path)]
  const policy = template.spec.restartPolicy ?? ''
  return [
    ...validateMatch(selectorFromLabels(selector), template, path),
    ...validatePodTemplate(template, path),
    ...(policy === 'Always'
      ? []
      : [fieldError.notSupported(`${path}.spec.restartPolicy`, policy, ['Always'])]),
  ]
}
