/** What a body may be: JSON, YAML, protobuf, custom resource definitions, label selectors, sets of fields. */
import assert from 'node:assert/strict'
import {
  decodeSet,
  difference,
  intersection,
  isSet,
  pathsOf,
  sortSet,
  union,
} from '../../../src/api/apply/field-set.ts'
import { decodeOwners, encodeOwners } from '../../../src/api/apply/managed-entries.ts'
import type { CustomResourceDefinition } from '../../../src/api/crd/definition.ts'
import { resourceDefOf } from '../../../src/api/crd/resource-defs.ts'
import { isEqual } from '../../../src/api/equal.ts'
import { isJsonObject, type JsonValue } from '../../../src/api/json.ts'
import type { KubeObject, LabelSelector } from '../../../src/api/meta.ts'
import { customResourceDefinitions } from '../../../src/api/resources/customresourcedefinitions.ts'
import { decode } from '../../../src/api/schema/decode.ts'
import { JsonError, parseJson } from '../../../src/api/schema/json.ts'
import { ProtobufError } from '../../../src/api/schema/protobuf-reader.ts'
import { decodeProtobuf, readProtobufEnvelope } from '../../../src/api/schema/protobuf.ts'
import { typeNamed } from '../../../src/api/schema/schema.ts'
import {
  formatSelector,
  matchesLabels,
  selectorFrom,
  validateLabelSelector,
} from '../../../src/api/selector.ts'
import { decodeBody } from '../../../src/apiserver/decode-body.ts'
import { parseYaml } from '../../../src/apiserver/yaml-body.ts'
import { assertSame, isRefusal, orRefused, pure, textOf, type FuzzRun, type FuzzTarget } from '../target.ts'
import { defOfKind } from './kinds.ts'

/** Without the thread: what it costs is part of what is looked at. */
const machinery = { yaml: { parse: parseYaml } }

/** A body of a kind that it names itself, decoded as the server decodes it; what came out must come out again. */
const bodyRun = (contentType: string): FuzzRun => ({
  async run(input) {
    const def = defOfKind(/kind"?: *"?(\w+)/.exec(textOf(input))?.[1])
    const read = async (bytes: Uint8Array, type: string) => {
      const warnings: string[] = []
      try {
        return await decodeBody(bytes, def, {
          contentType: type,
          fieldValidation: 'Warn',
          machinery,
          warnings,
        })
      } catch (error) {
        if (isRefusal(error)) return undefined
        throw error
      }
    }
    const object = await read(input, contentType)
    if (!object) return 'refused'
    const again = await read(Buffer.from(JSON.stringify(object)), 'application/json')
    assert.ok(
      isEqual(again, object),
      `read again it is ${JSON.stringify(again)}, before ${JSON.stringify(object)}`,
    )
    const refusals = orRefused(() => {
      def.applyDefaults?.(object)
      return def.validate?.(object, undefined, { nowIso: '2026-01-01T00:00:00Z', uuid: () => 'u' })
    })
    return `${def.kind} ${(refusals?.length ?? 0) > 0}`
  },
  async [Symbol.asyncDispose]() {},
})

const bodyWords = [
  'kind',
  'apiVersion',
  'metadata',
  'name',
  'Pod',
  'ConfigMap',
  'Service',
  'v1',
  'spec',
  'containers',
  'image',
  '1Gi',
  '500m',
  '2026-01-01T00:00:00Z',
  'AAAA',
  '80%',
  'TCP',
]

const jsonBody: FuzzTarget = {
  name: 'json-body',
  format: 'json',
  bytesMax: 3_072,
  dictionary: bodyWords,
  open: async () => bodyRun('application/json'),
}

const yamlBody: FuzzTarget = {
  name: 'yaml-body',
  format: 'text',
  bytesMax: 2_048,
  dictionary: [
    ...bodyWords,
    '&a ',
    '*a',
    '<<: ',
    '!!binary ',
    '!!set',
    '!!timestamp ',
    '!!omap',
    '? ',
    ': ',
    '- ',
    '|\n',
    '>\n',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '.nan',
    '.inf',
    '0x1F',
    '0o17',
    '{',
    '[',
    '\n  ',
    '#',
    '\t',
    '~',
  ],
  open: async () => bodyRun('application/yaml'),
}

const protobuf: FuzzTarget = {
  name: 'protobuf',
  format: 'bytes',
  bytesMax: 4_096,
  dictionary: [
    'k8s\0',
    '\x0a',
    '\x12',
    '\x1a',
    '\x22',
    '\x08',
    '\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01',
    'Pod',
    'v1',
    'Deployment',
    'apps/v1',
    'application/json',
    '{"a":1}',
  ],
  open: pure((input) => {
    const envelope = orRefused(() => readProtobufEnvelope(input), [ProtobufError])
    if (!envelope) return 'no envelope'
    assert.ok(envelope.raw.byteOffset + envelope.raw.length <= input.byteOffset + input.length)
    const def = defOfKind(envelope.kind)
    const object = orRefused(() => decodeProtobuf(envelope, def.schema), [ProtobufError, JsonError])
    if (!object) return 'refused'
    const text = JSON.stringify(object)
    // Names of fields are longer than their numbers, and what a struct cannot lack is filled in.
    assert.ok(text.length <= 2_000 + input.length * 200, `${input.length} bytes became ${text.length}`)
    assert.ok(isEqual(JSON.parse(text), object), 'it is not JSON')
    return `${def.kind} ${Object.keys(object).join()}`
  }),
}

/** `{crd, object}`: a definition, and an object for it. */
const crdSchema: FuzzTarget = {
  name: 'crd-schema',
  format: 'json',
  bytesMax: 3_072,
  dictionary: [
    'type',
    'object',
    'array',
    'string',
    'integer',
    'number',
    'boolean',
    'properties',
    'items',
    'additionalProperties',
    'required',
    'default',
    'enum',
    'pattern',
    '^(a+)+$',
    '[a-z]*',
    'format',
    'date-time',
    'int32',
    'byte',
    'minimum',
    'maximum',
    'multipleOf',
    'minLength',
    'nullable',
    'anyOf',
    'allOf',
    'oneOf',
    'not',
    'x-kubernetes-preserve-unknown-fields',
    'x-kubernetes-int-or-string',
    'x-kubernetes-list-type',
    'x-kubernetes-list-map-keys',
    'x-kubernetes-embedded-resource',
    'map',
    'set',
    'atomic',
    'openAPIV3Schema',
    'jsonPath',
    '.spec.a',
    ".spec.a[?(@.b=='c')].d",
    'additionalPrinterColumns',
    'selectableFields',
    'uniqueItems',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!',
  ],
  open: pure((input) => {
    const parsed = orRefused(() => parseJson(textOf(input), { findDuplicates: true }), [JsonError])
    if (!parsed || !isJsonObject(parsed.value)) return 'no input'
    const { schema } = customResourceDefinitions
    const decoded = decode(parsed.value['crd'], schema, { unknown: 'collect', omitEmpty: true })
    if (decoded.errors.length > 0 || !isJsonObject(decoded.object)) return 'no definition'
    const crd = {
      ...decoded.object,
      metadata: isJsonObject(decoded.object['metadata']) ? decoded.object['metadata'] : {},
    } as unknown as CustomResourceDefinition
    const context = { nowIso: '2026-01-01T00:00:00Z', uuid: () => 'u' }
    customResourceDefinitions.applyDefaults?.(crd)
    customResourceDefinitions.prepareForCreate?.(crd, context)
    const errors = customResourceDefinitions.validate?.(crd, undefined, context) ?? []
    if (errors.length > 0) return `invalid ${errors[0]?.field}`
    customResourceDefinitions.warnings?.(crd)
    return (crd.spec.versions ?? []).map((version) => useOf(crd, version, parsed.value)).join()
  }),
}

function useOf(
  crd: CustomResourceDefinition,
  version: Parameters<typeof resourceDefOf>[1],
  input: JsonValue,
): string {
  const def = resourceDefOf(crd, version)
  const given = isJsonObject(input) ? input['object'] : null
  const { errors, object } = decode(given, def.schema, { unknown: 'collect', omitEmpty: true })
  if (errors.length > 0 || !isJsonObject(object)) return 'no object'
  const custom = structuredClone({
    ...object,
    metadata: isJsonObject(object['metadata']) ? object['metadata'] : {},
  }) as unknown as KubeObject
  def.applyDefaults?.(custom)
  const once = structuredClone(custom)
  def.applyDefaults?.(custom)
  assert.ok(isEqual(custom, once), 'defaults of defaults')
  const context = { nowIso: '2026-01-01T00:00:00Z', uuid: () => 'u' }
  for (const value of Object.values(def.selectableFields ?? {})) value(custom)
  for (const column of def.columns) column.value(custom, 0)
  return String(def.validate?.(custom, undefined, context).length ?? 0)
}

const labelSelectorObject: FuzzTarget = {
  name: 'label-selector-object',
  format: 'json',
  bytesMax: 4_096,
  dictionary: [
    'matchLabels',
    'matchExpressions',
    'key',
    'operator',
    'values',
    'In',
    'NotIn',
    'Exists',
    'DoesNotExist',
    'Gt',
    'a/b',
    'app',
  ],
  open: pure((input) => {
    const parsed = orRefused(() => parseJson(textOf(input), { findDuplicates: false }), [JsonError])
    if (!parsed) return 'no input'
    const { errors, object } = decode(parsed.value, typeNamed('meta.v1.LabelSelector'), { unknown: 'drop' })
    if (errors.length > 0) return 'not decoded'
    const given = object as LabelSelector
    const mistakes = validateLabelSelector(given, 'spec.selector')
    const selector = orRefused(() => selectorFrom(given))
    if (mistakes.length === 0) assert.ok(selector, 'it is valid and refused')
    if (!selector) return 'refused'
    formatSelector(selector)
    return `${matchesLabels(selector, given.matchLabels)} ${selector.requirements.length}`
  }),
}

/** Either a set or a list of owners. */
const fieldSet: FuzzTarget = {
  name: 'field-set',
  format: 'json',
  bytesMax: 4_096,
  dictionary: [
    '.',
    'f:a',
    'f:__proto__',
    'k:{"name":"a"}',
    'k:{"port":80,"protocol":"TCP"}',
    'v:1',
    'v:"a"',
    'i:0',
    'i:-1',
    'k:{',
    'manager',
    'operation',
    'Apply',
    'Update',
    'FieldsV1',
    'fieldsV1',
    'fieldsType',
  ],
  open: pure((input) => {
    const parsed = orRefused(() => parseJson(textOf(input), { findDuplicates: false }), [JsonError])
    if (!parsed) return 'no input'
    if (Array.isArray(parsed.value)) {
      const owners = sayingWhy(() => decodeOwners(parsed.value as readonly unknown[]))
      if (!owners) return 'no owners'
      const encoded = encodeOwners(owners) ?? []
      assertSame(encodeOwners(decodeOwners(encoded)) ?? [], encoded)
      return `${owners.length} owners`
    }
    const set = sayingWhy(() => decodeSet(parsed.value))
    if (!set) return 'no set'
    assert.ok(isSet(set))
    const sorted = sortSet(set)
    assertSame(decodeSet(JSON.parse(JSON.stringify(sorted))), sorted)
    assert.ok(isEqual(union(set, set), set) && isEqual(intersection(set, sorted), set))
    assertSame(difference(set, sorted), {})
    return `${[...pathsOf(set)].length}`
  }),
}

/** These decoders promise an Error that says what is wrong: a plain one, no TypeError or RangeError of the engine. */
function sayingWhy<T>(attempt: () => T): T | undefined {
  try {
    return attempt()
  } catch (error) {
    if (error instanceof Error && error.constructor === Error && error.message !== '') return undefined
    throw error
  }
}

export const bodyTargets: readonly FuzzTarget[] = [
  jsonBody,
  yamlBody,
  protobuf,
  crdSchema,
  labelSelectorObject,
  fieldSet,
]
