/** Whether one rule of a role covers one request: kubernetes pkg/apis/rbac/v1/evaluation_helpers.go eed236c. */
import type { PolicyRule } from '../schema/types.gen.ts'
import type { AccessRequest } from './request.ts'

const all = '*'

export function ruleAllows(rule: PolicyRule, request: AccessRequest): boolean {
  if (!matchesWord(rule.verbs, request.verb)) return false
  if (!request.isResource) return matchesPath(rule.nonResourceURLs ?? [], request.path)
  return (
    matchesWord(rule.apiGroups ?? [], request.group) &&
    matchesResource(rule.resources ?? [], request) &&
    matchesName(rule.resourceNames ?? [], request.name)
  )
}

export const rulesAllow = (rules: readonly PolicyRule[], request: AccessRequest): boolean =>
  rules.some((rule) => ruleAllows(rule, request))

const matchesWord = (allowed: readonly string[], asked: string): boolean =>
  allowed.includes(asked) || allowed.includes(all)

/** `pods`, `pods/log`, `*`, or, for one subresource of everything, a star and `/scale`. A bare `pods` covers no subresource. */
function matchesResource(
  allowed: readonly string[],
  { resource, subresource }: Pick<AccessRequest, 'resource' | 'subresource'>,
): boolean {
  const asked = subresource === '' ? resource : `${resource}/${subresource}`
  for (const each of allowed) {
    if (each === all || each === asked) return true
    if (subresource !== '' && each.length === subresource.length + 2 && each === `*/${subresource}`)
      return true
  }
  return false
}

/** No names: any. A request without a name (list, create) matches no rule that has names. */
const matchesName = (allowed: readonly string[], asked: string): boolean =>
  allowed.length === 0 || allowed.includes(asked)

/** Exactly, everything, or everything below: `/healthz/*`. */
const matchesPath = (allowed: readonly string[], asked: string): boolean =>
  allowed.some((each) => {
    if (each === all || each === asked) return true
    return each.endsWith(all) && asked.startsWith(each.replace(/\*+$/, ''))
  })
