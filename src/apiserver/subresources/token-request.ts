/** POST serviceaccounts/NAME/token: a token that speaks for the account, for a while, and for as long as what it is bound to exists. */
import type { KubeObject } from '../../api/meta.ts'
import { quote } from '../../api/quote.ts'
import { typeNamed } from '../../api/schema/schema.ts'
import type { BoundObjectReference, Pod, TokenRequest } from '../../api/schema/types.gen.ts'
import {
  badRequest,
  conflict,
  fieldError,
  forbidden,
  invalid,
  notFound,
  unknownResource,
} from '../../api/status.ts'
import { readBody } from '../body.ts'
import type { VerbContext } from '../context.ts'
import { decodeBody } from '../decode-body.ts'
import type { ApiResponse } from '../http.ts'
import { checkIdentity, isoSeconds } from '../metadata.ts'
import { readOne } from '../pages.ts'
import { plainResponse } from '../represent.ts'
import { nodeOf } from '../stages/node-authorizer.ts'
import type { ObjectIdentity, TokenClaims, TokenSigner } from '../stages/service-account-tokens.ts'
import { writeOptionsOf } from '../write-options.ts'

const group = 'authentication.k8s.io'
const accountResource = { group: '', resource: 'serviceaccounts' }
const durationSecondsDefault = 3_600
const durationSecondsMin = 600
const durationSecondsMax = 2 ** 32

export async function tokenRequest(context: VerbContext): Promise<ApiResponse> {
  const { info, machinery, request, warnings } = context
  const { signer } = machinery.access
  // Without a key there are no tokens: the subresource is as good as missing.
  if (!signer) throw unknownResource()
  const { fieldValidation } = writeOptionsOf(info.query, 'CreateOptions')
  const schema = typeNamed('authentication.v1.TokenRequest')
  const expected = { group, version: 'v1', kind: 'TokenRequest', schema }
  const contentType = request.headers['content-type']
  const body = await decodeBody(await readBody(context), expected, {
    contentType,
    fieldValidation,
    machinery,
    warnings,
  })
  checkIdentity(body.metadata, info)
  const asked = body as TokenRequest & KubeObject
  const account = await readOne(machinery.cacheOf(context.def), info.namespace, info.name, '')
  if (!account) throw notFound(accountResource, info.name)
  const { metadata } = account.parse()
  const identity = { name: info.name, uid: metadata.uid ?? '' }
  const claims = await claimsFor(context, asked, { signer, identity })
  const expirationTimestamp = isoSeconds(new Date(claims.expiresAtSeconds * 1_000))
  const answer = {
    ...asked,
    metadata: { name: info.name, namespace: info.namespace, creationTimestamp: machinery.nowIso() },
    spec: {
      ...asked.spec,
      audiences: [...claims.audiences],
      expirationSeconds: claims.expiresAtSeconds - claims.issuedAtSeconds,
    },
    status: { token: signer.sign(claims), expirationTimestamp },
  }
  return plainResponse(context, 201, answer)
}

async function claimsFor(
  context: VerbContext,
  { spec }: TokenRequest,
  { signer, identity }: { readonly signer: TokenSigner; readonly identity: ObjectIdentity },
): Promise<Omit<TokenClaims, 'issuer'>> {
  const { info, machinery } = context
  const { audiences = [], boundObjectRef, expirationSeconds = durationSecondsDefault } = spec ?? {}
  checkDuration(info.name, expirationSeconds)
  const bound = await boundTo(context, boundObjectRef)
  const issuedAtSeconds = Math.floor(machinery.clock.now().getTime() / 1_000)
  return {
    audiences: audiences.length > 0 ? audiences : [signer.issuer],
    issuedAtSeconds,
    expiresAtSeconds: issuedAtSeconds + expirationSeconds,
    id: machinery.random.uuid(),
    namespace: info.namespace,
    serviceAccount: identity,
    ...bound,
  }
}

function checkDuration(name: string, seconds: number): void {
  const path = 'spec.expirationSeconds'
  const refuse = (why: string) =>
    invalid({ group, kind: 'TokenRequest' }, name, [fieldError.invalid(path, seconds, why)])
  if (seconds < durationSecondsMin) throw refuse('may not specify a duration less than 10 minutes')
  if (seconds > durationSecondsMax) throw refuse('may not specify a duration larger than 2^32 seconds')
}

type Bound = Pick<TokenClaims, 'pod' | 'secret' | 'node'>

async function boundTo(context: VerbContext, reference: BoundObjectReference | undefined): Promise<Bound> {
  const { info, user } = context
  const node = nodeOf(user)
  const refuseNode = (why: string) => forbidden(accountResource, info.name, why)
  if (!reference?.kind) {
    if (node !== undefined) throw refuseNode(`node requested token not bound to a pod`)
    return {}
  }
  const { apiVersion = 'v1', kind, name = '' } = reference
  if (node !== undefined && kind !== 'Pod') throw refuseNode(`node requested token not bound to a pod`)
  if (apiVersion === 'v1' && kind === 'Pod') return podBinding(context, reference, node)
  if (apiVersion === 'v1' && kind === 'Secret')
    return { secret: (await findBound(context, reference, 'secrets', info.namespace)).identity }
  if (apiVersion === 'v1' && kind === 'Node')
    return { node: (await findBound(context, reference, 'nodes', '')).identity }
  throw badRequest(
    `cannot bind token for serviceaccount ${quote(info.name)} to ${kind}.${apiVersion} ${quote(name)}: only Pod, Secret and Node of v1 can be named`,
  )
}

async function podBinding(
  context: VerbContext,
  reference: BoundObjectReference,
  requester: string | undefined,
): Promise<Bound> {
  const { info, machinery } = context
  const { identity, object } = await findBound(context, reference, 'pods', info.namespace)
  const { spec } = object as Pod & KubeObject
  if (spec.serviceAccountName !== info.name)
    throw badRequest(
      `cannot bind token for serviceaccount ${quote(info.name)} to pod running with different serviceaccount name.`,
    )
  const nodeName = spec.nodeName ?? ''
  if (requester !== undefined && nodeName !== requester)
    throw forbidden(
      accountResource,
      info.name,
      `node requested token bound to a pod scheduled on a different node`,
    )
  const nodes = machinery.findResource('', 'v1', 'nodes')
  const node =
    nodes && nodeName !== '' ? await readOne(machinery.cacheOf(nodes), '', nodeName, '0') : undefined
  const nodeUid = node?.parse().metadata.uid
  return { pod: identity, ...(nodeUid !== undefined && { node: { name: nodeName, uid: nodeUid } }) }
}

async function findBound(
  { machinery }: VerbContext,
  { name = '', uid = '' }: BoundObjectReference,
  plural: string,
  namespace: string,
): Promise<{ readonly identity: ObjectIdentity; readonly object: KubeObject }> {
  const def = machinery.findResource('', 'v1', plural)
  const found = def && (await readOne(machinery.cacheOf(def), namespace, name, ''))
  if (!found) throw notFound({ group: '', resource: plural }, name)
  const object = found.parse()
  const present = object.metadata.uid ?? ''
  if (uid !== '' && uid !== present) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`
    throw conflict({ group: '', resource: plural }, name, why)
  }
  return { identity: { name, uid: present }, object }
}
