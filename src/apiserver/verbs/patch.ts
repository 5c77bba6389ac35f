import { copyOf } from '../../api/copy.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../api/json.ts'
import type { KubeObject } from '../../api/meta.ts'
import { fieldError } from '../../api/field-errors.ts'
import { applyJsonPatch } from '../../api/patch/json-patch.ts'
import { mergeInfoOf } from '../../api/patch/merge-info.ts'
import { applyMergePatch } from '../../api/patch/merge-patch.ts'
import { applyStrategicMergePatch } from '../../api/patch/strategic.ts'
import { JsonError, parseJson } from '../../api/schema/json.ts'
import type { TypeDef } from '../../api/schema/schema.ts'
import { badRequest, invalid, unsupportedMediaType } from '../../api/status.ts'
import { readBody } from '../body.ts'
import type { VerbContext } from '../context.ts'
import { conform, mediaTypeOf } from '../decode-body.ts'
import { representationOne } from '../represent.ts'
import type { ApiResponse } from '../http.ts'
import { updateObject } from '../updates.ts'
import { writeOptionsOf, type WriteOptions } from '../write-options.ts'
import { apply, applyType, isApply } from './apply.ts'
import { updatedResponse } from './update.ts'

export async function patch(context: VerbContext): Promise<ApiResponse> {
  const { def, info, request } = context
  if (isApply(request.headers)) return apply(context)
  representationOne(context)
  const options = writeOptionsOf(info.query, 'PatchOptions')
  const change = await readPatch(context, def.schema, options)
  const { namespace, name, subresource } = info
  const wish = { namespace, name, subresource, dryRun: options.dryRun, change }
  return updatedResponse(context, await updateObject(context, wish))
}

/** Characters of a patch that its refusal repeats. */
const shownMax = 1_024

type Applied = (current: KubeObject) => KubeObject

/** The body as a function from the present object to the wished-for one, which may be called more than once. */
export async function readPatch(
  context: VerbContext,
  schema: TypeDef,
  options: WriteOptions,
): Promise<Applied> {
  const { request, warnings } = context
  const type = mediaTypeOf(request.headers['content-type'])
  const known = appliers(schema)
  // A header may say `__proto__`.
  const applyOf = Object.hasOwn(known, type) ? known[type] : undefined
  if (!applyOf) throw unsupportedMediaType([...Object.keys(known), applyType])
  const { value, duplicates } = parsePatch(await readBody(context))
  return (current) => {
    const patched = applyOf(asJson(current), copyOf(value))
    const { kind, apiVersion } = current
    // Upstream's words, except that it shows a patch in Go's notation.
    const shown = JSON.stringify(value).slice(0, shownMax)
    const refuse = (why: string) =>
      invalid({ group: '', kind: '' }, '', [fieldError.invalid('patch', shown, why)])
    const fieldValidation = options.fieldValidation
    const object = conform(patched, schema, { duplicates, fieldValidation, warnings, refuse })
    // Said once, however many attempts it takes.
    const said = new Set(warnings)
    warnings.splice(0, warnings.length, ...said)
    if (object['kind'] !== kind || object['apiVersion'] !== apiVersion)
      throw badRequest('a patch must not change kind or apiVersion')
    // Strategies write into what they get; the patch and the present object may share parts with it.
    return copyOf({
      ...object,
      kind,
      apiVersion,
      metadata: isJsonObject(object['metadata']) ? object['metadata'] : {},
    })
  }
}

/** Custom resources have no merge keys: upstream refuses strategic patches for them too. */
function appliers(
  schema: TypeDef,
): Readonly<Record<string, (document: JsonObject, patch: JsonValue) => JsonValue>> {
  const always = {
    'application/json-patch+json': applyJsonPatch,
    'application/merge-patch+json': applyMergePatch,
  }
  if (schema.lax === true) return always
  return {
    ...always,
    'application/strategic-merge-patch+json': (document, value) =>
      applyStrategicMergePatch(document, value, mergeInfoOf(schema)),
  }
}

/** Objects come from JSON and are nothing but JSON. */
const asJson = (object: KubeObject): JsonObject => object as unknown as JsonObject

function parsePatch(bytes: Uint8Array): { value: JsonValue; duplicates: readonly string[] } {
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
    const { value, duplicates } = parseJson(text, { findDuplicates: true })
    return { value: value as JsonValue, duplicates }
  } catch (error) {
    if (error instanceof JsonError)
      throw badRequest(`error decoding patch: ${error.message}`, { cause: error })
    throw error
  }
}
