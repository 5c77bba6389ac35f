/** PATCH with `application/apply-patch+yaml`: server-side apply. What isn't there yet is created. */
import { applyConfiguration } from '../../api/apply/apply.ts'
import { copyOf } from '../../api/copy.ts'
import { fieldError } from '../../api/field-errors.ts'
import { isJsonObject, type JsonObject } from '../../api/json.ts'
import { apiVersionOf, type KubeObject } from '../../api/meta.ts'
import { assertNesting } from '../../api/patch/limits.ts'
import { JsonError, parseJson } from '../../api/schema/json.ts'
import type { TypeDef } from '../../api/schema/schema.ts'
import { badRequest, invalid, isAlreadyExists, isNotFound } from '../../api/status.ts'
import { readBody } from '../body.ts'
import type { VerbContext } from '../context.ts'
import { createObject } from '../creates.ts'
import { conform, mediaTypeOf } from '../decode-body.ts'
import { fieldWriterOf } from '../field-writer.ts'
import type { ApiRequest, ApiResponse } from '../http.ts'
import { checkIdentity } from '../metadata.ts'
import { objectResponse, plainResponse, representationOne } from '../represent.ts'
import { authorizeCreate } from '../stages/authorize.ts'
import { updateObject } from '../updates.ts'
import { writeOptionsOf, type WriteOptions } from '../write-options.ts'
import type { Yaml } from '../yaml.ts'
import { updatedResponse } from './update.ts'

export const applyType = 'application/apply-patch+yaml'

export const isApply = (headers: ApiRequest['headers']): boolean =>
  mediaTypeOf(headers['content-type']) === applyType

export async function apply(context: VerbContext): Promise<ApiResponse> {
  const { def, info } = context
  representationOne(context)
  const { change, config, dryRun } = await readApply(context, def)
  const { namespace, name, subresource } = info
  const wish = { namespace, name, subresource, dryRun, change, isApplied: true }
  try {
    return await updatedResponse(context, await updateObject(context, wish))
  } catch (error) {
    if (!isNotFound(error) || subresource !== '') throw error
  }
  try {
    return await createApplied(context, change, config, dryRun)
  } catch (error) {
    // Somebody has been faster: it is there now, and can be applied to.
    if (!isAlreadyExists(error)) throw error
    return updatedResponse(context, await updateObject(context, wish))
  }
}

async function createApplied(
  context: VerbContext,
  change: (current: KubeObject) => KubeObject,
  config: JsonObject,
  dryRun: boolean,
): Promise<ApiResponse> {
  const { def, info, machinery, user } = context
  await authorizeCreate(machinery.access, user, info)
  const metadata = isJsonObject(config['metadata']) ? config['metadata'] : {}
  if ((metadata['name'] ?? '') === '')
    throw badRequest(
      `the name of the object (${info.name} based on URL) was undeterminable: name must be provided`,
    )
  const fresh = change({ apiVersion: apiVersionOf(def.group, def.version), kind: def.kind, metadata: {} })
  const { namespace } = info
  const { object, stored } = await createObject(context, fresh, { dryRun, isApplied: true, namespace })
  return stored ? objectResponse(context, 201, stored) : plainResponse(context, 201, object)
}

/** What is applied: the resource's own kind, or that of a subresource's body. */
export interface AppliedKind {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly schema: TypeDef
}

export interface ReadApply {
  readonly dryRun: boolean
  readonly config: JsonObject
  /** The present object after the apply, with its owners. May be called more than once. */
  readonly change: (current: KubeObject) => KubeObject
}

export async function readApply(context: VerbContext, expected: AppliedKind): Promise<ReadApply> {
  const { info, warnings } = context
  const { group, kind, schema, version } = expected
  const options = writeOptionsOf(info.query, 'PatchOptions', { isApply: true })
  const { duplicates, value: config } = await parseConfiguration(
    await readBody(context),
    options,
    context.machinery.yaml,
  )
  if (options.fieldValidation === 'Warn') warnings.push(...duplicates)
  checkIdentityOf(config, info)
  const { otherVersion, ...plain } = fieldWriterOf(context, info.subresource)
  const writer = {
    ...plain,
    apiVersion: apiVersionOf(group, version),
    schema,
    // A Scale has one version, whatever it scales.
    ...(expected === context.def && otherVersion && { otherVersion }),
  }
  const change = (current: KubeObject): KubeObject => {
    const live = current as unknown as JsonObject
    const applied = applyConfiguration(live, config, { ...writer, kind, force: options.force })
    const shown = JSON.stringify(config).slice(0, shownMax)
    const refuse = (why: string) =>
      invalid({ group: '', kind: '' }, '', [fieldError.invalid('patch', shown, why)])
    // Unknown fields of the configuration are refused already; nobody is to blame for those of the live object.
    const object = conform(applied, schema, {
      duplicates: [],
      fieldValidation: 'Ignore',
      warnings,
      refuse,
    })
    const { apiVersion } = current
    const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {}
    // Strategies write into what they get, and this shares parts with the configuration.
    return copyOf({ ...object, kind: current.kind, apiVersion, metadata })
  }
  return { dryRun: options.dryRun, config, change }
}

/** Characters of a configuration that its refusal repeats. */
const shownMax = 1_024

function checkIdentityOf(
  { metadata }: JsonObject,
  url: { readonly name: string; readonly namespace: string },
): void {
  const given = isJsonObject(metadata) ? metadata : {}
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  checkIdentity({ name: text(given['name']), namespace: text(given['namespace']) }, url)
}

interface Configuration {
  readonly value: JsonObject
  readonly duplicates: readonly string[]
}

/** YAML, of which JSON is a part: tried first, because clients send it, kubectl among them. */
async function parseConfiguration(
  bytes: Uint8Array,
  options: WriteOptions,
  yaml: Yaml,
): Promise<Configuration> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const { duplicates, value } = text.trimStart().startsWith('{')
    ? await parseJsonOrYaml(text, bytes, yaml)
    : { value: await yaml.parse(bytes), duplicates: [] }
  if (options.fieldValidation === 'Strict' && duplicates.length > 0)
    throw badRequest(`error strict decoding YAML: ${duplicates.join(', ')}`)
  if (!isJsonObject(value)) throw badRequest('error decoding YAML: the configuration is not an object')
  assertNesting(value, 'the configuration')
  return { value, duplicates }
}

async function parseJsonOrYaml(text: string, bytes: Uint8Array, yaml: Yaml) {
  try {
    return parseJson(text, { findDuplicates: true })
  } catch (error) {
    // A flow mapping of YAML begins with a brace too.
    if (!(error instanceof JsonError)) throw error
    return { value: await yaml.parse(bytes), duplicates: [] }
  }
}
