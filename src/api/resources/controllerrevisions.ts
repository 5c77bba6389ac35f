import { isEqual } from '../equal.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { isJsonObject } from '../json.ts'
import { groupVersionOf } from '../meta.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { ControllerRevision } from '../schema/types.gen.ts'
import { immutableMessage } from '../validate-meta.ts'
import { ageColumn, nameColumn, none } from './cells.ts'
import { allVerbs } from './strategy.ts'
import { validateNonnegative } from './validate-values.ts'

export const controllerRevisions: ResourceDef<ControllerRevision> = {
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  listKind: 'ControllerRevisionList',
  plural: 'controllerrevisions',
  singular: 'controllerrevision',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('apps.v1.ControllerRevision')
  },
  columns: [
    nameColumn(),
    { name: 'Controller', type: 'string', value: (revision) => controllerText(revision) },
    { name: 'Revision', type: 'string', value: ({ revision }) => revision ?? 0 },
    ageColumn(),
  ],
  validate: (revision, old) => [
    ...validateNonnegative(revision.revision, 'revision'),
    ...(old === undefined ? validateData(revision) : validateSameData(revision, old)),
  ],
}

/** `statefulset.apps/web` */
const controllerText = ({ metadata }: ControllerRevision): string => {
  const controller = metadata.ownerReferences?.find((owner) => owner.controller === true)
  if (controller === undefined) return none
  const { group } = groupVersionOf(controller.apiVersion ?? '')
  const kind = group === '' ? controller.kind : `${controller.kind}.${group}`
  return `${(kind ?? '').toLowerCase()}/${controller.name ?? ''}`
}

/** kubernetes pkg/apis/apps/validation/validation.go 693c5f5 */
const validateData = ({ data }: ControllerRevision): readonly FieldError[] => {
  if (data === undefined || data === null) return [fieldError.required('data', 'data is mandatory')]
  return isJsonObject(data) ? [] : [fieldError.required('data', 'data must be a valid JSON object')]
}

/** To the letter: an empty field of the data may mean something to its owner. */
const validateSameData = ({ data }: ControllerRevision, old: ControllerRevision): readonly FieldError[] =>
  isEqual(data, old.data) ? [] : [fieldError.invalid('data', data ?? null, immutableMessage)]
