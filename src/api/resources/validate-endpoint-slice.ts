/** kubernetes pkg/apis/discovery/validation/validation.go 006614e */
import { isIpv4, isIpv6 } from '../addresses.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkDns1123Label, checkDns1123Subdomain } from '../names.ts'
import { at } from '../paths.ts'
import type { DiscoveryEndpointPort, Endpoint, EndpointSlice } from '../schema/types.gen.ts'
import { invalid, validateImmutable, validateLabels } from '../validate-meta.ts'
import type { Sent } from './sent.ts'
import {
  protocols,
  validateChoice,
  validateDnsLabel,
  validateDnsSubdomain,
  validateNonSpecialIp,
  validatePortNumber,
  validateQualifiedName,
} from './validate-values.ts'

type Errors = readonly FieldError[]

// Upstream's bounds: a slice must stay small enough to be sent to every node at each change.
const endpointsMax = 1000
const portsMax = 20_000
const addressesMax = 100
const topologyMax = 16
const zonesMax = 8

const addressTypes: readonly string[] = ['FQDN', 'IPv4', 'IPv6']

export const validateEndpointSlice = (slice: EndpointSlice, old: EndpointSlice | undefined): Errors => [
  ...validateChoice(slice.addressType, 'addressType', addressTypes),
  ...validateEndpoints(slice.endpoints ?? [], slice.addressType),
  ...validatePorts(slice.ports ?? []),
  ...(old === undefined ? [] : validateImmutable('addressType', slice.addressType, old.addressType)),
]

const validateEndpoints = (endpoints: readonly Endpoint[], type: string): Errors =>
  endpoints.length > endpointsMax
    ? [fieldError.tooMany('endpoints', endpoints.length, endpointsMax)]
    : endpoints.flatMap((endpoint, index) => validateEndpoint(endpoint, at('endpoints', index), type))

const validateEndpoint = (endpoint: Sent<Endpoint>, path: string, type: string): Errors => {
  const { addresses = [], hostname, nodeName, deprecatedTopology = {}, hints } = endpoint
  const field = `${path}.addresses`
  const errors: FieldError[] = []
  if (addresses.length === 0) errors.push(fieldError.required(field, 'must contain at least 1 address'))
  if (addresses.length > addressesMax) errors.push(fieldError.tooMany(field, addresses.length, addressesMax))
  errors.push(...addresses.flatMap((address, index) => validateAddress(address, at(field, index), type)))
  const count = Object.keys(deprecatedTopology).length
  const topology = `${path}.deprecatedTopology`
  if (count > topologyMax) errors.push(fieldError.tooMany(topology, count, topologyMax))
  errors.push(...validateLabels(deprecatedTopology, topology))
  if (nodeName !== undefined) errors.push(...validateDnsSubdomain(nodeName, `${path}.nodeName`))
  if (hostname !== undefined) errors.push(...validateDnsLabel(hostname, `${path}.hostname`))
  return [...errors, ...validateZones(hints?.forZones ?? [], `${path}.hints.forZones`)]
}

const validateAddress = (address: string, field: string, type: string): Errors => {
  switch (type) {
    case 'IPv4': {
      const why = 'must be a valid IPv4 address'
      const errors = isIpv4(address) ? [] : [fieldError.invalid(field, address, why)]
      return [...errors, ...validateNonSpecialIp(address, field)]
    }
    case 'IPv6': {
      const why = 'must be a valid IPv6 address'
      const errors = isIpv6(address) ? [] : [fieldError.invalid(field, address, why)]
      return [...errors, ...validateNonSpecialIp(address, field)]
    }
    case 'FQDN':
      return validateDomain(address.replace(/\.$/, ''), field)
    default:
      return []
  }
}

const validateDomain = (name: string, field: string): Errors => {
  if (name === '') return [fieldError.required(field)]
  const problems = checkDns1123Subdomain(name)
  if (problems.length > 0) return [fieldError.invalid(field, name, problems.join(','))]
  const labels = name.split('.')
  if (labels.length < 2) {
    const why = 'should be a domain with at least two segments separated by dots'
    return [fieldError.invalid(field, name, why)]
  }
  const bad = labels.find((label) => checkDns1123Label(label).length > 0)
  return bad === undefined ? [] : [fieldError.invalid(field, bad, checkDns1123Label(bad).join(','))]
}

const validateZones = (zones: Sent<readonly { name: string }[]>, field: string): Errors => {
  if (zones.length > zonesMax) return [fieldError.tooMany(field, zones.length, zonesMax)]
  const names = new Set<string>()
  return zones.flatMap(({ name = '' }, index) => {
    const path = `${at(field, index)}.name`
    const isRepeated = names.has(name)
    names.add(name)
    if (isRepeated) return [fieldError.duplicate(path, name)]
    return name === '' ? [fieldError.required(path)] : validateQualifiedName(name, path)
  })
}

const validatePorts = (ports: readonly DiscoveryEndpointPort[]): Errors => {
  if (ports.length > portsMax) return [fieldError.tooMany('ports', ports.length, portsMax)]
  const names = new Set<string>()
  return ports.flatMap(({ name = '', port, protocol, appProtocol }, index) => {
    const field = at('ports', index)
    const errors: FieldError[] = []
    if (name !== '') errors.push(...invalid(`${field}.name`, name, checkDns1123Label(name)))
    if (names.has(name)) errors.push(fieldError.duplicate(`${field}.name`, name))
    names.add(name)
    if (port !== undefined) errors.push(...validatePortNumber(port, `${field}.port`))
    errors.push(...validateChoice(protocol, `${field}.protocol`, protocols))
    if (appProtocol !== undefined) errors.push(...validateQualifiedName(appProtocol, `${field}.appProtocol`))
    return errors
  })
}
