import { resources } from '../../../src/api/table.ts'
import type { ResourceDef } from '../../../src/api/resource.ts'
import { apiVersionOf } from '../../../src/api/meta.ts'

const byKind = new Map(resources.filter(({ storage }) => !storage).map((def) => [def.kind, def]))

/** The definition of a kind, or of one that has a bit of everything. */
export const defOfKind = (kind: unknown): ResourceDef => {
  const def = byKind.get(typeof kind === 'string' ? kind : 'Pod') ?? byKind.get('Pod')
  if (!def) throw new Error('the table of resources has no Pod')
  return def
}

export const versionOf = (def: ResourceDef): string => apiVersionOf(def.group, def.version)
