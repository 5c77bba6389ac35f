/**
 * Owners of another version of the kind. Their paths are that version's, so what changed is asked in their words: both
 * states are converted first. Versions that differ in nothing but their name need none of this.
 */
import type { JsonObject } from '../json.ts'
import type { TypeDef } from '../schema/schema.ts'
import { compare, type Comparison } from './compare.ts'

/** Another version of a writer's kind. Neither function changes its argument. */
export interface OtherVersion {
  readonly schema: TypeDef
  /** From the writer's version. */
  readonly to: (object: JsonObject) => JsonObject
  /** Back to the writer's version. */
  readonly from: (object: JsonObject) => JsonObject
}

export interface Versions {
  readonly apiVersion: string
  readonly schema: TypeDef
  /** Undefined for the writer's own version, for one that isn't served any more, and where all versions are alike. */
  readonly otherVersion?: (apiVersion: string) => OtherVersion | undefined
}

export const schemaIn = ({ otherVersion, schema }: Versions, apiVersion: string): TypeDef =>
  otherVersion?.(apiVersion)?.schema ?? schema

/** What changed, in the words of a version. */
export type ChangesIn = (apiVersion: string) => Comparison

/** `own` is the comparison in the writer's version; `bare` takes from an object what no comparison shall see. */
export function changesBetween(
  live: JsonObject,
  object: JsonObject,
  { apiVersion, otherVersion, own, bare }: Versions & { readonly own: Comparison; readonly bare: Bare },
): ChangesIn {
  const known = new Map([[apiVersion, own]])
  return (asked) => {
    const made = known.get(asked)
    if (made) return made
    const other = otherVersion?.(asked)
    const changes = other ? compare(bare(other.to(live)), bare(other.to(object)), other.schema) : own
    known.set(asked, changes)
    return changes
  }
}

type Bare = (object: JsonObject) => JsonObject
