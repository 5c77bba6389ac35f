/** Who is asking: a bearer token from a fixed list, or a client certificate that the listener has verified. */
import { hash, timingSafeEqual } from 'node:crypto'
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
  const known = tokens.map(({ token, user }) => ({ digest: digestOf(token), user: withAuthenticated(user) }))
  return (request) => {
    if (request.user) return Promise.resolve(withAuthenticated(request.user))
    const bearer = bearerOf(request.headers)
    if (bearer !== undefined) {
      const digest = digestOf(bearer)
      // Every entry is compared, in constant time, so that the answer's delay tells nothing about the tokens.
      const matches = known.filter((entry) => timingSafeEqual(entry.digest, digest))
      const [match] = matches
      return match ? Promise.resolve(match.user) : Promise.reject(unauthorized())
    }
    const certificate = request.clientCertificate
    if (!certificate || certificate.commonName === '') return Promise.resolve(undefined)
    const { commonName, organizations } = certificate
    return Promise.resolve(withAuthenticated({ name: commonName, groups: organizations }))
  }
}

/** Digests have one length, which the constant-time comparison needs. */
const digestOf = (token: string): Buffer => hash('sha256', token, 'buffer')

export function bearerOf(headers: ApiRequest['headers']): string | undefined {
  const match = /^bearer +(\S+)\s*$/i.exec(headers['authorization'] ?? '')
  return match?.[1]
}

export const withAuthenticated = (user: UserInfo): UserInfo =>
  user.groups.includes(authenticatedGroup) ? user : { ...user, groups: [...user.groups, authenticatedGroup] }
