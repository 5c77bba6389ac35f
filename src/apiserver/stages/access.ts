/** Who somebody is and what they may do, in one place: for the server's front door and for those who ask on purpose (reviews). */
import type { RbacIndex } from '../../api/access/rbac-index.ts'
import { unauthorized } from '../../api/status.ts'
import type { Foundation } from '../foundation.ts'
import type { ApiRequest, Authenticate, ClientCertificate, UserInfo } from '../http.ts'
import type { RequestInfo } from '../request-info.ts'
import { allowedKeyUser, isListed, isStillAllowed } from './allowed-keys.ts'
import { anonymous, bearerOf, withAuthenticated } from './authenticate.ts'
import { authorize, createAuthorizer, isPublic, type Authorizer } from './authorize.ts'
import { impersonate } from './impersonate.ts'
import { openRoleIndex } from './role-index.ts'
import type { TokenSigner } from './service-account-tokens.ts'
import { createTokenAuthenticator, type AuthenticatedToken } from './token-authenticator.ts'

export interface Access extends Authorizer {
  /** With everything that was written before the call. Undefined: this server has no roles. */
  roles(): Promise<RbacIndex | undefined>
  readonly signer: TokenSigner | undefined
  /** Undefined: the token stands for nobody. */
  authenticateToken(token: string, audiences: readonly string[]): Promise<AuthenticatedToken | undefined>
  /** Whether the certificate is still good: a machine that joined by the list of keys is out when it is taken off. */
  isIn(certificate: ClientCertificate): Promise<boolean>
  /** Who is asking, if they may. Throws Unauthorized, Forbidden. */
  enter(request: ApiRequest, info: RequestInfo, kind?: { readonly isUpgrade: boolean }): Promise<UserInfo>
}

export interface AccessOptions {
  /** Certificates and tokens that no object of the cluster speaks of. */
  readonly authenticate: Authenticate
  readonly signer: TokenSigner | undefined
  /** Until then only masters' requests are decided on. */
  readonly rolesMade: Promise<void> | undefined
}

const offTheList =
  'the key of this machine has been taken off the list of allowed keys: `sampan node allow` on a server lets it in again'

/** Commands in a pod and tunnels to it do something, by whatever method the WebSocket was asked for. */
const acts = new Set(['attach', 'exec', 'inspect', 'portforward'])

export function createAccess(
  machinery: Pick<Foundation, 'cacheOf' | 'clock' | 'findResource'>,
  { authenticate, rolesMade, signer }: AccessOptions,
): Access {
  const index = openRoleIndex(machinery, rolesMade)
  const authorizer = createAuthorizer(machinery, index)
  const tokens = createTokenAuthenticator(machinery, signer)
  /** A promise only where objects of the cluster have to be asked. */
  const whoIs = (request: ApiRequest): UserInfo | undefined | Promise<UserInfo | undefined> => {
    const bearer = request.user ? undefined : bearerOf(request.headers)
    if (bearer !== undefined && tokens.recognizes(bearer)) return tokenHolder(bearer, request)
    const user = authenticate(request)
    if (!user) return keyHolder(request)
    const { clientCertificate } = request
    const isByCertificate = bearer === undefined && !request.user && clientCertificate
    return isByCertificate && isListed(clientCertificate) ? listedUser(user, clientCertificate) : user
  }
  const tokenHolder = async (bearer: string, request: ApiRequest): Promise<UserInfo | undefined> => {
    const found = await tokens.authenticate(bearer)
    // A token on a fixed list may have any form.
    return found ? withAuthenticated(found.user) : authenticate(request)
  }
  const listedUser = async (user: UserInfo, certificate: ClientCertificate): Promise<UserInfo> => {
    if (!(await isIn(certificate))) throw unauthorized(offTheList)
    return user
  }
  const isIn = async (certificate: ClientCertificate): Promise<boolean> =>
    !isListed(certificate) || isStillAllowed(machinery, certificate)
  const keyHolder = async ({ presentedKey }: ApiRequest): Promise<UserInfo | undefined> => {
    const user = presentedKey === undefined ? undefined : await allowedKeyUser(machinery, presentedKey)
    return user && withAuthenticated(user)
  }
  return {
    decide: (request) => authorizer.decide(request),
    isIn,
    roles: async () => index?.latest(),
    signer,
    async authenticateToken(token, audiences) {
      const found = tokens.recognizes(token) ? await tokens.authenticate(token, audiences) : undefined
      if (found) return { ...found, user: withAuthenticated(found.user) }
      const request = { method: 'GET', path: '/', headers: { authorization: `Bearer ${token}` } }
      try {
        const user = authenticate(request)
        return user && { user, audiences }
      } catch {
        return undefined // unknown: that is the answer
      }
    },
    async enter(request, info, { isUpgrade } = { isUpgrade: false }) {
      const asked = whoIs(request)
      const own = asked instanceof Promise ? await asked : asked
      if (!own && !isPublic(info)) throw unauthorized()
      const acting = impersonate(authorizer, own ?? anonymous, request)
      const user = acting instanceof Promise ? await acting : acting
      const checked = authorize(authorizer, user, info)
      if (checked) await checked
      if (isUpgrade && info.verb === 'get' && acts.has(info.subresource))
        await authorize(authorizer, user, { ...info, verb: 'create' })
      return user
    },
  }
}
