/** kubernetes pkg/apis/networking/validation/validation.go 019c5dc */
import { checkIp, parseIp } from '../addresses.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import {
  checkDns1035Label,
  checkDns1123Subdomain,
  checkPathSegmentName,
  checkPortName,
  checkPortNumber,
  checkWildcardDns1123Subdomain,
} from '../names.ts'
import { at } from '../paths.ts'
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressRule,
  IngressServiceBackend,
  IngressSpec,
  IngressTLS,
  TypedLocalObjectReference,
} from '../schema/types.gen.ts'
import { invalid } from '../validate-meta.ts'
import type { Sent } from './sent.ts'
import { validateHostname } from './validate-service-update.ts'
import { validateDnsSubdomain } from './validate-values.ts'

type Errors = readonly FieldError[]

const classAnnotation = 'kubernetes.io/ingress.class'

export const validateIngress = ({ metadata, spec }: Ingress, old: Ingress | undefined): Errors => {
  const errors: FieldError[] = [...validateSpec(spec)]
  const annotated = metadata.annotations?.[classAnnotation]
  const isContradiction =
    annotated !== undefined && spec.ingressClassName !== undefined && annotated !== spec.ingressClassName
  if (old !== undefined || !isContradiction) return errors
  const why = 'must match `ingressClassName` when both are specified'
  return [...errors, fieldError.invalid(`annotations.${classAnnotation}`, annotated, why)]
}

export const validateIngressStatus = ({ status }: Ingress): Errors =>
  (status?.loadBalancer?.ingress ?? []).flatMap(({ ip = '', hostname = '' }, index) => {
    const field = at('status.loadBalancer.ingress', index)
    return [
      ...(ip === '' ? [] : invalid(`${field}.ip`, ip, checkIp(ip))),
      ...validateHostname(hostname, `${field}.hostname`),
    ]
  })

const validateSpec = (spec: IngressSpec): Errors => {
  const { defaultBackend, rules = [], tls = [], ingressClassName } = spec
  const errors: FieldError[] = []
  if (rules.length === 0 && defaultBackend === undefined) {
    const why = 'either `defaultBackend` or `rules` must be specified'
    errors.push(fieldError.invalid('spec', spec.rules ?? null, why))
  }
  if (defaultBackend) errors.push(...validateBackend(defaultBackend, 'spec.defaultBackend'))
  errors.push(...rules.flatMap((rule, index) => validateRule(rule, at('spec.rules', index))))
  errors.push(...tls.flatMap((one, index) => validateTls(one, at('spec.tls', index))))
  if (ingressClassName === undefined) return errors
  return [...errors, ...validateDnsSubdomain(ingressClassName, 'spec.ingressClassName')]
}

const validateRule = ({ host = '', http }: IngressRule, path: string): Errors => {
  const errors: FieldError[] = []
  if (host !== '') {
    if (parseIp(host) !== undefined) {
      errors.push(fieldError.invalid(`${path}.host`, host, 'must be a DNS name, not an IP address'))
    }
    errors.push(...validateHost(host, `${path}.host`))
  }
  if (http === undefined) return errors
  const paths = http.paths ?? []
  if (paths.length === 0) errors.push(fieldError.required(`${path}.http.paths`))
  return [...errors, ...paths.flatMap((one, index) => validatePath(one, at(`${path}.http.paths`, index)))]
}

const validateHost = (host: string, field: string): Errors =>
  invalid(field, host, host.includes('*') ? checkWildcardDns1123Subdomain(host) : checkDns1123Subdomain(host))

const validateTls = ({ hosts = [], secretName = '' }: IngressTLS, path: string): Errors => [
  ...hosts.flatMap((host, index) => validateHost(host, at(`${path}.hosts`, index))),
  ...(secretName === '' ? [] : validateDnsSubdomain(secretName, `${path}.secretName`)),
]

const pathTypes: readonly string[] = ['Exact', 'ImplementationSpecific', 'Prefix']
/** What proxies disagree about: a path must mean one thing. */
const ambiguous: readonly string[] = ['//', '/./', '/../', '%2f', '%2F']
const ambiguousEnds: readonly string[] = ['/..', '/.']

const validatePath = (one: Sent<HTTPIngressPath>, path: string): Errors => {
  const { path: route = '', pathType, backend = {} } = one
  if (pathType === undefined) {
    return [fieldError.required(`${path}.pathType`, 'pathType must be specified')]
  }
  const field = `${path}.path`
  const errors: FieldError[] = []
  const absolute = route.startsWith('/') ? [] : [fieldError.invalid(field, route, 'must be an absolute path')]
  if (pathType === 'Exact' || pathType === 'Prefix') {
    errors.push(...absolute)
    for (const part of ambiguous) {
      if (route.includes(part)) errors.push(fieldError.invalid(field, route, `must not contain '${part}'`))
    }
    for (const end of ambiguousEnds) {
      if (route.endsWith(end)) errors.push(fieldError.invalid(field, route, `cannot end with '${end}'`))
    }
  } else if (pathType === 'ImplementationSpecific') {
    if (route !== '') errors.push(...absolute)
  } else errors.push(fieldError.notSupported(`${path}.pathType`, pathType, pathTypes))
  return [...errors, ...validateBackend(backend, `${path}.backend`)]
}

const validateBackend = ({ service, resource }: Sent<IngressBackend>, path: string): Errors => {
  if (resource !== undefined && service !== undefined) {
    return [fieldError.invalid(path, '', 'cannot set both resource and service backends')]
  }
  if (resource !== undefined) return validateReference(resource, `${path}.resource`)
  if (service !== undefined) return validateServiceBackend(service, path)
  return [fieldError.invalid(path, '', 'resource or service backend is required')]
}

const validateServiceBackend = (service: Sent<IngressServiceBackend>, path: string): Errors => {
  const { name = '', port: { name: portName = '', number = 0 } = {} } = service
  const field = `${path}.service`
  const errors: FieldError[] =
    name === ''
      ? [fieldError.required(`${field}.name`)]
      : [...invalid(`${field}.name`, name, checkDns1035Label(name))]
  if (portName !== '' && number !== 0) {
    errors.push(fieldError.invalid(path, '', 'cannot set both port name & port number'))
  } else if (portName !== '') {
    errors.push(...invalid(`${field}.port.name`, portName, checkPortName(portName)))
  } else if (number !== 0) {
    errors.push(...invalid(`${field}.port.number`, number, checkPortNumber(number)))
  } else errors.push(fieldError.required(path, 'port name or number is required'))
  return errors
}

export const validateReference = (reference: Sent<TypedLocalObjectReference>, path: string): Errors => {
  const { apiGroup, kind = '', name = '' } = reference
  return [
    ...(apiGroup === undefined ? [] : validateDnsSubdomain(apiGroup, `${path}.apiGroup`)),
    ...validateSegment(kind, `${path}.kind`),
    ...validateSegment(name, `${path}.name`),
  ]
}

const validateSegment = (value: string, field: string): Errors =>
  value === '' ? [fieldError.required(field)] : invalid(field, value, checkPathSegmentName(value))
