/**
 * A set of field paths: what somebody owns of an object. It is its own FieldsV1 document, the tree that stands in
 * `managedFields`: what a store holds needs no decoding, and what did not change needs no encoding.
 *
 *   {"f:spec":{"f:replicas":{},"f:template":{".":{},"f:metadata":{}}}}
 *
 * A node without children is a member of the set; one with children is a member when it has the mark `.`. So is every
 * node below the root; the root itself is never a member, and an empty root is the empty set. No node is there for
 * nothing: it is a member or something below it is. Sets are immutable and share parts; the order of fields means
 * nothing until `sortSet`. Keys are texts of `element.ts`, whose prefix keeps `__proto__` harmless.
 */
import { isJsonObject } from '../json.ts'
import { jsonDepthMax } from '../schema/json.ts'
import { canonicalElement, sortElements } from './element.ts'

export interface FieldSet {
  readonly [element: string]: FieldSet
}

/** A set that is being built; nobody else has it yet. */
export interface GrowingSet {
  [element: string]: GrowingSet
}

export const emptySet: FieldSet = Object.freeze({})
/** A member with nothing below it. */
export const leaf: FieldSet = emptySet

export const isEmptySet = (set: FieldSet): boolean => {
  for (const _ in set) return false
  return true
}

/** Of a node below the root. */
export const isMember = (node: FieldSet): boolean => node['.'] !== undefined || isEmptySet(node)

/** The same node as a member; of no node at all, a leaf. */
export const asMember = (node: FieldSet | undefined): FieldSet => {
  if (node === undefined) return leaf
  return isMember(node) ? node : { '.': leaf, ...node }
}

/**
 * Adds a path; its parents do not become members. The empty path is nobody's. `parents` is for those who add many: which
 * nodes have something in them takes as long to find out as they are large.
 */
export function insertPath(
  set: GrowingSet,
  path: readonly string[],
  parents = new WeakSet<GrowingSet>(),
): void {
  let node = set
  for (const [i, element] of path.entries()) {
    const next = node[element]
    const isLast = i === path.length - 1
    if (next === undefined) node = node[element] = {}
    else {
      const isEmpty = !parents.has(next) && isEmptySet(next)
      // A member that gets its first child, or a parent that becomes a member.
      if (isLast !== isEmpty) next['.'] = {}
      node = next
    }
    if (!isLast) parents.add(node)
  }
}

/** Puts a node, which is a member, where the set has nothing. At the empty path only what is in it counts. */
export function insertNode(
  set: GrowingSet,
  path: readonly string[],
  node: GrowingSet,
  parents?: WeakSet<GrowingSet>,
): void {
  const last = path.at(-1)
  if (last === undefined) {
    const { '.': _, ...children } = node
    Object.assign(set, children)
    return
  }
  let parent = set
  insertPath(set, path, parents)
  for (const element of path.slice(0, -1)) parent = parent[element] ?? parent
  parent[last] = node
}

export const hasPath = (set: FieldSet, path: readonly string[]): boolean => {
  let node: FieldSet | undefined = set
  for (const element of path) {
    node = node[element]
    if (node === undefined) return false
  }
  return path.length > 0 && isMember(node)
}

/** `a` itself when `b` adds nothing to it. */
export const union = (a: FieldSet, b: FieldSet): FieldSet => {
  if (isEmptySet(a)) return b
  return isEmptySet(b) ? a : unite(a, b)
}

/** Of many sets: by twos, so that none is copied once for each of the others. */
export const unionOf = (sets: readonly FieldSet[]): FieldSet => {
  if (sets.length <= 2) return union(sets[0] ?? emptySet, sets[1] ?? emptySet)
  const middle = sets.length >> 1
  return union(unionOf(sets.slice(0, middle)), unionOf(sets.slice(middle)))
}

const unite = (a: FieldSet, b: FieldSet): FieldSet => {
  if (a === b) return a
  const [hasA, hasB] = [isMember(a), isMember(b)]
  if (isEmptySet(a)) return isEmptySet(b) ? a : asMember(b)
  if (isEmptySet(b)) return asMember(a)
  let all: Record<string, FieldSet> | undefined = hasB && !hasA ? { '.': leaf, ...a } : undefined
  for (const key in b) {
    const [left, right] = [a[key], b[key]]
    if (key === '.' || !right) continue
    const both = left ? unite(left, right) : right
    if (both === left) continue
    all ??= { ...a }
    all[key] = both
  }
  return all ?? a
}

export const intersection = (a: FieldSet, b: FieldSet): FieldSet =>
  isEmptySet(a) || isEmptySet(b) ? emptySet : (common(a, b) ?? emptySet)

const common = (a: FieldSet, b: FieldSet): FieldSet | undefined => {
  if (a === b) return a
  const both: Record<string, FieldSet> = {}
  for (const key in a) {
    const [left, right] = [a[key], b[key]]
    const rest = key !== '.' && left && right ? common(left, right) : undefined
    if (rest) both[key] = rest
  }
  return nodeOf(both, isMember(a) && isMember(b))
}

/** What is in `a` and not in `b`, path by path: a parent in `b` takes nothing away from the children in `a`. `a` itself when that is all of it. */
export const difference = (a: FieldSet, b: FieldSet): FieldSet =>
  isEmptySet(a) || isEmptySet(b) ? a : (without(a, b) ?? emptySet)

const without = (a: FieldSet, b: FieldSet): FieldSet | undefined => {
  if (a === b) return undefined
  const was = isMember(a)
  const remains = was && !isMember(b)
  const rest: Record<string, FieldSet> = {}
  let isChanged = was !== remains
  for (const key in a) {
    const left = a[key]
    if (key === '.' || !left) continue
    const right = b[key]
    const kept = right ? without(left, right) : left
    if (kept !== left) isChanged = true
    if (kept) rest[key] = kept
  }
  return isChanged ? nodeOf(rest, remains) : a
}

/** As `difference`, but a path in `b` takes everything below it along. */
export const differenceBelow = (a: FieldSet, b: FieldSet): FieldSet =>
  isEmptySet(a) || isEmptySet(b) ? a : (withoutBelow(a, b) ?? emptySet)

const withoutBelow = (a: FieldSet, b: FieldSet): FieldSet | undefined => {
  if (isMember(b)) return undefined
  const rest: Record<string, FieldSet> = {}
  let isChanged = false
  for (const key in a) {
    const left = a[key]
    if (key === '.' || !left) continue
    const right = b[key]
    const kept = right ? withoutBelow(left, right) : left
    if (kept !== left) isChanged = true
    if (kept) rest[key] = kept
  }
  return isChanged ? nodeOf(rest, isMember(a)) : a
}

const nodeOf = (children: Readonly<Record<string, FieldSet>>, isIn: boolean): FieldSet | undefined => {
  if (isEmptySet(children)) return isIn ? leaf : undefined
  return isIn ? { '.': leaf, ...children } : children
}

/** Every member's path: those of one node first, then those below it, both in order. */
export function* pathsOf(set: FieldSet, prefix: readonly string[] = []): Generator<readonly string[]> {
  const elements = sortElements(Object.keys(set)).filter((element) => element !== '.')
  for (const element of elements) {
    const node = set[element]
    if (node && isMember(node)) yield [...prefix, element]
  }
  for (const element of elements) {
    const node = set[element]
    if (node && !isEmptySet(node)) yield* pathsOf(node, [...prefix, element])
  }
}

/** The same set with its fields in the order of a FieldsV1 document. */
export function sortSet(set: FieldSet): FieldSet {
  if (isEmptySet(set)) return set
  const given = Object.keys(set)
  const keys = sortElements(given)
  let isChanged = keys.some((key, i) => key !== given[i])
  const sorted: Record<string, FieldSet> = {}
  for (const key of keys) {
    const node = set[key] ?? leaf
    const inner = sortSet(node)
    if (inner !== node) isChanged = true
    sorted[key] = inner
  }
  return isChanged ? sorted : set
}

/** Whether this is a set at all. Of what this server has stored nothing more need be asked. */
export const isSet = (fields: unknown): fields is FieldSet => {
  if (!isJsonObject(fields)) return false
  for (const key in fields) if (!isSet(fields[key])) return false
  return true
}

/** A FieldsV1 document from outside. Steps of an unknown kind are left out. Throws an Error that says what is wrong. */
export const decodeSet = (fields: unknown): FieldSet => decodeNode(fields ?? {}, jsonDepthMax)

function decodeNode(fields: unknown, levels: number): FieldSet {
  if (fields === null) return leaf
  if (!isJsonObject(fields)) throw new Error(`a set of fields has ${JSON.stringify(fields)} for an object`)
  if (levels === 0) throw new Error(`a set of fields nests deeper than ${jsonDepthMax} levels`)
  const set: Record<string, FieldSet> = {}
  let isIn = false
  for (const key in fields) {
    if (key === '.') isIn = true
    const element = key === '.' ? undefined : canonicalElement(key)
    if (element !== undefined) set[element] = decodeNode(fields[key], levels - 1)
  }
  // The root has no mark of its own.
  return nodeOf(set, isIn && levels < jsonDepthMax) ?? leaf
}
