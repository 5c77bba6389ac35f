import { fieldError, type FieldError } from '../field-errors.ts'
import { checkDns1123Subdomain } from '../names.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
  CertificateSigningRequestSpec,
  CertificateSigningRequestStatus,
} from '../schema/types.gen.ts'
import { ageColumn, nameColumn } from './cells.ts'
import type { Sent } from './sent.ts'
import { allVerbs, keepSpec, keepStatus, statusSubresource } from './strategy.ts'
import { humanDuration } from '../duration.ts'

/** Somebody asks for a certificate; somebody else says yes or no; a signer makes it. */
export const certificateSigningRequests: ResourceDef<CertificateSigningRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  listKind: 'CertificateSigningRequestList',
  plural: 'certificatesigningrequests',
  singular: 'certificatesigningrequest',
  shortNames: ['csr'],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  subresources: [statusSubresource, { name: 'approval', verbs: ['get', 'patch', 'update'] }],
  get schema() {
    return typeNamed('certificates.v1.CertificateSigningRequest')
  },
  columns: [
    nameColumn(),
    ageColumn(),
    { name: 'SignerName', type: 'string', value: ({ spec }) => spec.signerName ?? '' },
    { name: 'Requestor', type: 'string', value: ({ spec }) => spec.username ?? '' },
    {
      name: 'RequestedDuration',
      type: 'string',
      value: ({ spec }) =>
        spec.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1_000),
    },
    { name: 'Condition', type: 'string', value: ({ status }) => stateOf(status) },
  ],
  selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName ?? '' },
  applyDefaults: (request) => {
    request.spec ??= {} as CertificateSigningRequestSpec // validation says what is missing in it
  },
  prepareForCreate: (request) => {
    delete request.status
  },
  prepareForUpdate: (request, old, { nowIso, subresource }) => {
    keepSpec(request, old)
    if (subresource === undefined) return keepStatus(request, old)
    const isApproval = subresource === 'approval'
    keepAllBut(request, old, (condition) => isVerdict(condition) === isApproval)
    if (isApproval) keepCertificate(request, old)
    for (const condition of request.status?.conditions ?? []) stamp(condition, old, nowIso)
  },
  validate: (request, old) =>
    old === undefined ? validateSpec(request.spec) : validateConditions(request, old),
}

const verdicts: ReadonlySet<string> = new Set(['Approved', 'Denied'])
const isVerdict = ({ type }: CertificateSigningRequestCondition): boolean => verdicts.has(type)

/** Conditions that the request may not write are those of `old`. */
function keepAllBut(
  request: CertificateSigningRequest,
  old: CertificateSigningRequest,
  mayWrite: (condition: CertificateSigningRequestCondition) => boolean,
): void {
  const kept = (old.status?.conditions ?? []).filter((condition) => !mayWrite(condition))
  const written = (request.status?.conditions ?? []).filter(mayWrite)
  const conditions = [...structuredClone(kept), ...written]
  request.status = { ...request.status, conditions }
  if (conditions.length === 0) delete request.status.conditions
}

function keepCertificate({ status }: CertificateSigningRequest, old: CertificateSigningRequest): void {
  const certificate = old.status?.certificate
  if (status && certificate === undefined) delete status.certificate
  else if (status && certificate !== undefined) status.certificate = certificate
}

function stamp(
  condition: CertificateSigningRequestCondition,
  old: CertificateSigningRequest,
  nowIso: string,
): void {
  const before = old.status?.conditions?.find(({ type }) => type === condition.type)
  condition.lastUpdateTime ??= nowIso
  condition.lastTransitionTime =
    before && before.status === condition.status ? (before.lastTransitionTime ?? nowIso) : nowIso
}

/** As the column `Condition` says it. */
function stateOf(status: CertificateSigningRequestStatus | undefined): string {
  const has = (type: string) => status?.conditions?.some((condition) => condition.type === type) === true
  const states = [
    ...(has('Denied') ? ['Denied'] : has('Approved') ? ['Approved'] : ['Pending']),
    ...(has('Failed') ? ['Failed'] : []),
    ...(status?.certificate ? ['Issued'] : []),
  ]
  return states.join(',')
}

const expirationSecondsMin = 600

/** kubernetes pkg/apis/certificates/validation/validation.go eed236c; that the PEM is a request, its signer finds out. */
function validateSpec(spec: Sent<CertificateSigningRequestSpec>): readonly FieldError[] {
  const { expirationSeconds, request = '', signerName = '', usages = [] } = spec
  const errors: FieldError[] = []
  if (usages.length === 0) errors.push(fieldError.required('spec.usages', ''))
  if (!isPem(request))
    errors.push(fieldError.invalid('spec.request', request, 'PEM block type must be CERTIFICATE REQUEST'))
  errors.push(...validateSignerName(signerName))
  if (expirationSeconds !== undefined && expirationSeconds < expirationSecondsMin)
    errors.push(
      fieldError.invalid(
        'spec.expirationSeconds',
        expirationSeconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      ),
    )
  return errors
}

const [pemBegin, pemEnd] = ['-----BEGIN CERTIFICATE REQUEST-----', '-----END CERTIFICATE REQUEST-----']

/** By hand: a regular expression goes on from each of many beginnings to look for an end. */
const isPem = (base64: string): boolean => {
  try {
    const text = atob(base64)
    const begin = text.indexOf(pemBegin)
    return begin >= 0 && text.includes(pemEnd, begin + pemBegin.length + 1)
  } catch {
    return false // no base64
  }
}

function validateSignerName(signerName: string): readonly FieldError[] {
  const at = 'spec.signerName'
  if (signerName === '') return [fieldError.required(at, '')]
  const [domain = '', ...path] = signerName.split('/')
  if (path.length !== 1)
    return [
      fieldError.invalid(
        at,
        signerName,
        'must be a fully qualified domain and path of the form "example.com/signer-name"',
      ),
    ]
  const problems = [domain, ...path].flatMap((part) => checkDns1123Subdomain(part))
  if (problems.length === 0 && !domain.includes('.'))
    return [
      fieldError.invalid(at, signerName, 'should be a domain with at least two segments separated by dots'),
    ]
  return problems.map((problem) => fieldError.invalid(at, signerName, problem))
}

function validateConditions(
  { status }: CertificateSigningRequest,
  { status: before }: CertificateSigningRequest,
): readonly FieldError[] {
  const at = 'status.conditions'
  const types = (status?.conditions ?? []).map(({ type }) => type)
  const errors: FieldError[] = []
  if (types.includes('Approved') && types.includes('Denied'))
    errors.push(
      fieldError.invalid(at, types.join(','), 'Approved and Denied conditions are mutually exclusive'),
    )
  for (const [i, { status: value, type }] of (status?.conditions ?? []).entries()) {
    if (type === '') errors.push(fieldError.required(`${at}[${i}].type`, ''))
    if ((verdicts.has(type) || type === 'Failed') && value !== 'True')
      errors.push(fieldError.notSupported(`${at}[${i}].status`, value, ['True']))
  }
  for (const { type } of before?.conditions ?? []) {
    if (verdicts.has(type) && !types.includes(type))
      errors.push(
        fieldError.forbidden(at, `updates may not remove a condition of type ${JSON.stringify(type)}`),
      )
  }
  return errors
}
