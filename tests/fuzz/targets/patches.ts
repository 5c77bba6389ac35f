/** The patch engines. An input is `{kind, document, patch}`, or `{kind, document, applies: [{manager, force, config}]}`. */
import assert from 'node:assert/strict'
import { applyConfiguration } from '../../../src/api/apply/apply.ts'
import { managedFieldsOf } from '../../../src/api/apply/field-writer.ts'
import { decodeOwners } from '../../../src/api/apply/managed-entries.ts'
import { isEqual } from '../../../src/api/equal.ts'
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../../../src/api/json.ts'
import { applyJsonPatch } from '../../../src/api/patch/json-patch.ts'
import { mergeInfoOf } from '../../../src/api/patch/merge-info.ts'
import { applyMergePatch } from '../../../src/api/patch/merge-patch.ts'
import { applyStrategicMergePatch } from '../../../src/api/patch/strategic.ts'
import type { ResourceDef } from '../../../src/api/resource.ts'
import { decode } from '../../../src/api/schema/decode.ts'
import { JsonError, jsonDepthMax, parseJson } from '../../../src/api/schema/json.ts'
import { orRefused, pure, textOf, type FuzzTarget } from '../target.ts'
import { defOfKind, versionOf } from './kinds.ts'

type Engine = (document: JsonObject, patch: JsonValue, def: ResourceDef) => JsonValue

const words = [
  'metadata',
  'name',
  'labels',
  'spec',
  'containers',
  'image',
  'ports',
  'containerPort',
  'protocol',
  'TCP',
  'env',
  'finalizers',
  'template',
  'data',
  'status',
  'volumes',
]

interface PatchOptions {
  readonly name: string
  readonly dictionary: readonly string[]
  readonly engine: Engine
  /** Applied to its own result, the patch changes nothing. */
  readonly isIdempotent: boolean
}

const patchTarget = ({ dictionary, engine, isIdempotent, name }: PatchOptions): FuzzTarget => ({
  name,
  format: 'json',
  bytesMax: 3_072,
  dictionary: [...words, ...dictionary],
  open: pure((input) => {
    const parsed = parsedInput(input)
    if (!parsed) return 'no input'
    const { document, patch = null } = parsed
    if (!isJsonObject(document)) return 'no document'
    const def = defOfKind(parsed['kind'])
    const before = JSON.stringify(document)
    const patchText = JSON.stringify(patch)
    const apply = (to: JsonObject) => orRefused(() => engine(to, JSON.parse(patchText) as JsonValue, def))
    const result = apply(document)
    assert.equal(JSON.stringify(document), before, 'the document was changed')
    if (result === undefined) return 'refused'
    checkDepth(result)
    if (isIdempotent && isJsonObject(result)) {
      const again = apply(result)
      assert.ok(again === undefined || isEqual(again, result), 'what the patch has done, it does again')
    }
    const { errors } = decode(result, def.schema, { unknown: 'drop', omitEmpty: true })
    return `done ${isEqual(result, document)} ${errors.length}`
  }),
})

/** Undefined for what no request gets past the parser. */
function parsedInput(input: Uint8Array): JsonObject | undefined {
  const parsed = orRefused(() => parseJson(textOf(input), { findDuplicates: true }), [JsonError])
  return parsed && isJsonObject(parsed.value) ? parsed.value : undefined
}

function checkDepth(value: JsonValue, levels = jsonDepthMax): void {
  if (!isJsonArray(value) && !isJsonObject(value)) return
  assert.ok(levels > 0, 'the result nests deeper than a document may')
  for (const inner of Object.values(value)) checkDepth(inner, levels - 1)
}

const serverSideApply: FuzzTarget = {
  name: 'server-side-apply',
  format: 'json',
  bytesMax: 3_072,
  dictionary: [
    ...words,
    'managedFields',
    'manager',
    'force',
    'config',
    'kubectl',
    'kubectl-client-side-apply',
    'f:metadata',
    'k:{"name":"a"}',
    'apiVersion',
    'kind',
  ],
  open: pure((input) => {
    const parsed = parsedInput(input)
    const applies = parsed?.['applies']
    const def = defOfKind(parsed?.['kind'])
    if (!parsed || !isJsonArray(applies)) return 'no input'
    const identity = { kind: def.kind, apiVersion: versionOf(def) }
    // What a store holds has been through the decoder, and its list of owners was made by the engine itself.
    const document = { ...(isJsonObject(parsed['document']) ? parsed['document'] : {}), ...identity }
    const { errors, object } = decode(document, def.schema, { unknown: 'drop', omitEmpty: true })
    if (errors.length > 0 || !isJsonObject(object)) return 'no document'
    const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {}
    const { managedFields: _, ...kept } = metadata
    let live: JsonObject = { ...object, ...identity, metadata: kept }
    let kinds = ''
    for (const one of applies.slice(0, 4)) {
      const result = isJsonObject(one) ? applied(live, one, def) : undefined
      kinds += result ? (isEqual(result, live) ? '=' : '!') : '-'
      live = result ?? live
    }
    return kinds
  }),
}

function applied(live: JsonObject, one: JsonObject, def: ResourceDef): JsonObject | undefined {
  const { config } = one
  if (!isJsonObject(config)) return undefined
  const { manager = '' } = one
  if (typeof manager !== 'string') return undefined
  const apiVersion = versionOf(def)
  const applier = {
    manager,
    apiVersion,
    kind: def.kind,
    subresource: '',
    schema: def.schema,
    resetFields: {},
    force: one['force'] === true,
    now: '2026-01-01T00:00:00Z',
  }
  const before = JSON.stringify([live, config])
  // At the same moment: owners are sorted by when they last wrote.
  const apply = (to: JsonObject) => orRefused(() => applyConfiguration(to, config, applier))
  const result = apply(live)
  assert.equal(JSON.stringify([live, config]), before, 'an argument was changed')
  if (!result) return undefined
  const owners = decodeOwners(managedFieldsOf(result) ?? [])
  const conformed = decode(result, def.schema, { unknown: 'drop', omitEmpty: true })
  if (conformed.errors.length > 0 || !isJsonObject(conformed.object)) return undefined
  const stored = conformed.object
  // An object that nobody owns anything of is taken for one from before the first apply.
  // A null is dropped on the way into the store; a list item whose key was null is refused by validation.
  if (owners.length === 0 || JSON.stringify(config).includes('null')) return stored
  const again = apply(stored)
  const twice = again && decode(again, def.schema, { unknown: 'drop', omitEmpty: true }).object
  assert.ok(
    isEqual(withoutNothing(twice), withoutNothing(stored)),
    `applied again: ${JSON.stringify({ stored, twice })}`,
  )
  return stored
}

/** An empty list that is gone and one that is there are the same to whoever reads the object; the server drops a write that changes nothing but times. */
function withoutNothing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNothing)
  if (!isJsonObject(value)) return value
  const fields = Object.entries(value)
    .filter(([name]) => name !== 'time')
    .map(([name, inner]) => [name, withoutNothing(inner)] as const)
  return Object.fromEntries(fields.filter(([, inner]) => !isNothing(inner)))
}

const isNothing = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)

export const patchTargets: readonly FuzzTarget[] = [
  patchTarget({
    name: 'json-patch',
    dictionary: [
      'op',
      'path',
      'from',
      'value',
      'add',
      'remove',
      'replace',
      'move',
      'copy',
      'test',
      '/metadata/labels',
      '/spec/containers/0',
      '/-',
      '/data/a',
      '~0',
      '~1',
      '/01',
    ],
    engine: applyJsonPatch,
    isIdempotent: false,
  }),
  patchTarget({ name: 'merge-patch', dictionary: [], engine: applyMergePatch, isIdempotent: true }),
  patchTarget({
    name: 'strategic-merge-patch',
    dictionary: [
      '$patch',
      'replace',
      'delete',
      'merge',
      '$retainKeys',
      '$setElementOrder/containers',
      '$setElementOrder/ports',
      '$deleteFromPrimitiveList/finalizers',
      '$setElementOrder/finalizers',
    ],
    engine: (document, patch, def) => applyStrategicMergePatch(document, patch, mergeInfoOf(def.schema)),
    // Two items with one key, in what is no list of that kind yet, become one the second time.
    isIdempotent: false,
  }),
  serverSideApply,
]
