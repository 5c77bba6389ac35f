/**
 * For tests: tables that say what is wrong with an object. A valid base, one change per row, the exact errors; a row
 * without `errors` is a change that is fine.
 */
import { fieldErrorText } from '../field-errors.ts'
import type { KubeObject } from '../meta.ts'
import type { ResourceDef, StrategyContext } from '../resource.ts'

/** Values by path: `spec.containers.0.name`. Undefined removes. */
export type Change = Readonly<Record<string, unknown>>

export interface Row {
  readonly name: string
  readonly set?: Change
  /** The same for paths whose steps have dots in them. */
  readonly at?: readonly (readonly [path: readonly string[], value: unknown])[]
  readonly errors?: readonly string[]
}

/** A row made ready: `found` runs the definition. */
export interface Case {
  readonly name: string
  readonly found: () => readonly string[]
  readonly expected: readonly string[]
}

interface Subject<T extends KubeObject> {
  readonly def: ResourceDef<T>
  readonly base: T
  readonly subresource?: string
}

/** What is wrong with creating the base as it is, and changed as each row says. */
export const createCases = <T extends KubeObject>(
  { def, base }: Subject<T>,
  rows: readonly Row[],
): readonly Case[] =>
  [{ name: 'the object that the rows change', set: {} }, ...rows].map((row: Row) => ({
    name: `create ${def.kind}: ${row.name}`,
    found: () => texts(def.validate?.(created(def, base, row), undefined, context)),
    expected: row.errors ?? [],
  }))

/** What is wrong with an update of the stored base, or of one of its subresources, to what each row makes of it. */
export const updateCases = <T extends KubeObject>(
  subject: Subject<T>,
  rows: readonly Row[],
): readonly Case[] =>
  rows.map((row) => ({
    name: `update ${[subject.def.kind, subject.subresource].filter(Boolean).join('/')}: ${row.name}`,
    found: () => updated(subject, row).errors,
    expected: row.errors ?? [],
  }))

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

/** `base` counts as stored: it is created first; the row then changes what was stored. */
export const updated = <T extends KubeObject>(
  { def, base, subresource }: Subject<T>,
  row: Omit<Row, 'name'>,
): { readonly object: T; readonly errors: readonly string[] } => {
  const old = stored(def, base)
  const object = changed(old, row)
  const updateContext = subresource === undefined ? context : { ...context, subresource }
  def.applyDefaults?.(object)
  def.prepareForUpdate?.(object, old, updateContext)
  return { object, errors: texts(def.validate?.(object, old, updateContext)) }
}

const context: StrategyContext = { nowIso: '2026-01-02T03:04:05Z', uuid: () => 'uid' }

/** With the status of the base, which a create would have dropped. */
const stored = <T extends KubeObject>(def: ResourceDef<T>, base: T): T => {
  const object = created(def, base)
  if (!('status' in base)) return object
  const before = 'status' in object ? (object.status as object) : {}
  return { ...object, status: { ...before, ...structuredClone(base.status as object) } }
}

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
  else parent[last] = structuredClone(value)
}
