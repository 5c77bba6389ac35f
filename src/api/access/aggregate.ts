/** The rules of a role that gathers others': kubernetes pkg/controller/clusterroleaggregation eed236c. Pure. */
import { isEqual } from '../equal.ts'
import { matchesLabels, selectorFrom } from '../selector.ts'
import type { ClusterRole, PolicyRule } from '../schema/types.gen.ts'

/** Undefined: the role gathers nothing. Roles are read in the order of their names, each distinct rule is taken once. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] | undefined {
  if (!role.aggregationRule) return undefined
  const rules: PolicyRule[] = []
  const taken = new Set<string>()
  const sorted = all.toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
  for (const labelSelector of role.aggregationRule.clusterRoleSelectors ?? []) {
    const selector = selectorFrom(labelSelector)
    for (const other of sorted) {
      const { name = '', labels = {} } = other.metadata
      if (name === role.metadata.name || taken.has(name) || !matchesLabels(selector, labels)) continue
      taken.add(name)
      for (const rule of other.rules ?? []) if (!rules.some((each) => isEqual(each, rule))) rules.push(rule)
    }
  }
  return rules
}
