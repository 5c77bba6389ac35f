/**
 * An OpenAPI v2 document in protobuf, the only form in which kubectl takes it. The messages are gnostic's
 * (`openapiv2/OpenAPIv2.proto`), as far as our documents use them: what a message doesn't list is not written.
 */
import { objectOf, type JsonObject, type JsonValue } from '../json.ts'

/** Paths and definitions that are written between two yields: some milliseconds' work. */
const entriesAtOnce = 50

/** Yields now and then, as `openApiV2Document` does. */
export function* openApiV2Bytes(document: JsonObject): Generator<undefined, Uint8Array> {
  const { paths, definitions, ...head } = document
  return concat([
    message('document', head),
    yield* entries(pathMap, paths),
    yield* entries(definitionMap, definitions),
  ])
}

/** Writes a value without its field number. */
type Write = (value: JsonValue) => Uint8Array
interface Member {
  readonly number: number
  readonly wire: 0 | 1 | 2
  readonly write: Write
  /** An array is written member by member. */
  readonly repeated?: true
}
interface Message {
  readonly members: Readonly<Record<string, Member>>
  /** Field number of the `x-` members. */
  readonly extensions?: number
}

const varint = (value: number): Uint8Array => {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Uint8Array.from([...bytes, rest])
}

const concat = (parts: readonly Uint8Array[]): Uint8Array => {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

const utf8 = new TextEncoder()
const text = (value: string): Uint8Array => utf8.encode(value)
const delimited = (number: number, bytes: Uint8Array): Uint8Array =>
  concat([varint(number * 8 + 2), varint(bytes.length), bytes])

const stringBytes: Write = (value) => text(typeof value === 'string' ? value : JSON.stringify(value))
const string = (number: number): Member => ({ number, wire: 2, write: stringBytes })
const bool = (number: number): Member => ({
  number,
  wire: 0,
  write: (value) => varint(value === true ? 1 : 0),
})
/** Counts and lengths: never negative where they mean anything. */
const int = (number: number): Member => ({
  number,
  wire: 0,
  write: (value) => varint(Math.max(0, Math.floor(Number(value)))),
})
const double = (number: number): Member => ({
  number,
  wire: 1,
  write: (value) => {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setFloat64(0, Number(value), true)
    return bytes
  },
})
const repeated = (member: Member): Member => ({ ...member, repeated: true })
const of = (number: number, name: MessageName): Member => ({
  number,
  wire: 2,
  write: writerOf(name),
})
const writerOf =
  (name: MessageName): Write =>
  (value) =>
    message(name, objectOf(value))
/** A message whose only content is `member`. */
const wrapped = (number: number, member: Member): Member => ({
  number,
  wire: 2,
  write: (value) => field(member, value),
})
/** A map is a list of pairs: name (1) and value (2). */
const map = (number: number, pair: number, write: Write): Member => ({
  number,
  wire: 2,
  write: (value) => concat(Object.entries(objectOf(value)).map(pairOf(pair, write))),
})
const pairOf =
  (pair: number, write: Write) =>
  ([key, item]: [string, JsonValue]): Uint8Array =>
    delimited(pair, concat([delimited(1, text(key)), delimited(2, write(item))]))
/** gnostic's Any holds YAML (2), and JSON is YAML. */
const anyBytes: Write = (value) => delimited(2, text(JSON.stringify(value)))
const any = (number: number): Member => ({ number, wire: 2, write: anyBytes })

/** A parameter is nested by where it is: a body's, or one of a query or a path. */
const parameterBytes: Write = (value) => {
  const parameter = objectOf(value)
  const inside =
    parameter['in'] === 'body'
      ? delimited(1, message('bodyParameter', parameter))
      : delimited(
          2,
          parameter['in'] === 'path'
            ? delimited(4, message('pathParameter', parameter))
            : delimited(3, message('queryParameter', parameter)),
        )
  return delimited(1, inside)
}
/** A response, or a reference to one, which we never have. */
const responseBytes: Write = (value) => delimited(1, message('response', objectOf(value)))
const parameters = (number: number): Member => ({ number, wire: 2, write: parameterBytes, repeated: true })

const described = { required: bool(1), in: string(2), description: string(3), name: string(4) }
const operation = (number: number): Member => of(number, 'operation')

type MessageName =
  | 'bodyParameter'
  | 'document'
  | 'info'
  | 'operation'
  | 'pathItem'
  | 'pathParameter'
  | 'queryParameter'
  | 'response'
  | 'schema'

const messages: Readonly<Record<MessageName, Message>> = {
  document: {
    members: {
      swagger: string(1),
      info: of(2, 'info'),
    },
  },
  info: { members: { title: string(1), version: string(2) } },
  pathItem: {
    members: {
      get: operation(2),
      put: operation(3),
      post: operation(4),
      delete: operation(5),
      patch: operation(8),
      parameters: parameters(9),
    },
  },
  operation: {
    members: {
      produces: repeated(string(6)),
      consumes: repeated(string(7)),
      parameters: parameters(8),
      responses: map(9, 1, responseBytes),
    },
    extensions: 13,
  },
  response: { members: { description: string(1), schema: wrapped(2, of(1, 'schema')) } },
  bodyParameter: { members: { name: string(2), in: string(3), required: bool(4), schema: of(5, 'schema') } },
  pathParameter: { members: { ...described, type: string(5), uniqueItems: bool(18) } },
  queryParameter: { members: { ...described, type: string(6), uniqueItems: bool(20) } },
  schema: {
    members: {
      $ref: string(1),
      format: string(2),
      title: string(3),
      description: string(4),
      default: any(5),
      multipleOf: double(6),
      maximum: double(7),
      exclusiveMaximum: bool(8),
      minimum: double(9),
      exclusiveMinimum: bool(10),
      maxLength: int(11),
      minLength: int(12),
      pattern: string(13),
      maxItems: int(14),
      minItems: int(15),
      uniqueItems: bool(16),
      maxProperties: int(17),
      minProperties: int(18),
      required: repeated(string(19)),
      enum: repeated(any(20)),
      additionalProperties: {
        number: 21,
        wire: 2,
        write: (value) => field(typeof value === 'boolean' ? bool(2) : of(1, 'schema'), value),
      },
      type: wrapped(22, string(1)),
      items: wrapped(23, of(1, 'schema')),
      properties: map(25, 1, writerOf('schema')),
      example: any(30),
    },
    extensions: 31,
  },
}

interface EntryMap {
  readonly number: number
  readonly pair: number
  readonly write: Write
}

/** The two large members of a document. */
const pathMap: EntryMap = { number: 8, pair: 2, write: writerOf('pathItem') }
const definitionMap: EntryMap = { number: 9, pair: 1, write: writerOf('schema') }

function* entries(
  { number, pair, write }: EntryMap,
  object: JsonValue | undefined,
): Generator<undefined, Uint8Array> {
  if (object === undefined) return new Uint8Array()
  const all = Object.entries(objectOf(object))
  const written: Uint8Array[] = []
  for (let at = 0; at < all.length; at += entriesAtOnce) {
    yield
    written.push(...all.slice(at, at + entriesAtOnce).map(pairOf(pair, write)))
  }
  return delimited(number, concat(written))
}

function message(name: MessageName, object: JsonObject): Uint8Array {
  const { members, extensions } = messages[name]
  return concat(
    Object.entries(object).map(([key, value]) => {
      const member = Object.hasOwn(members, key) ? members[key] : undefined
      if (member) return field(member, value)
      if (extensions === undefined || !key.startsWith('x-')) return new Uint8Array()
      return delimited(extensions, concat([delimited(1, text(key)), delimited(2, anyBytes(value))]))
    }),
  )
}

function field(member: Member, value: JsonValue): Uint8Array {
  if (member.repeated && Array.isArray(value))
    return concat(value.map((item: JsonValue) => one(member, item)))
  return one(member, value)
}

const one = ({ number, wire, write }: Member, value: JsonValue): Uint8Array =>
  wire === 2 ? delimited(number, write(value)) : concat([varint(number * 8 + wire), write(value)])
