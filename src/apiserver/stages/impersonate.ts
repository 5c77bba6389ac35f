/**
 * Acting as somebody else: `Impersonate-User`, `-Group`, `-Uid` and `-Extra-KEY`, each guarded by the verb `impersonate`
 * (apiserver pkg/endpoints/filters/impersonation.go eed236c).
 */
import { accessDenied, resourceAccess } from '../../api/access/request.ts'
import { parseServiceAccountUser, serviceAccountGroups } from '../../api/access/service-account-names.ts'
import { badRequest } from '../../api/status.ts'
import type { ApiRequest, UserInfo } from '../http.ts'
import { anonymous, authenticatedGroup } from './authenticate.ts'
import type { Authorizer } from './authorize.ts'

interface Wish {
  readonly user: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: readonly (readonly [key: string, values: readonly string[]])[]
}

type Sent = Pick<ApiRequest, 'headers' | 'headerLists'>

const prefix = 'impersonate-'
const extraPrefix = 'impersonate-extra-'

/** The user to go on as: at once for who wishes to be nobody else. Throws Forbidden, BadRequest. */
export function impersonate(
  authorizer: Authorizer,
  user: UserInfo,
  request: Sent,
): UserInfo | Promise<UserInfo> {
  const wish = wishOf(request)
  return wish ? wishedUser(authorizer, user, wish) : user
}

async function wishedUser(authorizer: Authorizer, user: UserInfo, wish: Wish): Promise<UserInfo> {
  if (wish.user === '')
    throw badRequest('impersonation headers name groups, a uid or extra fields without Impersonate-User')
  await checkWish(authorizer, user, wish)
  const account = parseServiceAccountUser(wish.user)
  const groups = wish.groups.length === 0 && account ? serviceAccountGroups(account.namespace) : wish.groups
  const isAnonymous = wish.user === anonymous.name
  const common = isAnonymous ? anonymous.groups : [authenticatedGroup]
  const isSettled =
    groups.includes(authenticatedGroup) || anonymous.groups.some((group) => groups.includes(group))
  return {
    name: wish.user,
    ...(wish.uid !== '' && { uid: wish.uid }),
    groups: isSettled ? groups : [...groups, ...common],
    ...(wish.extra.length > 0 && { extra: Object.fromEntries(wish.extra) }),
  }
}

/** Undefined: the request asks for nothing of the kind. */
function wishOf({ headers, headerLists = {} }: Sent): Wish | undefined {
  const names = Object.keys(headers).filter((name) => name.startsWith(prefix))
  if (names.length === 0) return undefined
  const listOf = (name: string): readonly string[] =>
    headerLists[name] ?? (headers[name] === undefined ? [] : [headers[name]])
  const extra = names
    .filter((name) => name.startsWith(extraPrefix))
    .map((name) => [unescaped(name.slice(extraPrefix.length)), listOf(name)] as const)
  return {
    user: listOf('impersonate-user')[0] ?? '',
    uid: listOf('impersonate-uid')[0] ?? '',
    groups: listOf('impersonate-group'),
    extra,
  }
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key // not escaped at all: meant as it is written
  }
}

async function checkWish(authorizer: Authorizer, user: UserInfo, wish: Wish): Promise<void> {
  const check = async (
    resource: Parameters<typeof resourceAccess>[2],
    place: Parameters<typeof resourceAccess>[3],
  ) => {
    const request = resourceAccess(user, 'impersonate', resource, place)
    const { allowed, reason } = await authorizer.decide(request)
    if (!allowed) throw accessDenied(request, reason)
  }
  const account = parseServiceAccountUser(wish.user)
  if (account) await check({ group: '', resource: 'serviceaccounts' }, account)
  else await check({ group: '', resource: 'users' }, { name: wish.user })
  for (const name of wish.groups) await check({ group: '', resource: 'groups' }, { name })
  const group = 'authentication.k8s.io'
  if (wish.uid !== '') await check({ group, resource: 'uids' }, { name: wish.uid })
  for (const [key, values] of wish.extra)
    for (const name of values) await check({ group, resource: 'userextras', subresource: key }, { name })
}
