/**
 * A request body as an object of the type that the URL asks for: JSON, YAML or Kubernetes' protobuf envelope, pruned to
 * the schema. Every refusal is worded as upstream words it, because kubectl shows it as it is.
 */
import { apiVersionOf, groupVersionOf, type GroupVersion, type KubeObject } from '../api/meta.ts'
import { isJsonObject } from '../api/json.ts'
import { quote } from '../api/quote.ts'
import { decode } from '../api/schema/decode.ts'
import { JsonError, parseJson } from '../api/schema/json.ts'
import { decodeProtobuf, readProtobufEnvelope } from '../api/schema/protobuf.ts'
import { ProtobufError } from '../api/schema/protobuf-reader.ts'
import type { TypeDef } from '../api/schema/schema.ts'
import { badRequest, unsupportedMediaType, type StatusError } from '../api/status.ts'
import type { FieldValidation } from './write-options.ts'
import type { Yaml } from './yaml.ts'

export const bodyTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']

/** What the body must be. */
export interface ExpectedBody extends GroupVersion {
  readonly kind: string
  readonly schema: TypeDef
  /** The kind exists in every group and version (DeleteOptions): only its name counts. */
  readonly anyGroup?: boolean
}

export interface BodyOptions {
  readonly contentType: string | undefined
  readonly fieldValidation: FieldValidation
  /** Gets what `Warn` has to say. */
  readonly warnings: string[]
  readonly machinery: { readonly yaml: Pick<Yaml, 'parse'> }
}

interface Parsed {
  readonly value: unknown
  readonly duplicates: readonly string[]
}

/** The object is the caller's to change. */
export async function decodeBody(
  bytes: Uint8Array,
  expected: ExpectedBody,
  options: BodyOptions,
): Promise<KubeObject> {
  const parsed = parse(bytes, expected, options)
  const { value, duplicates } = parsed instanceof Promise ? await parsed : parsed
  const object = withKind(value, expected)
  checkKind(object, expected)
  const { kind, apiVersion } = object
  const refuse = (why: string) =>
    badRequest(
      `${kind} in version ${quote(expected.version)} cannot be handled as a ${expected.kind}: ${why}`,
    )
  const decoded = conform(object, expected.schema, { ...options, duplicates, refuse })
  const metadata = isJsonObject(decoded['metadata']) ? decoded['metadata'] : {}
  return { ...decoded, kind, apiVersion, metadata }
}

interface ConformOptions extends Pick<BodyOptions, 'fieldValidation' | 'warnings'> {
  readonly duplicates: readonly string[]
  readonly refuse: (why: string) => StatusError
}

/** Prunes a value to its schema; what was wrong with it is refused, warned of or ignored. */
export function conform(
  value: unknown,
  schema: TypeDef,
  options: ConformOptions,
): Readonly<Record<string, unknown>> {
  const { duplicates, fieldValidation, refuse, warnings } = options
  const unknown = fieldValidation === 'Ignore' ? 'drop' : 'collect'
  const decoded = decode(value, schema, { unknown, omitEmpty: true })
  const [error] = decoded.errors
  if (error !== undefined) throw refuse(error)
  const mistakes = [...duplicates, ...decoded.unknown]
  if (fieldValidation === 'Strict' && mistakes.length > 0)
    throw refuse(`strict decoding error: ${mistakes.join(', ')}`)
  if (fieldValidation === 'Warn') warnings.push(...mistakes)
  if (!isJsonObject(decoded.object)) throw refuse('it is not an object')
  return withOwnersReset(decoded.object, value)
}

/** An empty list of owners is dropped like any other, but it is a wish: nobody shall own anything. */
function withOwnersReset(
  decoded: Readonly<Record<string, unknown>>,
  given: unknown,
): Readonly<Record<string, unknown>> {
  const before = isJsonObject(given) ? given['metadata'] : undefined
  const fields = isJsonObject(before) ? before['managedFields'] : undefined
  if (!Array.isArray(fields) || fields.length > 0) return decoded
  const metadata = isJsonObject(decoded['metadata']) ? decoded['metadata'] : {}
  return { ...decoded, metadata: { ...metadata, managedFields: [{}] } }
}

/** The media type without parameters. No header means JSON: kubectl's scale sends none. */
export const mediaTypeOf = (contentType: string | undefined): string => {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  return type === '' ? 'application/json' : type
}

/** A promise only for YAML, which is read in another thread. */
function parse(bytes: Uint8Array, expected: ExpectedBody, options: BodyOptions): Parsed | Promise<Parsed> {
  const type = mediaTypeOf(options.contentType)
  const unrecognized = (why: string) =>
    badRequest(
      `the object provided is unrecognized (must be of type ${expected.kind}): ${why} (${summaryOf(bytes)})`,
    )
  try {
    if (type === 'application/json') return parseJsonText(bytes, options)
    if (type === 'application/yaml')
      return options.machinery.yaml.parse(bytes).then((value) => ({ value, duplicates: [] }))
    if (type === 'application/vnd.kubernetes.protobuf') return parseProtobuf(bytes, expected, options)
  } catch (error) {
    if (error instanceof JsonError)
      throw unrecognized(`couldn't get version/kind; json parse error: ${error.message}`)
    if (error instanceof ProtobufError) throw unrecognized(error.message)
    throw error
  }
  throw unsupportedMediaType(bodyTypes)
}

const parseJsonText = (
  bytes: Uint8Array,
  { fieldValidation }: Pick<BodyOptions, 'fieldValidation'>,
): Parsed =>
  parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'), {
    findDuplicates: fieldValidation !== 'Ignore',
  })

function parseProtobuf(bytes: Uint8Array, expected: ExpectedBody, options: BodyOptions): Parsed {
  // Custom resources and their definitions are on no protobuf wire.
  if (expected.schema.members.length === 0 && expected.anyGroup !== true)
    throw unsupportedMediaType(bodyTypes.filter((type) => !type.endsWith('protobuf')))
  const envelope = readProtobufEnvelope(bytes)
  if (envelope.contentType === 'application/json') {
    const { value, duplicates } = parseJsonText(envelope.raw, options)
    return { value, duplicates }
  }
  checkKind(withKind({ apiVersion: envelope.apiVersion, kind: envelope.kind }, expected), expected)
  return { value: decodeProtobuf(envelope, expected.schema), duplicates: [] }
}

type Kinded = Readonly<Record<string, unknown>> & { readonly kind: string; readonly apiVersion: string }

/** A body may leave out what the URL says anyway. */
function withKind(value: unknown, expected: ExpectedBody): Kinded {
  const object = isJsonObject(value) ? value : {}
  if (!isJsonObject(value))
    throw badRequest(
      `the object provided is unrecognized (must be of type ${expected.kind}): it is not an object`,
    )
  const text = (field: string, fallback: string) => {
    const given = object[field] ?? ''
    if (typeof given !== 'string')
      throw badRequest(`couldn't get version/kind; json parse error: ${field} must be a string`)
    return given === '' ? fallback : given
  }
  const kind = text('kind', expected.kind)
  const apiVersion = text('apiVersion', apiVersionOf(expected.group, expected.version))
  const isSaid = object['kind'] === kind && object['apiVersion'] === apiVersion
  return isSaid ? (object as Kinded) : { ...object, kind, apiVersion }
}

function checkKind({ kind, apiVersion }: Kinded, expected: ExpectedBody): void {
  const wanted = apiVersionOf(expected.group, expected.version)
  if (apiVersion !== wanted && expected.anyGroup !== true)
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`,
    )
  if (kind === expected.kind) return
  const { version } = groupVersionOf(apiVersion)
  throw badRequest(
    `${kind} in version ${quote(version)} cannot be handled as a ${expected.kind}: the kind in the data does not match the resource in the URL`,
  )
}

const summaryBytesMax = 30

/** The beginning of a body that could not be read. */
function summaryOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>'
  const start = Buffer.from(bytes.subarray(0, summaryBytesMax))
  const more = bytes.length > summaryBytesMax ? ' ...' : ''
  return (bytes[0] === '{'.charCodeAt(0) ? start.toString('utf8') : start.toString('hex')) + more
}
