import { fieldError, type FieldError } from '../field-errors.ts'
import { isJsonObject } from '../json.ts'
import { checkConfigMapKey } from '../names.ts'
import { keyed } from '../paths.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { Secret } from '../schema/types.gen.ts'
import { invalid, validateImmutable } from '../validate-meta.ts'
import { decodeBase64Text, decodedLength, encodeBase64 } from './base64.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { allVerbs } from './strategy.ts'
import { validateSealed } from './validate-sealed.ts'

const dataBytesMax = 1024 * 1024 // as upstream: an object must fit into one write of any store

export const secrets: ResourceDef<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  listKind: 'SecretList',
  plural: 'secrets',
  singular: 'secret',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('core.v1.Secret')
  },
  columns: [
    nameColumn(),
    { name: 'Type', type: 'string', value: (secret) => secret.type ?? '' },
    { name: 'Data', type: 'string', value: (secret) => Object.keys(secret.data ?? {}).length },
    ageColumn(),
  ],
  selectableFields: { type: (secret) => secret.type ?? '' },
  applyDefaults: (secret) => {
    foldStringData(secret)
    if ((secret.type ?? '') === '') secret.type = 'Opaque'
  },
  prepareForUpdate: (secret, old) => {
    // A PUT that leaves the type out means the one it has.
    if ((secret.type ?? '') === '' && old.type !== undefined) secret.type = old.type
  },
  validate: (secret, old) => [
    ...(old === undefined ? [] : validateImmutable('type', secret.type, old.type)),
    ...(old === undefined ? [] : validateSealed(secret, old, ['data'])),
    ...validateData(secret),
    ...validateType(secret),
  ],
}

/** `stringData` is for writing only: its entries become entries of `data` and win over those. */
const foldStringData = (secret: Secret): void => {
  if (secret.stringData === undefined) return
  const data = { ...secret.data }
  for (const [key, value] of Object.entries(secret.stringData)) data[key] = encodeBase64(value)
  if (Object.keys(data).length > 0) secret.data = data
  delete secret.stringData
}

const validateData = ({ data = {} }: Secret): readonly FieldError[] => {
  const errors: FieldError[] = []
  let totalBytes = 0
  for (const [key, value] of Object.entries(data)) {
    errors.push(...invalid(keyed('data', key), key, checkConfigMapKey(key)))
    totalBytes += decodedLength(value)
  }
  if (totalBytes > dataBytesMax) errors.push(fieldError.tooLong('data', dataBytesMax))
  return errors
}

/** The keys that the well-known types promise to their readers. */
const validateType = (secret: Secret): readonly FieldError[] => {
  const data = secret.data ?? {}
  switch (secret.type ?? '') {
    case 'kubernetes.io/service-account-token': {
      const name = 'kubernetes.io/service-account.name'
      const isNamed = (secret.metadata.annotations?.[name] ?? '') !== ''
      return isNamed ? [] : [fieldError.required(keyed('metadata.annotations', name))]
    }
    case 'kubernetes.io/dockercfg':
      return validateJson(data, '.dockercfg')
    case 'kubernetes.io/dockerconfigjson':
      return validateJson(data, '.dockerconfigjson')
    case 'kubernetes.io/basic-auth': {
      const keys = ['username', 'password']
      return keys.some((key) => Object.hasOwn(data, key)) ? [] : keys.flatMap((key) => required(data, key))
    }
    case 'kubernetes.io/ssh-auth':
      return (data['ssh-privatekey'] ?? '') === ''
        ? [fieldError.required(keyed('data', 'ssh-privatekey'))]
        : []
    case 'kubernetes.io/tls':
      return ['tls.crt', 'tls.key'].flatMap((key) => required(data, key))
    default:
      return []
  }
}

type Data = NonNullable<Secret['data']>

const required = (data: Data, key: string): readonly FieldError[] =>
  Object.hasOwn(data, key) ? [] : [fieldError.required(keyed('data', key))]

const validateJson = (data: Data, key: string): readonly FieldError[] => {
  const value = data[key]
  if (value === undefined) return [fieldError.required(keyed('data', key))]
  const problem = problemOfJson(decodeBase64Text(value) ?? '')
  // The value itself must not reach a message.
  return problem === undefined
    ? []
    : [fieldError.invalid(keyed('data', key), '<secret contents redacted>', problem)]
}

const problemOfJson = (text: string): string | undefined => {
  try {
    return isJsonObject(JSON.parse(text)) ? undefined : 'must be a JSON object'
  } catch {
    return 'must be valid JSON' // the parser's own words could quote the secret
  }
}
