/**
 * Tables that say what is wrong with an object: a valid base, one change per row, the exact errors. A row without
 * `errors` is a change that is fine.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldErrorText } from '../../src/api/field-errors.ts'
import type { KubeObject } from '../../src/api/meta.ts'
import type { ResourceDef, StrategyContext } from '../../src/api/resource.ts'

/** Values by path: `spec.containers.0.name`. Undefined removes. */
export type Change = Readonly<Record<string, unknown>>

export interface Row {
  readonly name: string
  readonly set?: Change
  /** The same for paths whose steps have dots in them. */
  readonly at?: readonly (readonly [path: readonly string[], value: unknown])[]
  readonly errors?: readonly string[]
}

const context: StrategyContext = { nowIso: '2026-01-02T03:04:05Z', uuid: () => 'uid' }

/** What is wrong with creating the base, changed as a row says. */
export const testCreates = <T extends KubeObject>(
  def: ResourceDef<T>,
  base: T,
  rows: readonly Row[],
): void => {
  test(`the ${def.kind} that the rows change is valid`, () =>
    assert.deepEqual(createErrors(def, base, {}), []))
  for (const row of rows) {
    test(`create ${def.kind}: ${row.name}`, () => {
      assert.deepEqual(createErrors(def, base, row), row.errors ?? [])
    })
  }
}

/** What is wrong with an update of the stored base, or of one of its subresources, to what a row makes of it. */
export const testUpdates = <T extends KubeObject>(
  def: ResourceDef<T>,
  base: T,
  rows: readonly Row[],
  subresource?: string,
): void => {
  for (const row of rows) {
    test(`update ${[def.kind, subresource].filter(Boolean).join('/')}: ${row.name}`, () => {
      assert.deepEqual(updated(def, base, row, subresource).errors, row.errors ?? [])
    })
  }
}

export const created = <T extends KubeObject>(
  def: ResourceDef<T>,
  base: T,
  row: Omit<Row, 'name'> = {},
): T => {
  const object = changed(base, row)
  def.applyDefaults?.(object)
  def.prepareForCreate?.(object, context)
  return object
}

/** `base` counts as stored: it is created first; a row then changes what was stored. */
export const updated = <T extends KubeObject>(
  def: ResourceDef<T>,
  base: T,
  row: Omit<Row, 'name'>,
  subresource?: string,
): { readonly object: T; readonly errors: readonly string[] } => {
  const old = stored(def, base)
  const object = changed(old, row)
  const updateContext = subresource === undefined ? context : { ...context, subresource }
  def.applyDefaults?.(object)
  def.prepareForUpdate?.(object, old, updateContext)
  return { object, errors: texts(def.validate?.(object, old, updateContext)) }
}

/** With the status of the base, which a create would have dropped. */
const stored = <T extends KubeObject>(def: ResourceDef<T>, base: T): T => {
  const object = created(def, base)
  if (!('status' in base)) return object
  const before = 'status' in object ? (object.status as object) : {}
  return { ...object, status: { ...before, ...structuredClone(base.status as object) } }
}

const createErrors = <T extends KubeObject>(
  def: ResourceDef<T>,
  base: T,
  row: Omit<Row, 'name'>,
): readonly string[] => texts(def.validate?.(created(def, base, row), undefined, context))

const texts = (errors: ReturnType<NonNullable<ResourceDef['validate']>> | undefined): readonly string[] =>
  (errors ?? []).map(fieldErrorText)

const changed = <T>(base: T, row: Omit<Row, 'name'>): T => {
  const object = structuredClone(base)
  for (const [path, value] of Object.entries(row.set ?? {})) assign(object, path.split('.'), value)
  for (const [path, value] of row.at ?? []) assign(object, path, value)
  return object
}

const assign = (root: unknown, path: readonly string[], value: unknown): void => {
  let parent = root as Record<string, unknown>
  for (const step of path.slice(0, -1)) parent = (parent[step] ??= {}) as Record<string, unknown>
  const last = path.at(-1) ?? ''
  if (value === undefined) delete parent[last]
  else parent[last] = value
}
