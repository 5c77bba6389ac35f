/**
 * Reads the protobuf bodies that client-go sends, into objects of the shape JSON would have had. Only reading: every
 * client accepts JSON answers. Field numbers and types come from the same table as everything else.
 *
 * Clients write Go structs, and those cannot leave a plain field out: `namespace: ""` on the wire says nothing. Such
 * zero values are dropped, except where `FieldDef.promised` says that the JSON has them too.
 */
import { defineField, isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import { bytesToBase64 } from './base64.ts'
import { parseJson } from './json.ts'
import { ProtobufError, ProtobufReader, wireType } from './protobuf-reader.ts'
import type { ListSchema, MapSchema, ScalarSchema, Schema, TypeDef } from './schema.ts'
import { formatTime } from './time.ts'

/** Messages within messages; the deepest built-in kind has 15 or so. */
export const protobufDepthMax = 64

/** What stands around every object: `k8s\0` and a message that names the kind. */
export interface ProtobufEnvelope {
  readonly apiVersion: string
  readonly kind: string
  /** The object itself; a view of the input. */
  readonly raw: Uint8Array
  /** Empty for protobuf; `application/json` when the object is JSON after all. */
  readonly contentType: string
}

type MutableObject = Record<string, JsonValue>

/** Throws `ProtobufError` for anything that does not begin like an object of Kubernetes. */
export const readProtobufEnvelope = (bytes: Uint8Array): ProtobufEnvelope => {
  if (!magic.every((byte, i) => bytes[i] === byte))
    throw new ProtobufError('the body does not begin with the bytes "k8s\\0" of Kubernetes protobuf', 0)
  const reader = new ProtobufReader(bytes, magic.length, bytes.length)
  const found = { apiVersion: '', kind: '', raw: bytes.subarray(0, 0), contentType: '' }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) Object.assign(found, readTypeMeta(reader.message('typeMeta')))
    else if (field === 2) found.raw = reader.bytes('raw')
    else if (field === 3 && reader.string('contentEncoding') !== '')
      throw reader.error('contentEncoding is not supported')
    else if (field === 4) found.contentType = reader.string('contentType')
    else if (field > 4) reader.skip()
  }
  return found
}

/** The object in an envelope's `raw`. Throws `ProtobufError` for bytes that are no such message. */
export const decodeProtobuf = (envelope: ProtobufEnvelope, type: TypeDef): JsonObject => {
  const { apiVersion, kind, raw } = envelope
  const object: MutableObject = { apiVersion, kind }
  readMessage(new ProtobufReader(raw, 0, raw.length), type, { object, depth: 0 })
  return object
}

const magic = [0x6b, 0x38, 0x73, 0]

const readTypeMeta = (reader: ProtobufReader): { apiVersion: string; kind: string } => {
  const found = { apiVersion: '', kind: '' }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) found.apiVersion = reader.string('apiVersion')
    else if (field === 2) found.kind = reader.string('kind')
    else reader.skip()
  }
  return found
}

/** Adds what the message holds to `into.object`: a message may come in pieces, and an inlined one shares the object. */
const readMessage = (
  reader: ProtobufReader,
  type: TypeDef,
  into: { object: MutableObject; depth: number },
): void => {
  const { object, depth } = into
  if (depth > protobufDepthMax) throw reader.error(`messages are nested deeper than ${protobufDepthMax}`)
  for (let number = reader.next(); number !== 0; number = reader.next()) {
    const field = type.members.find((member) => member.number === number)
    if (field === undefined) {
      reader.skip()
    } else if (field.name === '') {
      if (field.schema.kind === 'object')
        readMessage(reader.message(type.name), field.schema, { object, depth: depth + 1 })
    } else {
      const before = object[field.name]
      const value = readValue(reader, field.schema, { name: field.name, before, depth: depth + 1 })
      if (value !== undefined && (field.pointer || field.promised || !isZero(value, field.schema)))
        object[field.name] = value
      // The later of two values counts, also when it is zero.
      else if (before !== undefined) delete object[field.name]
    }
  }
  dropEmptyStructs(object, type)
}

/** A struct that is no pointer is always on the wire; all its fields zero, it says nothing. */
const dropEmptyStructs = (object: MutableObject, type: TypeDef): void => {
  for (const field of type.members) {
    if (field.schema.kind !== 'object' || field.name === '' || field.promised || field.pointer) continue
    const value = object[field.name]
    if (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
      delete object[field.name]
  }
}

interface Slot {
  /** For messages only. */
  readonly name: string
  /** What was read for the same field so far. */
  readonly before: JsonValue | undefined
  readonly depth: number
}

const readValue = (reader: ProtobufReader, schema: Schema, slot: Slot): JsonValue | undefined => {
  if (schema.kind === 'object') return readObject(reader, schema, slot)
  if (schema.kind === 'list')
    return schema.boxed ? readBox(reader, schema, slot) : readItem(reader, schema, slot)
  if (schema.kind === 'map') return readEntry(reader, schema, slot)
  return readScalar(reader, schema, slot.name)
}

const readObject = (reader: ProtobufReader, type: TypeDef, slot: Slot): MutableObject => {
  const object = ownObject(slot.before)
  readMessage(reader.message(slot.name), type, { object, depth: slot.depth })
  return object
}

/** One item, or for numbers a packed run of them. */
const readItem = (reader: ProtobufReader, schema: ListSchema, slot: Slot): JsonValue[] => {
  const list: JsonValue[] = Array.isArray(slot.before) ? slot.before : []
  const { items } = schema
  const isPacked = reader.wire === wireType.bytes && isVarint(items)
  if (!isPacked) {
    list.push(readValue(reader, items, { ...slot, before: undefined }) ?? null)
    return list
  }
  const run = reader.message(slot.name)
  while (!run.isAtEnd()) {
    run.wire = wireType.varint
    list.push(readValue(run, items, slot) ?? null)
  }
  return list
}

const readBox = (reader: ProtobufReader, schema: ListSchema, slot: Slot): JsonValue[] => {
  const box = reader.message(slot.name)
  let list: JsonValue[] = []
  for (let field = box.next(); field !== 0; field = box.next()) {
    if (field === 1) list = readItem(box, schema, { ...slot, before: list })
    else box.skip()
  }
  return list
}

const readEntry = (reader: ProtobufReader, schema: MapSchema, slot: Slot): MutableObject => {
  const map = ownObject(slot.before)
  const entry = reader.message(slot.name)
  let key = ''
  let value: JsonValue | undefined
  for (let field = entry.next(); field !== 0; field = entry.next()) {
    if (field === 1) key = entry.string(slot.name)
    else if (field === 2) value = readValue(entry, schema.values, { ...slot, before: undefined })
    else entry.skip()
  }
  defineField(
    map,
    key,
    value ?? (schema.values.kind === 'string' || schema.values.kind === 'bytes' ? '' : null),
  )
  return map
}

const readScalar = (reader: ProtobufReader, schema: ScalarSchema, name: string): JsonValue | undefined => {
  switch (schema.kind) {
    case 'string':
      return reader.string(name)
    case 'bool':
      return reader.int64(name) !== 0
    case 'int32':
      return reader.int32(name)
    case 'int64':
      return reader.int64(name)
    case 'double':
      return reader.double(name)
    case 'bytes':
      return bytesToBase64(reader.bytes(name))
    case 'quantity':
      return readQuantity(reader.message(name))
    case 'intOrString':
      return readIntOrString(reader.message(name))
    case 'time':
    case 'microTime':
      return readTime(reader.message(name), schema.kind)
    case 'raw':
    case 'fields':
    case 'any':
      return readEmbedded(reader.message(name), name)
  }
}

const readQuantity = (reader: ProtobufReader): string => {
  let text = '0'
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) text = reader.string('quantity')
    else reader.skip()
  }
  return text
}

const readIntOrString = (reader: ProtobufReader): number | string => {
  const found = { type: 0, int: 0, string: '' }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) found.type = reader.int32('type')
    else if (field === 2) found.int = reader.int32('intVal')
    else if (field === 3) found.string = reader.string('strVal')
    else reader.skip()
  }
  return found.type === 1 ? found.string : found.int
}

/** An empty message is the zero time, which JSON writes as null: no time. */
const readTime = (reader: ProtobufReader, layout: 'time' | 'microTime'): string | undefined => {
  if (reader.isAtEnd()) return undefined
  const found = { seconds: 0, nanos: 0 }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) found.seconds = reader.int64('seconds')
    else if (field === 2) found.nanos = reader.int32('nanos')
    else reader.skip()
  }
  if (found.nanos < 0 || found.nanos > 999_999_999)
    throw reader.error(`nanos ${found.nanos} is no part of a second`)
  if (found.seconds < secondsMin || found.seconds > secondsMax)
    throw reader.error(`a time of ${found.seconds} s is outside the years 0 to 9999`)
  return formatTime(found.seconds, Math.floor(found.nanos / 1000), layout)
}

/** The years 0000 to 9999, which RFC 3339 can write. */
const secondsMin = -62167219200
const secondsMax = 253402300799

/** An object within an object travels as JSON text in field 1. */
const readEmbedded = (reader: ProtobufReader, name: string): JsonValue | undefined => {
  let text = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) text = reader.string(name)
    else reader.skip()
  }
  if (text === '') return undefined
  try {
    return parseJson(text, { findDuplicates: false }).value
  } catch (cause) {
    throw reader.error(`${name} is not JSON, and embedded objects must be`, { cause })
  }
}

/** What this decoder made a moment ago and nobody else has seen: it may be added to, and must be, or long lists would be copied at each item. */
const ownObject = (before: JsonValue | undefined): MutableObject =>
  isJsonObject(before) ? (before as MutableObject) : {}

const isVarint = (schema: Schema): boolean =>
  schema.kind === 'int32' || schema.kind === 'int64' || schema.kind === 'bool'

const isZero = (value: JsonValue, schema: Schema): boolean =>
  value === '' || value === 0 || value === false
    ? schema.kind !== 'quantity' && schema.kind !== 'intOrString'
    : false
