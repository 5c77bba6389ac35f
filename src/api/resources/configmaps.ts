import { fieldError, type FieldError } from '../field-errors.ts'
import { checkConfigMapKey } from '../names.ts'
import { keyed } from '../paths.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { ConfigMap } from '../schema/types.gen.ts'
import { invalid } from '../validate-meta.ts'
import { decodedLength } from './base64.ts'
import { byteLength } from './byte-length.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { allVerbs } from './strategy.ts'
import { validateSealed } from './validate-sealed.ts'

const dataBytesMax = 1024 * 1024 // as upstream: an object must fit into one write of any store

export const configMaps: ResourceDef<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  listKind: 'ConfigMapList',
  plural: 'configmaps',
  singular: 'configmap',
  shortNames: ['cm'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('core.v1.ConfigMap')
  },
  columns: [
    nameColumn(),
    {
      name: 'Data',
      type: 'string',
      value: ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length,
    },
    ageColumn(),
  ],
  validate: (configMap, old) => [
    ...(old === undefined ? [] : validateSealed(configMap, old, ['data', 'binaryData'])),
    ...validateData(configMap),
  ],
}

const validateData = ({ data = {}, binaryData = {} }: ConfigMap): readonly FieldError[] => {
  const errors: FieldError[] = []
  let totalBytes = 0
  for (const [key, value] of Object.entries(data)) {
    const path = keyed('data', key)
    errors.push(...invalid(path, key, checkConfigMapKey(key)))
    if (Object.hasOwn(binaryData, key)) {
      errors.push(fieldError.invalid(path, key, 'duplicate of key present in binaryData'))
    }
    totalBytes += byteLength(value)
  }
  for (const [key, value] of Object.entries(binaryData)) {
    errors.push(...invalid(keyed('binaryData', key), key, checkConfigMapKey(key)))
    totalBytes += decodedLength(value)
  }
  // `[]` is upstream's path of the object as a whole.
  if (totalBytes > dataBytesMax) errors.push(fieldError.tooLong('[]', dataBytesMax))
  return errors
}
