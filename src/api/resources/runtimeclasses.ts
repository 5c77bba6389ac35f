import type { FieldError } from '../field-errors.ts'
import { checkDns1123Label } from '../names.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { RuntimeClass } from '../schema/types.gen.ts'
import { invalid, validateImmutable, validateLabels } from '../validate-meta.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { validateResourceRequirements } from './pod/validate-resources.ts'
import { validateTolerations } from './pod/validate-scheduling.ts'
import { canonicalizeAmounts } from './resource-list.ts'
import { allVerbs } from './strategy.ts'

export const runtimeClasses: ResourceDef<RuntimeClass> = {
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  listKind: 'RuntimeClassList',
  plural: 'runtimeclasses',
  singular: 'runtimeclass',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('node.v1.RuntimeClass')
  },
  columns: [
    nameColumn(),
    { name: 'Handler', type: 'string', value: ({ handler }) => handler ?? '' },
    ageColumn(),
  ],
  requiresResourceVersionOnUpdate: true,
  applyDefaults: ({ overhead }) => canonicalizeAmounts(overhead?.podFixed),
  validate: (runtimeClass, old) =>
    old === undefined
      ? validateNew(runtimeClass)
      : validateImmutable('handler', runtimeClass.handler, old.handler),
}

/** kubernetes pkg/apis/node/validation/validation.go 025fbd8 */
const validateNew = ({
  handler = '',
  overhead,
  scheduling,
}: Partial<RuntimeClass>): readonly FieldError[] => [
  ...invalid('handler', handler, checkDns1123Label(handler)),
  ...(overhead ? validateResourceRequirements({ limits: overhead.podFixed ?? {} }, 'overhead') : []),
  ...validateLabels(scheduling?.nodeSelector, 'scheduling.nodeSelector'),
  ...validateTolerations(scheduling?.tolerations, 'scheduling.tolerations'),
]
