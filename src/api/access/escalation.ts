/**
 * Nobody may grant what they don't have: whether some rules cover others, and what is missing. As upstream
 * (component-helpers auth/rbac/validation/policy_comparator.go, kubernetes pkg/registry/rbac/validation/policy_compact.go
 * eed236c).
 */
import { quote } from '../quote.ts'
import type { PolicyRule } from '../schema/types.gen.ts'
import type { AccessUser } from './request.ts'

/** What `wanted` allows and `owned` doesn't. Empty: `owned` covers it all. */
export function missingRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakdown).filter((rule) => !owned.some((owner) => covers(owner, rule)))
}

/** The sentence that refuses a grant of `missing`, one line for each rule. */
export function escalationMessage(user: AccessUser, missing: readonly PolicyRule[]): string {
  const lines = [...new Set(compact(missing).map(describeRule))].toSorted()
  const groups = user.groups.map(quote).join(' ')
  return `user ${quote(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`
}

/** Whoever has these may do everything; asked of whoever lets a role gather others' rules. */
export const fullAuthority: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

/** Above what any known operator has in one role. A few hundred words may otherwise multiply to what no memory holds. */
export const permissionsMax = 100_000

/** How many a breakdown into one verb, group, resource and name each would yield. */
export const permissionsIn = (rules: readonly PolicyRule[]): number =>
  rules.reduce((sum, { apiGroups = [], nonResourceURLs = [], resourceNames = [], resources = [], verbs }) => {
    const places = apiGroups.length * resources.length * Math.max(1, resourceNames.length)
    return sum + (verbs ?? []).length * (places + nonResourceURLs.length)
  }, 0)

/** One verb, group, resource and name each, so that owners may cover a rule together. */
function breakdown(rule: PolicyRule): PolicyRule[] {
  const simple: PolicyRule[] = []
  for (const apiGroup of rule.apiGroups ?? [])
    for (const resource of rule.resources ?? [])
      for (const verb of rule.verbs) {
        const one = { verbs: [verb], apiGroups: [apiGroup], resources: [resource] }
        const names = rule.resourceNames ?? []
        if (names.length === 0) simple.push(one)
        else for (const name of names) simple.push({ ...one, resourceNames: [name] })
      }
  for (const url of rule.nonResourceURLs ?? [])
    for (const verb of rule.verbs) simple.push({ verbs: [verb], nonResourceURLs: [url] })
  return simple
}

function covers(owner: PolicyRule, rule: PolicyRule): boolean {
  const names = owner.resourceNames ?? []
  const wantedNames = rule.resourceNames ?? []
  return (
    hasAll(owner.verbs, rule.verbs) &&
    hasAll(owner.apiGroups ?? [], rule.apiGroups ?? []) &&
    (rule.resources ?? []).every((resource) => coversResource(owner.resources ?? [], resource)) &&
    (rule.nonResourceURLs ?? []).every((url) => coversUrl(owner.nonResourceURLs ?? [], url)) &&
    (names.length === 0 || (wantedNames.length > 0 && wantedNames.every((name) => names.includes(name))))
  )
}

const hasAll = (owned: readonly string[], wanted: readonly string[]): boolean =>
  owned.includes('*') || wanted.every((each) => owned.includes(each))

function coversResource(owned: readonly string[], wanted: string): boolean {
  if (owned.includes('*') || owned.includes(wanted)) return true
  const slash = wanted.indexOf('/')
  return slash >= 0 && owned.includes(`*${wanted.slice(slash)}`)
}

const coversUrl = (owned: readonly string[], wanted: string): boolean =>
  owned.some(
    (each) =>
      each === '*' || each === wanted || (each.endsWith('*') && wanted.startsWith(each.replace(/\*+$/, ''))),
  )

/** Rules for the same single resource are told as one, with all their verbs. */
function compact(rules: readonly PolicyRule[]): PolicyRule[] {
  const simple = new Map<string, PolicyRule>()
  const others: PolicyRule[] = []
  for (const rule of rules) {
    const { apiGroups = [], nonResourceURLs = [], resourceNames = [], resources = [] } = rule
    const isSimple = nonResourceURLs.length === 0 && apiGroups.length === 1 && resources.length === 1
    if (!isSimple || resourceNames.length > 1) {
      others.push(rule)
      continue
    }
    const key = JSON.stringify([apiGroups, resources, resourceNames])
    const known = simple.get(key)
    const verbs = [...new Set([...(known?.verbs ?? []), ...rule.verbs])]
    simple.set(key, { ...rule, verbs })
  }
  return [...others, ...simple.values()]
}

function describeRule(rule: PolicyRule): string {
  const parts = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const
  const told = parts.flatMap(([name, words = []]) =>
    words.length > 0 ? [`${name}:[${words.map(quote).join(' ')}]`] : [],
  )
  return `{${told.join(', ')}}`
}
