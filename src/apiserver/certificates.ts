/**
 * The server's own certificate authority, and certificates it signs: for the server itself and for clients (CN is the user, O
 * are its groups). ECDSA P-256, as every client speaks it. Made once; later starts read the files.
 */
import { mkdir, readFile } from 'node:fs/promises'
import type { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { writeSynced } from '../base/write-synced.ts'

/** PEM texts. The key is secret: never logged, files of mode 0600. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

export interface ServerCertificateOptions {
  /** Made if missing, mode 0700. */
  readonly directory: string
  readonly ca: KeyPair
  /** Names and addresses under which clients reach the server. A change makes a new server certificate. */
  readonly hosts: readonly string[]
  readonly clock: Clock
}

const dayMs = 24 * 60 * 60 * 1_000
const caValidMs = 3650 * dayMs
const serverValidMs = 365 * dayMs
const clientValidMs = 365 * dayMs
/** A certificate that will expire this soon is replaced at a start. */
const renewBeforeMs = 60 * dayMs
/** Clocks of machines differ: a certificate is valid a little earlier than it is made. */
const skewMs = 60 * 60 * 1_000

/** The folder's certificate authority, made if there is none. Throws when it is half there. */
export const openCa = async (directory: string, clock: Clock): Promise<KeyPair> =>
  (await readPair(directory, 'ca')) ?? savePair(directory, 'ca', await createCa(clock))

/** Reads the server's own certificate; makes it anew when it is missing, expiring, for other hosts or of another CA. */
export async function openServerCertificate(options: ServerCertificateOptions): Promise<KeyPair> {
  const { ca, clock, directory, hosts } = options
  const present = await readPair(directory, 'server')
  if (present && (await isUsable(present, options))) return present
  const server = await issue({
    ca,
    clock,
    subject: [{ CN: ['sampan-apiserver'] }],
    hosts,
    validMs: serverValidMs,
  })
  return savePair(directory, 'server', server)
}

export interface ClientCertificateOptions {
  readonly ca: KeyPair
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly clock: Clock
}

/** A certificate with which its holder is `commonName`, in the groups `organizations`. */
export const issueClientCertificate = ({
  ca,
  clock,
  commonName,
  organizations,
}: ClientCertificateOptions): Promise<KeyPair> =>
  issue({
    ca,
    clock,
    subject: [{ CN: [commonName] }, ...organizations.map((name) => ({ O: [name] }))],
    validMs: clientValidMs,
  })

/** What a PEM request (PKCS #10) asks for. */
export interface RequestedCertificate {
  readonly commonName: string
  readonly organizations: readonly string[]
  /** Base64 of the DER public key. */
  readonly publicKey: string
}

/** Throws when the text is no request, or its signature is not of its key. */
export async function readCertificateRequest(pem: string): Promise<RequestedCertificate> {
  const x509 = await loadX509()
  const request = new x509.Pkcs10CertificateRequest(pem)
  if (!(await request.verify())) throw new Error('the signature of the request is not of its key')
  const { subjectName } = request
  return {
    commonName: subjectName.getField('CN')[0] ?? '',
    organizations: subjectName.getField('O'),
    publicKey: Buffer.from(request.publicKey.rawData).toString('base64'),
  }
}

export interface SigningOptions {
  readonly ca: KeyPair
  readonly seconds: number
  /** Beside those that the request names. */
  readonly organizations?: readonly string[]
  readonly clock: Clock
}

/** A client certificate in PEM with the subject and the key of a request that was read before, valid for `seconds`. */
export async function signCertificateRequest(
  pem: string,
  { ca, clock, organizations = [], seconds }: SigningOptions,
): Promise<string> {
  const x509 = await loadX509()
  const request = new x509.Pkcs10CertificateRequest(pem)
  const subject = [...request.subjectName.toJSON(), ...organizations.map((name) => ({ O: [name] }))]
  const certificate = await certify({
    ca,
    clock,
    subject,
    publicKey: await request.publicKey.export(),
    validMs: seconds * 1_000,
  })
  return certificate
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** Loaded when there is something to make: most starts only read files. */
const loadX509 = async () => {
  await import('reflect-metadata') // the library asks for it and doesn't bring it
  return import('@peculiar/x509')
}

export async function createCa(clock: Clock): Promise<KeyPair> {
  const x509 = await loadX509()
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const nowMs = clock.now().getTime()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ['sampan-ca'] }],
    keys,
    signingAlgorithm: algorithm,
    serialNumber: serialNumber(),
    notBefore: new Date(nowMs - skewMs),
    notAfter: new Date(nowMs + caValidMs),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: certificate.toString('pem'), key: await keyPem(keys.privateKey) }
}

interface Issue {
  readonly ca: KeyPair
  readonly clock: Clock
  readonly subject: { readonly [name: string]: string[] }[]
  /** With hosts it is a server's certificate, without a client's. */
  readonly hosts?: readonly string[]
  readonly validMs: number
}

async function issue(options: Issue): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const cert = await certify({ ...options, publicKey: keys.publicKey })
  return { cert, key: await keyPem(keys.privateKey) }
}

async function certify({
  ca,
  clock,
  subject,
  hosts,
  publicKey,
  validMs,
}: Issue & { readonly publicKey: webcrypto.CryptoKey }): Promise<string> {
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(ca.cert)
  const signingKey = await crypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(ca.key),
    algorithm,
    false,
    ['sign'],
  )
  const nowMs = clock.now().getTime()
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage
  // Nodes listen to each other; without a host in it, nobody takes a node's certificate for a server's.
  const isNode = subject.some(({ O: groups = [] }) => groups.includes('system:nodes'))
  const purposes = hosts ? [serverAuth] : isNode ? [clientAuth, serverAuth] : [clientAuth]
  const names = hosts?.map((host) => ({
    type: isIP(host) > 0 ? ('ip' as const) : ('dns' as const),
    value: host,
  }))
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer.subject,
    publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    serialNumber: serialNumber(),
    notBefore: new Date(nowMs - skewMs),
    notAfter: new Date(Math.min(nowMs + validMs, issuer.notAfter.getTime())),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(purposes),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  })
  return certificate.toString('pem')
}

/** 127 random bits: positive, as the encoding wants it. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01
  return Buffer.from(bytes).toString('hex')
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const base64 = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END PRIVATE KEY-----\n`
}

async function isUsable({ cert }: KeyPair, { ca, hosts, clock }: ServerCertificateOptions): Promise<boolean> {
  const { X509Certificate } = await import('node:crypto')
  const certificate = new X509Certificate(cert)
  const lastsMs = Date.parse(certificate.validTo) - clock.now().getTime()
  const covers = (host: string) =>
    (isIP(host) > 0 ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined
  const isOurs = certificate.verify(new X509Certificate(ca.cert).publicKey)
  return isOurs && lastsMs > renewBeforeMs && hosts.every(covers)
}

/** Undefined when there is none. Throws when a certificate is there without its key. */
export async function readPair(directory: string, name: string): Promise<KeyPair | undefined> {
  const [cert, key] = await Promise.all(
    ['crt', 'key'].map((ending) => readText(join(directory, `${name}.${ending}`))),
  )
  if (cert !== undefined && key !== undefined) return { cert, key }
  // Written key first: a certificate alone means that somebody took the key away.
  if (cert !== undefined)
    throw new Error(
      `${join(directory, name)}.crt is there but its key is not; restore the key, or remove the certificate to have both made anew`,
    )
  return undefined
}

/** Key first: a crash in between leaves a key that nothing was signed with. */
export async function savePair(directory: string, name: string, pair: KeyPair): Promise<KeyPair> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await writeSynced(join(directory, `${name}.key`), pair.key)
  await writeSynced(join(directory, `${name}.crt`), pair.cert)
  return pair
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
