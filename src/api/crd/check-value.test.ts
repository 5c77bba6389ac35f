/** What a schema's keywords have against a value, in upstream's words. One row, one fact. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldErrorText } from '../field-errors.ts'
import type { JsonValue } from '../json.ts'
import { valueChecker } from './check-value.ts'
import type { JsonSchema } from './json-schema.ts'

interface Row {
  readonly name: string
  readonly schema: JsonSchema
  readonly value: JsonValue
  readonly errors?: readonly string[]
}

const text: JsonSchema = { type: 'string' }
const must = (why: string, shown: string): string => `x: Invalid value: ${shown}: x in body ${why}`

const rows: readonly Row[] = [
  { name: 'a fitting type', schema: text, value: 'a' },
  {
    name: 'another type',
    schema: { type: 'integer' },
    value: 'a',
    errors: [must('must be of type integer: "string"', '"string"')],
  },
  { name: 'a whole number is a number', schema: { type: 'number' }, value: 1 },
  {
    name: 'a fraction is no integer',
    schema: { type: 'integer' },
    value: 1.5,
    errors: [must('must be of type integer: "number"', '"number"')],
  },
  {
    name: 'null is of no type',
    schema: text,
    value: null,
    errors: [must('must be of type string: "null"', '"null"')],
  },
  { name: 'null where it may be', schema: { ...text, nullable: true }, value: null },
  { name: 'int or string: int', schema: { 'x-kubernetes-int-or-string': true }, value: 1 },
  {
    name: 'int or string: neither',
    schema: { 'x-kubernetes-int-or-string': true },
    value: true,
    errors: [must('must be of type integer,string: "boolean"', '"boolean"')],
  },
  {
    name: 'enum',
    schema: { ...text, enum: ['a', 'b'] },
    value: 'c',
    errors: ['x: Unsupported value: "c": supported values: "a", "b"'],
  },
  {
    name: 'minimum',
    schema: { minimum: 2 },
    value: 1,
    errors: [must('should be greater than or equal to 2', '1')],
  },
  {
    name: 'exclusive minimum',
    schema: { minimum: 2, exclusiveMinimum: true },
    value: 2,
    errors: [must('should be greater than 2', '2')],
  },
  {
    name: 'maximum',
    schema: { maximum: 2 },
    value: 3,
    errors: [must('should be less than or equal to 2', '3')],
  },
  {
    name: 'exclusive maximum',
    schema: { maximum: 2, exclusiveMaximum: true },
    value: 2,
    errors: [must('should be less than 2', '2')],
  },
  {
    name: 'multipleOf',
    schema: { multipleOf: 3 },
    value: 4,
    errors: [must('should be a multiple of 3', '4')],
  },
  {
    name: 'minLength counts characters',
    schema: { minLength: 2 },
    value: '😀',
    errors: [must('should be at least 2 chars long', '"😀"')],
  },
  {
    name: 'maxLength',
    schema: { maxLength: 1 },
    value: 'ab',
    errors: ['x: Too long: may not be more than 1 byte'],
  },
  {
    name: 'pattern',
    schema: { pattern: '^[a-z]+$' },
    value: 'A',
    errors: [must("should match '^[a-z]+$'", '"A"')],
  },
  { name: "pattern in Go's dialect", schema: { pattern: '(?i)^[[:alpha:]]+\\z' }, value: 'Ab' },
  {
    name: 'minItems',
    schema: { minItems: 2 },
    value: [1],
    errors: [must('should have at least 2 items', '1')],
  },
  {
    name: 'maxItems',
    schema: { maxItems: 1 },
    value: [1, 2],
    errors: ['x: Too many: 2: must have at most 1 item'],
  },
  {
    name: 'minProperties',
    schema: { minProperties: 1 },
    value: {},
    errors: [must('should have at least 1 properties', '0')],
  },
  {
    name: 'maxProperties',
    schema: { maxProperties: 0 },
    value: { a: 1 },
    errors: ['x: Too many: 1: must have at most 0 items'],
  },
  { name: 'required', schema: { required: ['a'] }, value: {}, errors: ['x.a: Required value'] },
  {
    name: 'properties, items and additionalProperties',
    schema: { properties: { l: { items: { additionalProperties: text } } } },
    value: { l: [{ k: 1 }] },
    errors: ['x.l[0].k: Invalid value: "integer": x.l[0].k in body must be of type string: "integer"'],
  },
  {
    name: 'a set has each item once',
    schema: { 'x-kubernetes-list-type': 'set' },
    value: ['a', 'a'],
    errors: ['x[1]: Duplicate value: "a"'],
  },
  {
    name: 'a map has each key once',
    schema: { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'] },
    value: [
      { n: 1, v: 1 },
      { n: 1, v: 2 },
    ],
    errors: ['x[1]: Duplicate value: {"n":1}'],
  },
  { name: 'anyOf: one fits', schema: { anyOf: [{ minimum: 5 }, { maximum: 1 }] }, value: 7 },
  {
    name: 'anyOf: none fits',
    schema: { anyOf: [{ minimum: 5 }] },
    value: 3,
    errors: [
      '<nil>: Invalid value: "": "x" must validate at least one schema (anyOf)',
      must('should be greater than or equal to 5', '3'),
    ],
  },
  {
    name: 'oneOf: two fit',
    schema: { oneOf: [{ minimum: 1 }, { minimum: 2 }] },
    value: 3,
    errors: [
      '<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ],
  },
  {
    name: 'allOf',
    schema: { allOf: [{ minimum: 1 }, { minimum: 5 }] },
    value: 3,
    errors: [
      must('should be greater than or equal to 5', '3'),
      '<nil>: Invalid value: "": "x" must validate all the schemas (allOf)',
    ],
  },
  {
    name: 'not',
    schema: { not: { minimum: 1 } },
    value: 3,
    errors: ['<nil>: Invalid value: "": "x" must not validate the schema (not)'],
  },
  {
    name: 'an embedded object says what it is',
    schema: { type: 'object', 'x-kubernetes-embedded-resource': true },
    value: { kind: 'Pod' },
    errors: ['x.apiVersion: Required value: must not be empty'],
  },
  ...(
    [
      ['date-time', '2026-01-02T03:04:05Z', '2026-01-02'],
      ['date', '2026-01-02', '2026-1-2'],
      ['byte', 'aGk=', '§'],
      ['ipv4', '10.0.0.1', '10.0.0.256'],
      ['ipv6', '::1', '1.2.3.4'],
      ['cidr', '10.0.0.0/8', '10.0.0.0'],
      ['uri', 'https://example.com/a', 'example'],
      ['uuid', '123e4567-e89b-12d3-a456-426614174000', '123'],
    ] as const
  ).flatMap(([format, good, bad]): Row[] => [
    { name: `format ${format}`, schema: { format }, value: good },
    {
      name: `no ${format}`,
      schema: { format },
      value: bad,
      errors: [must(`must be of type ${format}: ${JSON.stringify(bad)}`, JSON.stringify(bad))],
    },
  ]),
  {
    name: 'beyond int32',
    schema: { type: 'integer', format: 'int32' },
    value: 2 ** 31,
    errors: [must('must be of type integer with format int32', '2147483648')],
  },
]

for (const { errors = [], name, schema, value } of rows)
  test(name, () => assert.deepEqual(valueChecker(schema)(value, 'x').map(fieldErrorText), errors))
