/** Who a bearer token stands for, as far as objects of the cluster say it: service accounts' tokens and bootstrap tokens. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { serviceAccountGroups, serviceAccountUser } from '../../api/access/service-account-names.ts'
import type { KubeObject } from '../../api/meta.ts'
import type { Secret } from '../../api/schema/types.gen.ts'
import type { CachedObject } from '../cached-object.ts'
import type { Foundation } from '../foundation.ts'
import type { UserInfo } from '../http.ts'
import { objectKeyOf } from '../keys.ts'
import { isSet } from '../metadata.ts'
import { readOne } from '../pages.ts'
import type { ObjectIdentity, TokenClaims, TokenSigner } from './service-account-tokens.ts'

export interface AuthenticatedToken {
  readonly user: UserInfo
  /** Those of the wished-for audiences that the token is for. */
  readonly audiences: readonly string[]
}

export interface TokenAuthenticator {
  /** Whether a token has the form of those that are known here. */
  recognizes(token: string): boolean
  /** Undefined: it stands for nobody, any more. No audiences: those of this API. */
  authenticate(token: string, audiences?: readonly string[]): Promise<AuthenticatedToken | undefined>
}

type Sources = Pick<Foundation, 'cacheOf' | 'clock' | 'findResource'>

/** Signatures checked once and remembered by the token's digest: checking costs fifty times what remembering does. */
const rememberedMax = 4_096
/** Clocks of machines differ: a token counts a little before it was issued. */
const skewSeconds = 60

export function createTokenAuthenticator(
  machinery: Sources,
  signer: TokenSigner | undefined,
): TokenAuthenticator {
  const remembered = new Map<string, TokenClaims>()
  const nowSeconds = () => machinery.clock.now().getTime() / 1_000
  const read = (token: string): TokenClaims | undefined => {
    const digest = createHash('sha256').update(token).digest('base64')
    const known = remembered.get(digest)
    if (known) return known
    const claims = signer?.read(token)
    if (!claims) return undefined
    const [oldest] = remembered.keys()
    if (remembered.size >= rememberedMax && oldest !== undefined) remembered.delete(oldest)
    remembered.set(digest, claims)
    return claims
  }
  const lookup = objectLookup(machinery)
  return {
    recognizes: (token) => isJwt(token) || bootstrapToken.test(token),
    async authenticate(token, asked) {
      if (bootstrapToken.test(token)) {
        const user = await bootstrapUser(machinery, token)
        return user && { user, audiences: asked ?? [] }
      }
      const claims = isJwt(token) ? read(token) : undefined
      if (!claims || !signer) return undefined
      if (claims.expiresAtSeconds <= nowSeconds() || claims.issuedAtSeconds - skewSeconds > nowSeconds())
        return undefined
      const wanted = asked && asked.length > 0 ? asked : [signer.issuer]
      const audiences = wanted.filter((audience) => claims.audiences.includes(audience))
      if (audiences.length === 0 || !(await isStillBound(lookup, claims))) return undefined
      return { user: userOf(claims), audiences }
    },
  }
}

const isJwt = (token: string): boolean => token.startsWith('eyJ') && token.split('.').length === 3

/** Whether an object with that name and UID is there and not on its way out. */
type Lookup = (plural: string, namespace: string, identity: ObjectIdentity) => Promise<boolean>

async function isStillBound(exists: Lookup, claims: TokenClaims): Promise<boolean> {
  const { namespace, node, pod, secret, serviceAccount } = claims
  return (
    (await exists('serviceaccounts', namespace, serviceAccount)) &&
    (!pod || (await exists('pods', namespace, pod))) &&
    (!secret || (await exists('secrets', namespace, secret))) &&
    // A pod's node is named for information; only a token bound to the node itself ends with it.
    (!node || pod !== undefined || (await exists('nodes', '', node)))
  )
}

function objectLookup(machinery: Sources): Lookup {
  const uids = new WeakMap<CachedObject, string>()
  const uidOf = (object: CachedObject): string => {
    let uid = uids.get(object)
    if (uid === undefined) {
      const { metadata } = object.parse<KubeObject>()
      // What is being deleted vouches for nobody, except for a pod, which may still have to say goodbye.
      const isLeaving = isSet(metadata.deletionTimestamp) && object.key.split('/')[3] !== 'pods'
      uid = isLeaving ? '' : (metadata.uid ?? '')
      uids.set(object, uid)
    }
    return uid
  }
  return async (plural, namespace, identity) => {
    const def = machinery.findResource('', 'v1', plural)
    if (!def) return false
    const cache = machinery.cacheOf(def)
    // Secrets are looked for in the store: a cache of them all, for the few tokens that are bound to one, is too much.
    if (plural !== 'secrets') {
      await cache.ready()
      const cached = cache.find(objectKeyOf(def, namespace, identity.name))
      if (cached && uidOf(cached) === identity.uid) return true
    }
    // The cache may be a moment behind.
    const stored = await readOne(cache, namespace, identity.name, '')
    return stored !== undefined && uidOf(stored) === identity.uid
  }
}

const extraPrefix = 'authentication.kubernetes.io/'

function userOf(claims: TokenClaims): UserInfo {
  const { namespace, node, pod, serviceAccount } = claims
  const extra: Record<string, readonly string[]> = {
    ...(claims.id !== '' && { [`${extraPrefix}credential-id`]: [`JTI=${claims.id}`] }),
    ...(node && { [`${extraPrefix}node-name`]: [node.name], [`${extraPrefix}node-uid`]: [node.uid] }),
    ...(pod && { [`${extraPrefix}pod-name`]: [pod.name], [`${extraPrefix}pod-uid`]: [pod.uid] }),
  }
  return {
    name: serviceAccountUser(namespace, serviceAccount.name),
    uid: serviceAccount.uid,
    groups: serviceAccountGroups(namespace),
    extra,
  }
}

const bootstrapToken = /^[a-z0-9]{6}\.[a-z0-9]{16}$/
const bootstrapSecretType = 'bootstrap.kubernetes.io/token'
const bootstrapGroup = 'system:bootstrappers'

/** kubernetes plugin/pkg/auth/authenticator/token/bootstrap eed236c. */
async function bootstrapUser(machinery: Sources, token: string): Promise<UserInfo | undefined> {
  const [id = '', secretPart = ''] = token.split('.')
  const def = machinery.findResource('', 'v1', 'secrets')
  if (!def) return undefined
  const stored = await readOne(machinery.cacheOf(def), 'kube-system', `bootstrap-token-${id}`, '')
  const secret = stored?.parse<Secret & KubeObject>()
  if (!secret || secret.type !== bootstrapSecretType || isSet(secret.metadata.deletionTimestamp))
    return undefined
  const field = (name: string) => Buffer.from(secret.data?.[name] ?? '', 'base64').toString('utf8')
  if (field('token-id') !== id || !isSameSecret(field('token-secret'), secretPart)) return undefined
  const expiration = field('expiration')
  if (expiration !== '' && !(Date.parse(expiration) > machinery.clock.now().getTime())) return undefined
  if (field('usage-bootstrap-authentication') !== 'true') return undefined
  const more = field('auth-extra-groups')
    .split(',')
    .filter((group) => group.startsWith(`${bootstrapGroup}:`))
  return { name: `system:bootstrap:${id}`, groups: [bootstrapGroup, ...more] }
}

const isSameSecret = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
