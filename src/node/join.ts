/** How a machine becomes a node: it asks for a certificate for its key, and waits until the cluster has made one. */
import { webcrypto, type KeyObject } from 'node:crypto'
import { certificateSigningRequests } from '../api/resources/certificatesigningrequests.ts'
import type { CertificateSigningRequest } from '../api/schema/types.gen.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import type { Client } from '../client/client.ts'
import { publicKeyOf } from './node-key.ts'

export interface CertificateWish {
  /** As a joiner (with a join token), or as the node itself, whose certificate runs out. */
  readonly client: Client
  readonly nodeName: string
  readonly key: KeyObject
  /** Called once when nobody has said yes at once. */
  readonly onWaiting: (requestName: string) => void
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
}

/** Somebody said no, or the certificate could not be made; the message says why. */
export class JoinRefusedError extends Error {
  override readonly name = 'JoinRefusedError'
}

const lookMs = 250
/** Longer than the cluster takes to say yes by itself. */
const waitingMs = 3_000

/** The certificate in PEM. Waits for as long as it takes, until `signal` aborts. */
export async function requestCertificate(wish: CertificateWish): Promise<string> {
  const { client, clock, nodeName, onWaiting, random, signal } = wish
  const api = client.resource<CertificateSigningRequest>(certificateSigningRequests)
  const name = `node-${nodeName}-${random.suffix(5)}`.slice(0, 253)
  const asked: CertificateSigningRequest = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(await requestOf(nodeName, wish.key)).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
    },
  }
  await api.create(asked, { signal })
  const startMs = clock.monotonicMs()
  for (let isTold = false; ;) {
    const { status } = await api.get(name, { signal })
    if (status?.certificate) return Buffer.from(status.certificate, 'base64').toString('utf8')
    const no = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed')
    if (no)
      throw new JoinRefusedError(`the request ${name} was refused: ${no.message || no.reason || no.type}`)
    if (!isTold && clock.monotonicMs() - startMs > waitingMs) {
      isTold = true
      onWaiting(name)
    }
    await clock.sleep(lookMs, signal)
  }
}

/** A PKCS #10 request in PEM: the subject is a node, the signature shows that the key is ours. */
async function requestOf(nodeName: string, key: KeyObject): Promise<string> {
  const { keys, signingAlgorithm, x509 } = await openKeys(key)
  const name = [{ CN: [`system:node:${nodeName}`] }, { O: ['system:nodes'] }]
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm })
  return request.toString('pem')
}

/** Nobody has to believe what it says: it is there to show the key, by which a list may know the machine. */
const ownValidMs = 24 * 3_600_000

/** A certificate in PEM that the key has signed itself. */
export async function certificateOfOwn(key: KeyObject, clock: Clock): Promise<string> {
  const { keys, signingAlgorithm, x509 } = await openKeys(key)
  const nowMs = clock.now().getTime()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ['sampan machine'] }],
    keys,
    signingAlgorithm,
    notBefore: new Date(nowMs - ownValidMs),
    notAfter: new Date(nowMs + ownValidMs),
  })
  return certificate.toString('pem')
}

/** An Ed25519 or a P-256 key as the library wants it. */
async function openKeys(key: KeyObject) {
  await import('reflect-metadata') // the library below asks for it and doesn't bring it
  const x509 = await import('@peculiar/x509')
  const signingAlgorithm =
    key.asymmetricKeyType === 'ed25519'
      ? { name: 'Ed25519' }
      : { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const { subtle } = webcrypto
  const [privateDer, publicDer] = [
    key.export({ type: 'pkcs8', format: 'der' }),
    Buffer.from(publicKeyOf(key), 'base64'),
  ]
  const keys = {
    privateKey: await subtle.importKey('pkcs8', privateDer, signingAlgorithm, false, ['sign']),
    publicKey: await subtle.importKey('spki', publicDer, signingAlgorithm, true, ['verify']),
  }
  return { keys, signingAlgorithm, x509 }
}
