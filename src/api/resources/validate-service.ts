/** kubernetes pkg/apis/core/validation/validation.go 000f260 */
import { checkCidr, checkIp, isIpv6 } from '../addresses.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { at } from '../paths.ts'
import type { Service, ServicePort, ServiceSpec } from '../schema/types.gen.ts'
import { invalid, validateLabels } from '../validate-meta.ts'
import type { Sent } from './sent.ts'
import { isExternallyAccessible, isHeadless } from './service-defaults.ts'
import {
  protocols,
  validateChoice,
  validateDnsLabel,
  validateDnsSubdomain,
  validateNonSpecialIp,
  validateOptionalChoice,
  validatePort,
  validatePortNumber,
  validateQualifiedName,
} from './validate-values.ts'

type Errors = readonly FieldError[]

export const validateService = ({ spec }: Service): Errors => [
  ...(spec.ports === undefined || spec.ports.length === 0 ? validateNoPorts(spec) : []),
  ...validateByType(spec),
  ...validatePorts(spec),
  ...validateLabels(spec.selector, 'spec.selector'),
  ...validateAffinity(spec),
  ...validateClusterIps(spec),
  ...(spec.externalIPs ?? []).flatMap((ip, index) => {
    const field = at('spec.externalIPs', index)
    const problems = checkIp(ip)
    return problems.length > 0 ? invalid(field, ip, problems) : validateNonSpecialIp(ip, field)
  }),
  ...validateChoice(spec.type, 'spec.type', ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']),
  ...validateNodePorts(spec),
  ...validateUniquePorts(spec.ports ?? []),
  ...validateLoadBalancerFields(spec),
  ...validateTrafficPolicies(spec),
]

const validateNoPorts = (spec: ServiceSpec): Errors =>
  isHeadless(spec) || spec.type === 'ExternalName' ? [] : [fieldError.required('spec.ports')]

const validateByType = (spec: ServiceSpec): Errors => {
  switch (spec.type ?? '') {
    case 'LoadBalancer':
    case 'NodePort': {
      const why = `may not be set to 'None' for ${spec.type} services`
      return isHeadless(spec) ? [fieldError.invalid('spec.clusterIPs[0]', 'None', why)] : []
    }
    case 'ExternalName':
      return validateExternalName(spec)
    default:
      return []
  }
}

const validateExternalName = (spec: ServiceSpec): Errors => {
  const why = 'may not be set for ExternalName services'
  const errors: FieldError[] = []
  if ((spec.clusterIPs ?? []).length > 0) errors.push(fieldError.forbidden('spec.clusterIPs', why))
  if ((spec.ipFamilies ?? []).length > 0) errors.push(fieldError.forbidden('spec.ipFamilies', why))
  if (spec.ipFamilyPolicy !== undefined) errors.push(fieldError.forbidden('spec.ipFamilyPolicy', why))
  // A dot at the end says that the name is complete.
  const name = (spec.externalName ?? '').replace(/\.$/, '')
  if (name === '') return [...errors, fieldError.required('spec.externalName')]
  return [...errors, ...validateDnsSubdomain(name, 'spec.externalName')]
}

const validatePorts = ({ ports = [] }: Sent<ServiceSpec>): Errors => {
  const names = new Set<string>()
  return ports.flatMap((one, index) => {
    const { name = '', appProtocol } = one
    const field = at('spec.ports', index)
    const errors: FieldError[] = []
    if (name !== '') errors.push(...validateDnsLabel(name, `${field}.name`))
    else if (ports.length > 1) errors.push(fieldError.required(`${field}.name`))
    if (name !== '' && names.has(name)) errors.push(fieldError.duplicate(`${field}.name`, name))
    names.add(name)
    errors.push(...validatePortNumber(one.port, `${field}.port`))
    errors.push(...validateChoice(one.protocol, `${field}.protocol`, protocols))
    errors.push(...validatePort(one.targetPort, `${field}.targetPort`))
    if (appProtocol !== undefined) errors.push(...validateQualifiedName(appProtocol, `${field}.appProtocol`))
    return errors
  })
}

const affinitySecondsMax = 86_400

const validateAffinity = ({ sessionAffinity = '', sessionAffinityConfig: config }: ServiceSpec): Errors => {
  const errors = validateChoice(sessionAffinity, 'spec.sessionAffinity', ['ClientIP', 'None'])
  const field = 'spec.sessionAffinityConfig'
  if (sessionAffinity === 'None' && config !== undefined) {
    return [...errors, fieldError.forbidden(field, 'must not be set when session affinity is None')]
  }
  if (sessionAffinity !== 'ClientIP') return errors
  const why = 'when session affinity type is ClientIP'
  if (config === undefined) return [...errors, fieldError.required(field, why)]
  if (config.clientIP === undefined) return [...errors, fieldError.required(`${field}.clientIP`, why)]
  const seconds = config.clientIP.timeoutSeconds
  const secondsField = `${field}.clientIP.timeoutSeconds`
  if (seconds === undefined) return [...errors, fieldError.required(secondsField, why)]
  if (seconds > 0 && seconds <= affinitySecondsMax) return errors
  const range = `must be greater than 0 and less than ${affinitySecondsMax}`
  return [...errors, fieldError.invalid(secondsField, seconds, range)]
}

const families: readonly string[] = ['IPv4', 'IPv6']
const familyPolicies: readonly string[] = ['PreferDualStack', 'RequireDualStack', 'SingleStack']

const validateClusterIps = (spec: ServiceSpec): Errors => {
  if (spec.type === 'ExternalName') return []
  const { clusterIP = '', clusterIPs: ips = [], ipFamilies = [] } = spec
  const field = 'spec.clusterIPs'
  const errors: FieldError[] = []
  if (clusterIP === '' && ips.length > 0) {
    errors.push(fieldError.invalid(field, ips, 'must be empty when `clusterIP` is not specified'))
  } else if (clusterIP !== '' && ips.length === 0) errors.push(fieldError.required(field))
  else if (clusterIP !== '' && ips[0] !== clusterIP) {
    errors.push(fieldError.invalid(field, ips, 'first value must match `clusterIP`'))
  }
  const seen = new Set<string>()
  for (const [index, family] of ipFamilies.entries()) {
    const path = at('spec.ipFamilies', index)
    if (!families.includes(family)) errors.push(fieldError.notSupported(path, family, families))
    if (seen.has(family)) errors.push(fieldError.duplicate(path, family))
    seen.add(family)
  }
  errors.push(...validateOptionalChoice(spec.ipFamilyPolicy, 'spec.ipFamilyPolicy', familyPolicies))
  const addresses = validateAddresses(ips, field)
  errors.push(...addresses)
  if (ips.length > 2) errors.push(fieldError.invalid(field, ips, 'may only hold up to 2 values'))
  // What follows would only repeat that an address isn't one.
  return addresses.length > 0 ? errors : [...errors, ...validateFamilies(spec, field)]
}

const validateAddresses = (ips: readonly string[], field: string): Errors =>
  ips.flatMap((ip, index) => {
    if (index > 0 || ip !== 'None') return invalid(at(field, index), ip, checkIp(ip))
    const why = "'None' must be the first and only value"
    return ips.length > 1 ? [fieldError.invalid(field, ips, why)] : []
  })

const validateFamilies = (spec: ServiceSpec, field: string): Errors => {
  const { clusterIPs: ips = [], ipFamilies = [] } = spec
  const errors: FieldError[] = []
  const found = ips.map((ip) => (isIpv6(ip) ? 'IPv6' : 'IPv4'))
  if (found.length > 1 && new Set(found).size < 2) {
    errors.push(fieldError.invalid(field, ips, 'may specify no more than one IP for each IP family'))
  }
  if (isHeadless(spec)) return errors
  for (const [index, family] of found.entries()) {
    const wanted = ipFamilies[index]
    if (wanted === undefined || wanted === family) continue
    const why = `expected an ${wanted} value as indicated by \`ipFamilies[${index}]\``
    errors.push(fieldError.invalid(at(field, index), ips[index], why))
  }
  return errors
}

const [nodePortMin, nodePortMax] = [30_000, 32_767]
const outOfRange = `provided port is not in the valid range. The range of valid ports is ${nodePortMin}-${nodePortMax}`

const validateNodePorts = ({ type, ports = [] }: ServiceSpec): Errors => {
  const seen = new Set<string>()
  return ports.flatMap(({ nodePort = 0, protocol = '' }, index) => {
    if (nodePort === 0) return []
    const field = `${at('spec.ports', index)}.nodePort`
    const why = "may not be used when `type` is 'ClusterIP'"
    const errors = type === 'ClusterIP' ? [fieldError.forbidden(field, why)] : []
    // Upstream finds out when it allocates the port, which nothing here does yet.
    const isServed = type === 'NodePort' || type === 'LoadBalancer'
    if (isServed && (nodePort < nodePortMin || nodePort > nodePortMax))
      errors.push(fieldError.invalid(field, nodePort, outOfRange))
    if (seen.has(`${protocol} ${nodePort}`)) errors.push(fieldError.duplicate(field, nodePort))
    seen.add(`${protocol} ${nodePort}`)
    return errors
  })
}

const validateUniquePorts = (ports: readonly ServicePort[]): Errors => {
  const seen = new Set<string>()
  return ports.flatMap(({ port, protocol = '' }, index) => {
    const key = `${protocol} ${port}`
    const isRepeated = seen.has(key)
    seen.add(key)
    // Upstream shows its internal struct, of which only two fields are set.
    const shown = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 }
    return isRepeated ? [fieldError.duplicate(at('spec.ports', index), shown)] : []
  })
}

const validateLoadBalancerFields = (spec: ServiceSpec): Errors => {
  const isBalanced = spec.type === 'LoadBalancer'
  const why = "may only be used when `type` is 'LoadBalancer'"
  const errors: FieldError[] = []
  const ranges = spec.loadBalancerSourceRanges ?? []
  const field = 'spec.LoadBalancerSourceRanges'
  if (ranges.length > 0 && !isBalanced) errors.push(fieldError.forbidden(field, why))
  for (const [index, range] of ranges.entries()) {
    errors.push(...invalid(at(field, index), range.trim(), checkCidr(range.trim())))
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isBalanced) {
    errors.push(fieldError.forbidden('spec.allocateLoadBalancerNodePorts', why))
  }
  if (spec.loadBalancerClass === undefined) return errors
  return isBalanced
    ? [...errors, ...validateQualifiedName(spec.loadBalancerClass, 'spec.loadBalancerClass')]
    : [...errors, fieldError.forbidden('spec.loadBalancerClass', why)]
}

const trafficPolicies: readonly string[] = ['Cluster', 'Local']

const validateTrafficPolicies = (spec: ServiceSpec): Errors => {
  const { externalTrafficPolicy: external = '', internalTrafficPolicy: internal, trafficDistribution } = spec
  const errors: FieldError[] = []
  if (isExternallyAccessible(spec)) {
    errors.push(...validateChoice(external, 'spec.externalTrafficPolicy', trafficPolicies))
  } else if (external !== '') {
    const why = 'may only be set for externally-accessible services'
    errors.push(fieldError.invalid('spec.externalTrafficPolicy', external, why))
  }
  const checksHealth = spec.type === 'LoadBalancer' && external === 'Local'
  if (!checksHealth && (spec.healthCheckNodePort ?? 0) !== 0) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    errors.push(fieldError.invalid('spec.healthCheckNodePort', spec.healthCheckNodePort, why))
  }
  const distributions = ['PreferClose', 'PreferSameNode', 'PreferSameZone']
  return [
    ...errors,
    ...validateOptionalChoice(internal, 'spec.internalTrafficPolicy', trafficPolicies),
    ...validateOptionalChoice(trafficDistribution, 'spec.trafficDistribution', distributions),
  ]
}
