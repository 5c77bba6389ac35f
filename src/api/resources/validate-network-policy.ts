/** kubernetes pkg/apis/networking/validation/validation.go 019c5dc */
import { checkCidr, parseIp } from '../addresses.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { checkPortName, checkPortNumber } from '../names.ts'
import { at } from '../paths.ts'
import type { IPBlock, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec } from '../schema/types.gen.ts'
import { validateLabelSelector } from '../selector.ts'
import { invalid } from '../validate-meta.ts'
import type { Sent } from './sent.ts'

type Errors = readonly FieldError[]

export const validateNetworkPolicy = (spec: NetworkPolicySpec): Errors => [
  ...validateLabelSelector(spec.podSelector, 'spec.podSelector'),
  ...(spec.ingress ?? []).flatMap(({ from = [], ports = [] }, index) => {
    const path = at('spec.ingress', index)
    return [...validatePorts(ports, `${path}.ports`), ...validatePeers(from, `${path}.from`)]
  }),
  ...(spec.egress ?? []).flatMap(({ ports = [], to = [] }, index) => {
    const path = at('spec.egress', index)
    return [...validatePorts(ports, `${path}.ports`), ...validatePeers(to, `${path}.to`)]
  }),
  ...validateTypes(spec.policyTypes ?? []),
]

const types: readonly string[] = ['Ingress', 'Egress']

const validateTypes = (policyTypes: readonly string[]): Errors => {
  const field = 'spec.policyTypes'
  if (policyTypes.length > types.length) {
    return [fieldError.invalid(field, policyTypes, 'may not specify more than two policyTypes')]
  }
  return policyTypes.flatMap((type, index) =>
    types.includes(type) ? [] : [fieldError.notSupported(at(field, index), type, types)],
  )
}

const protocols: readonly string[] = ['TCP', 'UDP', 'SCTP']

const validatePorts = (ports: readonly NetworkPolicyPort[], path: string): Errors =>
  ports.flatMap((port, index) => validatePort(port, at(path, index)))

const validatePort = ({ endPort, port, protocol }: NetworkPolicyPort, path: string): Errors => {
  const errors: FieldError[] = []
  if (protocol !== undefined && !protocols.includes(protocol)) {
    errors.push(fieldError.notSupported(`${path}.protocol`, protocol, protocols))
  }
  const field = `${path}.endPort`
  const refuse = (why: string): void => {
    if (endPort !== undefined) errors.push(fieldError.invalid(field, endPort, why))
  }
  if (port === undefined) refuse('may not be specified when `port` is not specified')
  else if (typeof port === 'string') {
    refuse('may not be specified when `port` is non-numeric')
    errors.push(...invalid(`${path}.port`, port, checkPortName(port)))
  } else {
    errors.push(...invalid(`${path}.port`, port, checkPortNumber(port)))
    if (endPort === undefined) return errors
    if (endPort < port) refuse('must be greater than or equal to `port`')
    errors.push(...invalid(field, endPort, checkPortNumber(endPort)))
  }
  return errors
}

const validatePeers = (peers: readonly NetworkPolicyPeer[], path: string): Errors =>
  peers.flatMap((peer, index) => validatePeer(peer, at(path, index)))

const validatePeer = (
  { ipBlock, namespaceSelector, podSelector }: NetworkPolicyPeer,
  path: string,
): Errors => {
  const count = [ipBlock, namespaceSelector, podSelector].filter((peer) => peer !== undefined).length
  const errors: FieldError[] = [
    ...validateLabelSelector(podSelector, `${path}.podSelector`),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
    ...(ipBlock ? validateBlock(ipBlock, `${path}.ipBlock`) : []),
  ]
  if (count === 0) errors.push(fieldError.required(path, 'must specify a peer'))
  if (count < 2 || ipBlock === undefined) return errors
  return [...errors, fieldError.forbidden(path, 'may not specify both ipBlock and another peer')]
}

const validateBlock = ({ cidr = '', except = [] }: Sent<IPBlock>, path: string): Errors => {
  if (cidr === '') return [fieldError.required(`${path}.cidr`)]
  const problems = checkCidr(cidr)
  if (problems.length > 0) return invalid(`${path}.cidr`, cidr, problems)
  return except.flatMap((part, index) => {
    const field = at(`${path}.except`, index)
    const partProblems = checkCidr(part)
    if (partProblems.length > 0) return invalid(field, part, partProblems)
    return isStrictlyWithin(part, cidr)
      ? []
      : [fieldError.invalid(field, part, 'must be a strict subset of `cidr`')]
  })
}

/** Both are CIDRs. */
const isStrictlyWithin = (inner: string, outer: string): boolean => {
  const [a, b] = [bitsOf(inner), bitsOf(outer)]
  return a.size === b.size && a.prefix.length > b.prefix.length && a.prefix.startsWith(b.prefix)
}

/** The bits of an address that its mask keeps, as text. */
const bitsOf = (cidr: string): { readonly prefix: string; readonly size: number } => {
  const [address = '', length = ''] = cidr.split('/')
  const groups = parseIp(address) ?? []
  const width = groups.length === 4 ? 8 : 16
  const bits = groups.map((group) => group.toString(2).padStart(width, '0')).join('')
  return { prefix: bits.slice(0, Number(length)), size: bits.length }
}
