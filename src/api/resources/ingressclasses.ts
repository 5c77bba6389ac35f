import { byteLength } from './byte-length.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkDns1123Label } from '../names.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { IngressClass, IngressClassParametersReference } from '../schema/types.gen.ts'
import { invalid, validateImmutable } from '../validate-meta.ts'
import { ageColumn, nameColumn, none } from './cells.ts'
import { allVerbs, bumpOnSpec } from './strategy.ts'
import { validateDomainPath } from './validate-domain-path.ts'
import { validateReference } from './validate-ingress.ts'

export const ingressClasses: ResourceDef<IngressClass> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  listKind: 'IngressClassList',
  plural: 'ingressclasses',
  singular: 'ingressclass',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('networking.v1.IngressClass')
  },
  columns: [
    nameColumn(),
    { name: 'Controller', type: 'string', value: ({ spec }) => spec.controller ?? '' },
    { name: 'Parameters', type: 'string', value: ({ spec }) => parametersText(spec.parameters) },
    ageColumn(),
  ],
  applyDefaults: (ingressClass) => {
    ingressClass.spec ??= {}
    const { parameters } = ingressClass.spec
    if (parameters !== undefined) parameters.scope ??= 'Cluster'
  },
  prepareForCreate: (ingressClass) => {
    ingressClass.metadata.generation = 1
  },
  prepareForUpdate: bumpOnSpec,
  validate: ({ spec }, old) => [
    ...(old === undefined ? [] : validateImmutable('spec.controller', spec.controller, old.spec.controller)),
    ...validateController(spec.controller ?? ''),
    ...(spec.parameters ? validateParameters(spec.parameters) : []),
  ],
}

const parametersText = (parameters: IngressClassParametersReference | undefined): string => {
  if (parameters === undefined) return none
  const group = parameters.apiGroup === undefined ? '' : `.${parameters.apiGroup}`
  return `${parameters.kind}${group}/${parameters.name}`
}

const controllerBytesMax = 250
/** `example.com/controller` */
const validateController = (controller: string): readonly FieldError[] => {
  const field = 'spec.controller'
  if (controller === '') return [fieldError.required(field)]
  const errors: FieldError[] =
    byteLength(controller) > controllerBytesMax ? [fieldError.tooLong(field, controllerBytesMax)] : []
  return [...errors, ...validateDomainPath(controller, field)]
}

const validateParameters = (parameters: IngressClassParametersReference): readonly FieldError[] => {
  const path = 'spec.parameters'
  const { scope, namespace } = parameters
  const errors: FieldError[] = [...validateReference(parameters, path)]
  const field = `${path}.namespace`
  switch (scope ?? '') {
    case '':
      return [...errors, fieldError.required(`${path}.scope`)]
    case 'Namespace':
      return namespace === undefined
        ? [...errors, fieldError.required(field, "`parameters.scope` is set to 'Namespace'")]
        : [...errors, ...invalid(field, namespace, checkDns1123Label(namespace))]
    case 'Cluster':
      return namespace === undefined
        ? errors
        : [...errors, fieldError.forbidden(field, "`parameters.scope` is set to 'Cluster'")]
    default:
      return [...errors, fieldError.notSupported(`${path}.scope`, scope, ['Cluster', 'Namespace'])]
  }
}
