/**
 * Tokens of service accounts: JSON Web Tokens signed with ES256, which anybody can check against the keys at
 * `/openid/v1/jwks`. Here is only what a token says and whether it was signed by us; whether what it names still exists is
 * asked in `token-authenticator.ts`. Claims as upstream's (kubernetes pkg/serviceaccount/claims.go eed236c).
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { isJsonObject } from '../../api/json.ts'

export interface ObjectIdentity {
  readonly name: string
  readonly uid: string
}

export interface TokenClaims {
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly issuedAtSeconds: number
  readonly expiresAtSeconds: number
  readonly id: string
  readonly namespace: string
  readonly serviceAccount: ObjectIdentity
  readonly pod?: ObjectIdentity
  readonly secret?: ObjectIdentity
  readonly node?: ObjectIdentity
}

export interface TokenSigner {
  readonly issuer: string
  sign(claims: Omit<TokenClaims, 'issuer'>): string
  /** Undefined: not one of ours, or not what we signed. Times and audiences are the caller's to check. */
  read(token: string): TokenClaims | undefined
  /** The public keys, as RFC 7517 writes them. */
  readonly keys: readonly object[]
}

export const defaultIssuer = 'https://kubernetes.default.svc.cluster.local'
/** Longer ones nobody has signed here. */
const tokenLengthMax = 8_192

/** `privateKey`: PEM of an ECDSA P-256 key. Throws for any other. */
export function createTokenSigner(privateKey: string, issuer = defaultIssuer): TokenSigner {
  const key = createPrivateKey(privateKey)
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error('the key that signs service-account tokens must be an ECDSA P-256 key')
  const publicKey = createPublicKey(key)
  const der = publicKey.export({ type: 'spki', format: 'der' })
  const keyId = createHash('sha256').update(der).digest('base64url')
  const head = encode({ alg: 'ES256', kid: keyId })
  return {
    issuer,
    sign(claims) {
      const signed = `${head}.${encode(toPayload({ ...claims, issuer }))}`
      const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
      return `${signed}.${signature.toString('base64url')}`
    },
    read(token) {
      if (token.length > tokenLengthMax) return undefined
      const parts = token.split('.')
      // Our own header, byte for byte: no other algorithm or key is even looked at.
      if (parts.length !== 3 || parts[0] !== head) return undefined
      const [, payload = '', signature = ''] = parts
      if (!isSigned(`${head}.${payload}`, signature, publicKey)) return undefined
      const claims = fromPayload(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')))
      return claims?.issuer === issuer ? claims : undefined
    },
    keys: [{ use: 'sig', ...publicKey.export({ format: 'jwk' }), kid: keyId, alg: 'ES256' }],
  }
}

const isSigned = (text: string, signature: string, key: KeyObject): boolean =>
  verify('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const toPayload = (claims: TokenClaims): object => ({
  aud: claims.audiences,
  exp: claims.expiresAtSeconds,
  iat: claims.issuedAtSeconds,
  iss: claims.issuer,
  jti: claims.id,
  'kubernetes.io': {
    namespace: claims.namespace,
    ...(claims.node && { node: claims.node }),
    ...(claims.pod && { pod: claims.pod }),
    ...(claims.secret && { secret: claims.secret }),
    serviceaccount: claims.serviceAccount,
  },
  nbf: claims.issuedAtSeconds,
  sub: `system:serviceaccount:${claims.namespace}:${claims.serviceAccount.name}`,
})

/** Signed by us, hence of our shape; a key that once signed something else must still do no harm. */
function fromPayload(payload: unknown): TokenClaims | undefined {
  if (!isJsonObject(payload)) return undefined
  const { aud, exp, iat, iss, jti } = payload
  const own = payload['kubernetes.io']
  if (!isJsonObject(own)) return undefined
  const serviceAccount = identityOf(own['serviceaccount'])
  const isWhole =
    serviceAccount &&
    Array.isArray(aud) &&
    typeof exp === 'number' &&
    typeof iat === 'number' &&
    typeof iss === 'string' &&
    typeof own['namespace'] === 'string'
  if (!isWhole) return undefined
  const [pod, secret, node] = [identityOf(own['pod']), identityOf(own['secret']), identityOf(own['node'])]
  return {
    issuer: iss,
    audiences: aud.map(String),
    issuedAtSeconds: iat,
    expiresAtSeconds: exp,
    id: typeof jti === 'string' ? jti : '',
    namespace: own['namespace'] as string,
    serviceAccount,
    ...(pod && { pod }),
    ...(secret && { secret }),
    ...(node && { node }),
  }
}

function identityOf(value: unknown): ObjectIdentity | undefined {
  if (!isJsonObject(value)) return undefined
  const { name, uid } = value
  return typeof name === 'string' && typeof uid === 'string' ? { name, uid } : undefined
}
