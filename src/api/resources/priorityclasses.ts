import { fieldError, type FieldError } from '../field-errors.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { PriorityClass } from '../schema/types.gen.ts'
import { validateImmutable } from '../validate-meta.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { allVerbs, setGeneration } from './strategy.ts'
import { validateChoice } from './validate-values.ts'

export const priorityClasses: ResourceDef<PriorityClass> = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  listKind: 'PriorityClassList',
  plural: 'priorityclasses',
  singular: 'priorityclass',
  shortNames: ['pc'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('scheduling.v1.PriorityClass')
  },
  columns: [
    nameColumn(),
    { name: 'Value', type: 'integer', value: ({ value }) => value ?? 0 },
    { name: 'Global-Default', type: 'boolean', value: ({ globalDefault }) => globalDefault ?? false },
    ageColumn(),
    { name: 'PreemptionPolicy', type: 'string', value: ({ preemptionPolicy }) => preemptionPolicy ?? '' },
  ],
  applyDefaults: (priorityClass) => {
    priorityClass.value ??= 0
    priorityClass.preemptionPolicy ??= 'PreemptLowerPriority'
  },
  prepareForCreate: (priorityClass) => {
    priorityClass.metadata.generation = 1
  },
  prepareForUpdate: (priorityClass, old) => setGeneration(priorityClass, old, false),
  validate: (priorityClass, old) =>
    old === undefined ? validateNew(priorityClass) : validateUpdate(priorityClass, old),
}

const userValueMax = 1_000_000_000

/** Above everything that users can define. */
const systemValues: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2 * userValueMax,
  'system-node-critical': 2 * userValueMax + 1_000,
}

/** kubernetes pkg/apis/scheduling/validation/validation.go 0044734 */
const validateNew = (priorityClass: PriorityClass): readonly FieldError[] => {
  const { metadata, preemptionPolicy, value = 0 } = priorityClass
  const errors: FieldError[] = []
  if ((metadata.name ?? '').startsWith('system-')) {
    const problem = systemProblem(priorityClass)
    const why = `priority class names with 'system-' prefix are reserved for system use only. error: ${problem ?? ''}`
    if (problem !== undefined) errors.push(fieldError.forbidden('metadata.name', why))
  } else if (value > userValueMax) {
    const why = `maximum allowed value of a user defined priority is ${userValueMax}`
    errors.push(fieldError.forbidden('value', why))
  }
  const policies = ['PreemptLowerPriority', 'Never']
  return [...errors, ...validateChoice(preemptionPolicy, 'preemptionPolicy', policies)]
}

const systemProblem = ({ globalDefault = false, metadata, value = 0 }: PriorityClass): string | undefined => {
  const name = metadata.name ?? ''
  const expected = Object.hasOwn(systemValues, name) ? systemValues[name] : undefined
  if (expected === undefined) return `${name} is not a known system priority class`
  if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined
}

const validateUpdate = (priorityClass: PriorityClass, old: PriorityClass): readonly FieldError[] => [
  ...(priorityClass.value === old.value
    ? []
    : [fieldError.forbidden('value', 'may not be changed in an update.')]),
  ...validateImmutable('preemptionPolicy', priorityClass.preemptionPolicy, old.preemptionPolicy),
]
