/**
 * What `sampan token create` prints and `sampan join` reads: `ID.SECRET@sha256:DIGEST`. Before the at sign a bootstrap token
 * of Kubernetes, behind it the digest of the public key of the cluster's CA, as kubeadm writes it: with it a machine that
 * has seen nothing of the cluster yet knows that it talks to the right one.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { CommandError } from './command-error.ts'

export interface JoinToken {
  /** `abcdef.0123456789abcdef`. Secret. */
  readonly bearer: string
  /** `sha256:` and 64 hexadecimal digits. */
  readonly caDigest: string
}

/** Throws `CommandError`, which does not repeat the token. */
export function parseJoinToken(text: string): JoinToken {
  const match = /^([a-z0-9]{6}\.[a-z0-9]{16})@(sha256:[0-9a-f]{64})$/.exec(text.trim())
  const [, bearer, caDigest] = match ?? []
  if (bearer !== undefined && caDigest !== undefined) return { bearer, caDigest }
  throw new CommandError(
    '--token is no join token: it has the form ID.SECRET@sha256:DIGEST, and `sampan token create` on the server prints one',
  )
}

/** Throws `CommandError`. */
export function parseCaDigest(text: string): string {
  if (/^sha256:[0-9a-f]{64}$/.test(text)) return text
  throw new CommandError(
    `--ca-hash ${JSON.stringify(text)} is no digest of a CA: it has the form sha256:DIGEST, and \`sampan node allow\` on the server prints it`,
  )
}

export const formatJoinToken = ({ bearer, caDigest }: JoinToken): string => `${bearer}@${caDigest}`

/** Of a certificate in PEM or DER. */
export function caDigestOf(certificate: string | Buffer): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  return `sha256:${createHash('sha256').update(key).digest('hex')}`
}
