/** Who is asking: a bearer token from a fixed list, or a client certificate that the listener has verified. */
import { timingSafeEqual } from 'node:crypto'
import { unauthorized } from '../../api/status.ts'
import type { ApiRequest, Authenticate, UserInfo } from '../http.ts'

export interface StaticToken {
  /** Never logged. */
  readonly token: string
  readonly user: UserInfo
}

export const authenticatedGroup = 'system:authenticated'
export const mastersGroup = 'system:masters'
export const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] }

export function staticAuthenticator(tokens: readonly StaticToken[]): Authenticate {
  const known = tokens.map(({ token, user }) => ({
    token: Buffer.from(token),
    user: withAuthenticated(user),
  }))
  return (request) => {
    if (request.user) return withAuthenticated(request.user)
    const bearer = bearerOf(request.headers)
    if (bearer !== undefined) {
      const given = Buffer.from(bearer)
      // Every entry is compared, in constant time: the answer's delay tells nothing about the tokens but their length.
      const matches = known.filter(({ token }) => isSame(token, given))
      const [match] = matches
      if (!match) throw unauthorized()
      return match.user
    }
    const certificate = request.clientCertificate
    if (!certificate || certificate.commonName === '') return undefined
    const { commonName, organizations } = certificate
    return withAuthenticated({ name: commonName, groups: organizations })
  }
}

const isSame = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)

export function bearerOf(headers: ApiRequest['headers']): string | undefined {
  const match = /^bearer +(\S+)\s*$/i.exec(headers['authorization'] ?? '')
  return match?.[1]
}

export const withAuthenticated = (user: UserInfo): UserInfo =>
  user.groups.includes(authenticatedGroup) ? user : { ...user, groups: [...user.groups, authenticatedGroup] }
