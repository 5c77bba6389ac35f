/** Questions about access, asked by POST: nothing is stored, the answer is the object that was sent, with a status. */
import { resourceAccess, type AccessRequest } from '../../api/access/request.ts'
import { parseFieldSelector } from '../../api/field-selector.ts'
import type { KubeObject } from '../../api/meta.ts'
import type {
  LocalSubjectAccessReview,
  PolicyRule,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
  TokenReview,
} from '../../api/schema/types.gen.ts'
import { badRequest, fieldError, invalid, type FieldError } from '../../api/status.ts'
import { readBody } from '../body.ts'
import type { VerbContext, VerbHandler } from '../context.ts'
import { decodeBody } from '../decode-body.ts'
import type { UserInfo } from '../http.ts'
import { plainResponse } from '../represent.ts'
import { writeOptionsOf } from '../write-options.ts'

/** Makes the answer's status of a decoded body. */
type Review = (context: VerbContext, body: KubeObject) => Promise<object>

/** `GROUP/PLURAL` → what a POST to it does. */
export const reviews: Readonly<Record<string, VerbHandler>> = {
  'authorization.k8s.io/selfsubjectaccessreviews': reviewOf(selfAccess),
  'authorization.k8s.io/subjectaccessreviews': reviewOf(anyAccess),
  'authorization.k8s.io/localsubjectaccessreviews': reviewOf(localAccess),
  'authorization.k8s.io/selfsubjectrulesreviews': reviewOf(selfRules),
  'authentication.k8s.io/selfsubjectreviews': reviewOf(whoAmI),
  'authentication.k8s.io/tokenreviews': reviewOf(tokenReview),
}

function reviewOf(review: Review): VerbHandler {
  return async (context) => {
    const { def, info, machinery, request, warnings } = context
    const { fieldValidation } = writeOptionsOf(info.query, 'CreateOptions')
    const contentType = request.headers['content-type']
    const body = await decodeBody(await readBody(context), def, {
      contentType,
      fieldValidation,
      machinery,
      warnings,
    })
    const answer = { ...body, status: await review(context, withSpec(body)) }
    return plainResponse(context, 201, answer)
  }
}

/** It may be missing, as it may from any body; that its fields are then missing too is for each review to say. */
const withSpec = (body: KubeObject): KubeObject => ({ spec: {}, ...body }) as KubeObject

async function selfAccess(context: VerbContext, body: KubeObject): Promise<object> {
  const { spec } = body as SelfSubjectAccessReview
  refuse(context, attributeErrors(spec))
  return statusOf(context, context.user, spec)
}

async function anyAccess(context: VerbContext, body: KubeObject): Promise<object> {
  const { spec } = body as SubjectAccessReview
  refuse(context, [...attributeErrors(spec), ...subjectErrors(spec)])
  return statusOf(context, subjectOf(spec), spec)
}

async function localAccess(context: VerbContext, body: KubeObject): Promise<object> {
  const { info } = context
  const { spec } = body as LocalSubjectAccessReview
  const { namespace = '' } = body.metadata
  if (namespace !== '' && namespace !== info.namespace)
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`)
  const asked = spec.resourceAttributes?.namespace ?? ''
  const errors = [...attributeErrors(spec), ...subjectErrors(spec)]
  if (spec.nonResourceAttributes)
    errors.push(
      fieldError.invalid(
        'spec.nonResourceAttributes',
        spec.nonResourceAttributes,
        'disallowed on this kind of request',
      ),
    )
  if (asked !== info.namespace)
    errors.push(
      fieldError.invalid('spec.resourceAttributes.namespace', asked, 'must match metadata.namespace'),
    )
  refuse(context, errors)
  return statusOf(context, subjectOf(spec), spec)
}

type AccessSpec = Pick<SubjectAccessReviewSpec, 'resourceAttributes' | 'nonResourceAttributes'>

const attributeErrors = ({ nonResourceAttributes, resourceAttributes }: AccessSpec): FieldError[] => {
  if (nonResourceAttributes && resourceAttributes)
    return [
      fieldError.invalid(
        'spec.nonResourceAttributes',
        nonResourceAttributes,
        'cannot be specified in combination with resourceAttributes',
      ),
    ]
  if (nonResourceAttributes || resourceAttributes) return []
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
  return [fieldError.invalid('spec.resourceAttributes', null, why)]
}

const subjectErrors = ({ groups = [], user = '' }: SubjectAccessReviewSpec): FieldError[] =>
  user === '' && groups.length === 0
    ? [fieldError.invalid('spec.user', user, 'at least one of user or group must be specified')]
    : []

function refuse({ def }: VerbContext, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(def, '', errors)
}

const subjectOf = ({ extra, groups = [], uid, user = '' }: SubjectAccessReviewSpec): UserInfo => ({
  name: user,
  groups,
  ...(uid !== undefined && { uid }),
  ...(extra && { extra }),
})

async function statusOf(
  { machinery }: VerbContext,
  user: UserInfo,
  spec: AccessSpec,
): Promise<SubjectAccessReviewStatus> {
  const { allowed, reason } = await machinery.access.decide(accessOf(user, spec))
  return { allowed, ...(reason !== '' && { reason }) }
}

function accessOf(user: UserInfo, { nonResourceAttributes, resourceAttributes }: AccessSpec): AccessRequest {
  if (!resourceAttributes) {
    const { path = '', verb = '' } = nonResourceAttributes ?? {}
    return { ...resourceAccess(user, verb, { group: '', resource: '' }), isResource: false, path }
  }
  const {
    fieldSelector,
    group = '',
    name,
    namespace,
    resource = '',
    subresource = '',
    verb = '',
  } = resourceAttributes
  const place = { ...(namespace !== undefined && { namespace }), ...(name !== undefined && { name }) }
  const access = resourceAccess(user, verb, { group, resource, subresource }, place)
  const raw = fieldSelector?.rawSelector ?? ''
  if (raw === '') return access
  parseFieldSelector(raw)
  return { ...access, fieldSelector: raw }
}

async function selfRules(context: VerbContext, body: KubeObject): Promise<object> {
  const { machinery, user } = context
  const { namespace = '' } = (body as SelfSubjectRulesReview).spec
  if (namespace === '') throw badRequest('no namespace on request')
  const index = await machinery.access.roles()
  const { problems = [], rules = [] } = index?.rulesFor(user, namespace) ?? {}
  return {
    resourceRules: rules.filter(isResourceRule).map(({ nonResourceURLs: _, ...rule }) => rule),
    nonResourceRules: rules
      .filter((rule) => !isResourceRule(rule))
      .map(({ nonResourceURLs, verbs }) => ({ verbs, nonResourceURLs })),
    incomplete: problems.length > 0,
    ...(problems.length > 0 && { evaluationError: problems.join(', ') }),
  }
}

const isResourceRule = ({ resources = [] }: PolicyRule): boolean => resources.length > 0

const userInfoOf = ({ extra, groups, name, uid }: UserInfo): object => ({
  username: name,
  ...(uid !== undefined && { uid }),
  groups,
  ...(extra && { extra }),
})

async function whoAmI({ user }: VerbContext): Promise<object> {
  return { userInfo: userInfoOf(user) }
}

async function tokenReview(context: VerbContext, body: KubeObject): Promise<object> {
  const { access } = context.machinery
  const { audiences = [], token = '' } = (body as TokenReview).spec
  if (token === '') throw badRequest('token is required for TokenReview in authentication')
  const found = await access.authenticateToken(token, audiences)
  if (!found) return { user: {}, error: 'the token is unknown, has expired, or is for another audience' }
  return { authenticated: true, user: userInfoOf(found.user), audiences: found.audiences }
}
