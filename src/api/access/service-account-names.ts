/** How a ServiceAccount appears as a user (apiserver pkg/authentication/serviceaccount/util.go). */
const prefix = 'system:serviceaccount:'
export const serviceAccountsGroup = 'system:serviceaccounts'

export const serviceAccountUser = (namespace: string, name: string): string => `${prefix}${namespace}:${name}`

export const serviceAccountGroups = (namespace: string): readonly string[] => [
  serviceAccountsGroup,
  `${serviceAccountsGroup}:${namespace}`,
]

/** Undefined for the name of anybody else. */
export function parseServiceAccountUser(
  user: string,
): { readonly namespace: string; readonly name: string } | undefined {
  if (!user.startsWith(prefix)) return undefined
  const [namespace, name, ...rest] = user.slice(prefix.length).split(':')
  if (!namespace || !name || rest.length > 0) return undefined
  return { namespace, name }
}
