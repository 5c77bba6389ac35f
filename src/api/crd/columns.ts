/** `additionalPrinterColumns` as the columns of a resource (apiextensions-apiserver pkg/registry/customresource/tableconvertor). */
import { humanDuration } from '../duration.ts'
import type { JsonValue } from '../json.ts'
import type { KubeObject } from '../meta.ts'
import type { Column } from '../resource.ts'
import { nameColumn } from '../resources/cells.ts'
import type { CrdColumn } from './definition.ts'
import { findAll, parseJsonPath } from './json-path.ts'

export const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'] as const

const ageOnly: readonly CrdColumn[] = [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }]

export const columnsOf = (columns: readonly CrdColumn[] | undefined): readonly Column[] => [
  nameColumn(),
  ...(columns === undefined || columns.length === 0 ? ageOnly : columns).map(columnOf),
]

const columnOf = ({ name = '', type = '', jsonPath = '', priority = 0 }: CrdColumn): Column => {
  const path = parseJsonPath(jsonPath) ?? []
  const known = columnTypes.find((one) => one === type) ?? 'string'
  return {
    name,
    type: known,
    priority,
    value: (object, nowMs) => cellOf(findAll(asJson(object), path)[0], known, nowMs),
  }
}

/** Objects come from JSON and are nothing but JSON. */
const asJson = (object: KubeObject): JsonValue => object as unknown as JsonValue

/** Null where there is no value, or one of another type than the column's. */
function cellOf(
  value: JsonValue | undefined,
  type: Column['type'],
  nowMs: number,
): ReturnType<Column['value']> {
  if (value === undefined || value === null) return null
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null
    case 'number':
      return typeof value === 'number' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'date':
      return typeof value === 'string' ? sinceText(value, nowMs) : null
    case 'string':
      return typeof value === 'string' ? value : JSON.stringify(value)
  }
}

const sinceText = (timestamp: string, nowMs: number): string => {
  const then = Date.parse(timestamp)
  return Number.isNaN(then) ? '<invalid>' : humanDuration(nowMs - then)
}
