/** What a Service keeps for life, and what its status may say (kubernetes pkg/apis/core/validation/validation.go 000f260). */
import { checkIp, parseIp } from '../addresses.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkDns1123Subdomain } from '../names.ts'
import { at } from '../paths.ts'
import type { Service, ServiceSpec } from '../schema/types.gen.ts'
import { invalid } from '../validate-meta.ts'
import { isHeadless } from './service-defaults.ts'

type Errors = readonly FieldError[]

const onceSet = 'may not change once set'

export const validateServiceUpdate = ({ spec }: Service, { spec: old }: Service): Errors => {
  const errors: FieldError[] = []
  if (spec.type !== 'ExternalName' && old.type !== 'ExternalName') {
    if (!isHeadless(spec) || !isHeadless(old)) errors.push(...validateIps(spec, old))
    if (!isHeadless(spec) && !isHeadless(old)) errors.push(...validateFamilies(spec, old))
  }
  const isBalanced = spec.type === 'LoadBalancer' && old.type === 'LoadBalancer'
  if (isBalanced && spec.loadBalancerClass !== old.loadBalancerClass) {
    errors.push(fieldError.invalid('spec.loadBalancerClass', spec.loadBalancerClass ?? null, onceSet))
  }
  return errors
}

/** The first address stays; a second one may come and, with `SingleStack`, go. */
const validateIps = (spec: ServiceSpec, old: ServiceSpec): Errors => {
  const { clusterIPs: ips = [] } = spec
  const { clusterIPs: before = [] } = old
  const field = 'spec.clusterIPs'
  if (ips.length === before.length) {
    return before.flatMap((ip, index) =>
      ip === ips[index] ? [] : [fieldError.invalid(at(field, index), ips, onceSet)],
    )
  }
  if (ips.length === 0) {
    return [fieldError.invalid(at(field, 0), spec.clusterIPs ?? null, 'primary clusterIP can not be unset')]
  }
  const errors: FieldError[] = []
  if (before.length > 0 && ips[0] !== before[0]) errors.push(fieldError.invalid(at(field, 0), ips, onceSet))
  if (ips.length < before.length && spec.ipFamilyPolicy !== 'SingleStack') {
    const why = "must be set to 'SingleStack' when releasing the secondary clusterIP"
    errors.push(fieldError.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, why))
  }
  return errors
}

const validateFamilies = (spec: ServiceSpec, old: ServiceSpec): Errors => {
  const { ipFamilies: families = [] } = spec
  const { ipFamilies: before = [] } = old
  const shared = Math.min(families.length, before.length)
  const isChanged = before.slice(0, shared).some((family, index) => family !== families[index])
  return isChanged ? [fieldError.invalid('spec.ipFamilies[0]', families, onceSet)] : []
}

const ipModes: readonly string[] = ['Proxy', 'VIP']

export const validateLoadBalancer = ({ spec, status }: Service): Errors => {
  const ingress = status?.loadBalancer?.ingress ?? []
  const path = 'status.loadBalancer.ingress'
  if (spec.type !== 'LoadBalancer' && ingress.length > 0) {
    return [fieldError.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
  }
  return ingress.flatMap(({ ip = '', hostname = '', ipMode }, index) => {
    const field = at(path, index)
    const errors: FieldError[] = ip === '' ? [] : [...invalid(`${field}.ip`, ip, checkIp(ip))]
    if (ipMode === undefined) {
      if (ip !== '') errors.push(fieldError.required(`${field}.ipMode`, 'must be specified when `ip` is set'))
    } else if (ip === '') {
      errors.push(fieldError.forbidden(`${field}.ipMode`, 'may not be specified when `ip` is not set'))
    } else if (!ipModes.includes(ipMode)) {
      errors.push(fieldError.notSupported(`${field}.ipMode`, ipMode, ipModes))
    }
    return [...errors, ...validateHostname(hostname, `${field}.hostname`)]
  })
}

/** The name of a load balancer, if it has one. */
export const validateHostname = (hostname: string, field: string): Errors => {
  if (hostname === '') return []
  const errors: FieldError[] = [...invalid(field, hostname, checkDns1123Subdomain(hostname))]
  if (parseIp(hostname) === undefined) return errors
  return [...errors, fieldError.invalid(field, hostname, 'must be a DNS name, not an IP address')]
}
