/**
 * Certificates for those who join: says yes to nodes that prove who they are, signs what somebody has said yes to, and
 * clears old requests away. Signers are those of upstream with the same names.
 *
 * A node is its key. The first machine that joins under a name, with a join token or with a key that is on the list of those
 * who may, owns the name; its Node says which key that is. Another machine's request for the name waits for a person: `kubectl certificate approve`.
 * Until the first machine has registered its Node, its request says whose the name is, and another one is denied.
 */
import {
  allowedKeysConfigMap,
  allowedKeysGroup,
  isAllowed,
  listedNodesGroup,
  nodeUserPrefix,
  parseAllowedKeys,
  type AllowedKey,
} from '../api/allowed-keys.ts'
import { certificateSigningRequests } from '../api/resources/certificatesigningrequests.ts'
import { configMaps } from '../api/resources/configmaps.ts'
import { nodes } from '../api/resources/nodes.ts'
import type { CertificateSigningRequest, ConfigMap, Node } from '../api/schema/types.gen.ts'
import { isNotFound } from '../api/status.ts'
import type { Client } from '../client/client.ts'
import type { ControllerContext, ControllerSpec } from '../client/controller.ts'
import { identityKeyAnnotation } from '../client/machine-identity.ts'

/** The certificate authority, as far as controllers need it. */
export interface CertificateSigner {
  /** What a PEM request asks for. Throws `CertificateRequestError`, also when its signature is not of its key. */
  read(request: string): Promise<RequestedCertificate>
  /** A client certificate in PEM, valid for at most `seconds`; its subject is the request's and `organizations`. */
  sign(
    request: string,
    options: { readonly seconds: number; readonly organizations: readonly string[] },
  ): Promise<string>
}

/** The request itself is wrong; the message says how. */
export class CertificateRequestError extends Error {
  override readonly name = 'CertificateRequestError'
}

export interface RequestedCertificate {
  readonly commonName: string
  readonly organizations: readonly string[]
  /** Base64 of the DER public key. */
  readonly publicKey: string
}

export const nodeSigner = 'kubernetes.io/kube-apiserver-client-kubelet'
export const clientSigner = 'kubernetes.io/kube-apiserver-client'

const nodesGroup = 'system:nodes'
const bootstrappersGroup = 'system:bootstrappers'
const mastersGroup = 'system:masters'
const usagesAllowed = new Set(['client auth', 'digital signature', 'key encipherment'])
const yearSeconds = 365 * 24 * 3_600
/** As upstream: what was decided is kept for an hour, what nobody has looked at for a day. */
const decidedKeptMs = 3_600_000
const pendingKeptMs = 24 * 3_600_000
/** A machine that was let in registers its Node within seconds; one that hasn't by then, its name is free again. */
const claimMs = 5 * 60_000

export function certificateRequestController(signer: CertificateSigner): ControllerSpec {
  const readAll = createReader(signer)
  return {
    name: 'certificate-requests',
    component: 'csrsigning-controller',
    watches: certificateSigningRequests,
    reads: [nodes],
    // One after the other: each sees what was said to those before it.
    workers: 1,
    async reconcile({ name }, context) {
      const found = context.informers.for<CertificateSigningRequest>(certificateSigningRequests).get('', name)
      if (!found || (await isCleared(found, context))) return
      const isOurs = found.spec.signerName === nodeSigner || found.spec.signerName === clientSigner
      if (isOurs && !has(found, 'Denied') && !has(found, 'Failed') && !found.status?.certificate) {
        if (has(found, 'Approved')) await sign(found, signer, context)
        else await approveKnown(found, { readAll, signer }, context)
      }
      return { requeueAfterMs: decidedKeptMs }
    },
  }
}

const conditionOf = ({ status }: CertificateSigningRequest, wanted: string) =>
  status?.conditions?.find(({ type }) => type === wanted)

const has = (request: CertificateSigningRequest, type: string): boolean =>
  conditionOf(request, type) !== undefined

interface ReadRequest {
  readonly request: CertificateSigningRequest
  /** Undefined: it makes no sense. */
  readonly asked: RequestedCertificate | undefined
}

type ReadAll = (requests: readonly CertificateSigningRequest[]) => Promise<readonly ReadRequest[]>

/** Each is read once as long as it is among those given: hundreds may join within the hour for which requests are kept. */
function createReader(signer: CertificateSigner): ReadAll {
  let known = new Map<string, RequestedCertificate | undefined>()
  return async (requests) => {
    const present: typeof known = new Map()
    for (const { spec } of requests) {
      const text = spec.request
      const isKnown = known.has(text)
      // One that makes no sense asks for no name.
      const asked = isKnown ? known.get(text) : await signer.read(fromBase64(text)).catch(() => undefined)
      present.set(text, asked)
    }
    known = present
    return requests.map((request) => ({ request, asked: present.get(request.spec.request) }))
  }
}

async function isCleared(
  { metadata, status }: CertificateSigningRequest,
  { client, clock }: ControllerContext,
): Promise<boolean> {
  const isDecided = (status?.conditions ?? []).length > 0
  const ageMs = clock.now().getTime() - Date.parse(metadata.creationTimestamp ?? '')
  if (!(ageMs > (isDecided ? decidedKeptMs : pendingKeptMs))) return false
  await client
    .resource<CertificateSigningRequest>(certificateSigningRequests)
    .delete(metadata.name ?? '', { uid: metadata.uid ?? '' })
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  return true
}

async function sign(
  request: CertificateSigningRequest,
  signer: CertificateSigner,
  { client, events }: ControllerContext,
): Promise<void> {
  const { expirationSeconds = yearSeconds, request: encoded, signerName } = request.spec
  const api = client.resource<CertificateSigningRequest>(certificateSigningRequests)
  const pem = fromBase64(encoded)
  try {
    const asked = await signer.read(pem)
    const problem = problemOf(asked, request)
    if (problem !== undefined) throw new CertificateRequestError(problem)
    const isListed = signerName === nodeSigner && (await isOfList(request, asked, client))
    const certificate = await signer.sign(pem, {
      seconds: Math.min(expirationSeconds, yearSeconds),
      organizations: isListed ? [listedNodesGroup] : [],
    })
    await api.updateStatus({ ...request, status: { ...request.status, certificate: toBase64(certificate) } })
    return
  } catch (error) {
    if (!(error instanceof CertificateRequestError)) throw error
    const failed = {
      type: 'Failed',
      status: 'True',
      reason: 'SignerValidationFailure',
      message: error.message,
    }
    const conditions = [...(request.status?.conditions ?? []), failed]
    await api.updateStatus({ ...request, status: { ...request.status, conditions } })
    events.record(request, 'Warning', 'SignerValidationFailure', `${signerName}: ${error.message}`)
  }
}

/** Came by the list of keys, now or when it joined, or is on it anyway: once off the list, it is out. */
async function isOfList(
  { spec: { groups = [] } }: CertificateSigningRequest,
  { commonName, publicKey }: RequestedCertificate,
  client: Client,
): Promise<boolean> {
  if (groups.includes(allowedKeysGroup) || groups.includes(listedNodesGroup)) return true
  return isAllowed(await allowedKeys(client), publicKey, commonName.slice(nodeUserPrefix.length))
}

/** Why a certificate must not be made, whoever has said yes. */
function problemOf(
  { commonName, organizations }: RequestedCertificate,
  { spec }: CertificateSigningRequest,
): string | undefined {
  const unusual = (spec.usages ?? []).find((usage) => !usagesAllowed.has(usage))
  if (unusual !== undefined) return `the usage ${JSON.stringify(unusual)} is not for clients of the API`
  if (commonName === '') return 'the request names no user: its subject has no common name'
  if (organizations.includes(mastersGroup))
    return `the group ${mastersGroup} is not given to anybody by a request`
  const isNode = commonName.startsWith(nodeUserPrefix) && organizations.join() === nodesGroup
  if (spec.signerName === nodeSigner && !isNode)
    return `a node's subject is ${nodeUserPrefix}NAME in the group ${nodesGroup}`
  return undefined
}

/** Says yes to a machine that joins under a new name, and to one whose key the name's Node already has. */
async function approveKnown(
  request: CertificateSigningRequest,
  { readAll, signer }: { readonly readAll: ReadAll; readonly signer: CertificateSigner },
  context: ControllerContext,
): Promise<void> {
  const { client, events } = context
  const { groups = [], request: encoded, signerName, username = '' } = request.spec
  if (signerName !== nodeSigner) return
  const asked = await signer.read(fromBase64(encoded)).catch(() => undefined) // no request: a person may look at it
  if (!asked || problemOf(asked, request) !== undefined) return
  if (username !== asked.commonName && !groups.includes(bootstrappersGroup)) return
  const nodeName = asked.commonName.slice(nodeUserPrefix.length)
  if (groups.includes(allowedKeysGroup) && !isAllowed(await allowedKeys(client), asked.publicKey, nodeName)) {
    const why = `the list of allowed keys does not let this key join as ${nodeName}`
    return decide(client, request, { type: 'Denied', reason: 'KeyNotAllowed', message: why })
  }
  const node = await nodeNamed(nodeName, context)
  const owner = node?.metadata.annotations?.[identityKeyAnnotation]
  if (node && owner !== asked.publicKey) {
    const why = `another machine has this name. If this one shall have it instead: kubectl certificate approve ${request.metadata.name}`
    events.record(request, 'Warning', 'NameTaken', why)
    return
  }
  const first = node ? undefined : await claimOf(asked, readAll, context)
  if (first !== undefined) {
    const why = `another machine was let in as ${nodeName} by the request ${first} a moment ago. Join under another name (--name); if this one shall have it: kubectl delete csr ${first}, then join again`
    return decide(client, request, { type: 'Denied', reason: 'NameTaken', message: why })
  }
  const how = groups.includes(allowedKeysGroup) ? 'a key of the list' : 'a join token'
  const message = node ? 'the node has shown its key' : `a new node has shown ${how}`
  await decide(client, request, { type: 'Approved', reason: 'AutoApproved', message })
}

/** The cache may not have heard yet of one that has just registered. */
async function nodeNamed(name: string, { client, informers }: ControllerContext): Promise<Node | undefined> {
  const known = informers.for<Node>(nodes).get('', name)
  if (known) return known
  return await client
    .resource<Node>(nodes)
    .get(name)
    .catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
}

/** The request by which another key was let in under the same name so lately that its machine may be about to register. */
async function claimOf(
  { commonName, publicKey }: RequestedCertificate,
  readAll: ReadAll,
  { client, clock }: ControllerContext,
): Promise<string | undefined> {
  const { items } = await client.resource<CertificateSigningRequest>(certificateSigningRequests).list()
  const sinceMs = clock.now().getTime() - claimMs
  const recent = items.filter((request) => {
    const { lastUpdateTime = '' } = conditionOf(request, 'Approved') ?? {}
    return (
      request.spec.signerName === nodeSigner &&
      !has(request, 'Failed') &&
      Date.parse(lastUpdateTime) > sinceMs
    )
  })
  const claim = (await readAll(recent)).find(
    ({ asked }) => asked?.commonName === commonName && asked.publicKey !== publicKey,
  )
  return claim?.request.metadata.name
}

interface Decision {
  readonly type: 'Approved' | 'Denied'
  readonly reason: string
  readonly message: string
}

async function decide(client: Client, request: CertificateSigningRequest, decision: Decision): Promise<void> {
  const conditions = [...(request.status?.conditions ?? []), { status: 'True', ...decision }]
  const name = encodeURIComponent(request.metadata.name ?? '')
  await client.request({
    method: 'PUT',
    path: `/apis/certificates.k8s.io/v1/certificatesigningrequests/${name}/approval`,
    body: { ...request, status: { ...request.status, conditions } },
  })
}

async function allowedKeys(client: Client): Promise<readonly AllowedKey[]> {
  const { name, namespace } = allowedKeysConfigMap
  try {
    const { data } = await client.resource<ConfigMap>(configMaps).get(name, { namespace })
    return parseAllowedKeys(data)
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}

const fromBase64 = (text: string): string => Buffer.from(text, 'base64').toString('utf8')
const toBase64 = (text: string): string => Buffer.from(text).toString('base64')
