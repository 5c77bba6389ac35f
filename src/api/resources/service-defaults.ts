/**
 * What a Service is given, and what an update that doesn't mention it keeps (kubernetes pkg/apis/core/v1/defaults.go
 * 023f88a, pkg/registry/core/service/storage/alloc.go 03d11c5). Addresses are assigned elsewhere: here is one family,
 * IPv4.
 */
import type { Service, ServicePort, ServiceSpec } from '../schema/types.gen.ts'
import { semanticEqual } from './semantic-equal.ts'

const affinitySeconds = 10_800

export const applyServiceDefaults = (service: Service): void => {
  service.spec ??= {}
  const { spec, status } = service
  spec.sessionAffinity ||= 'None'
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  if (
    spec.sessionAffinity === 'ClientIP' &&
    spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined
  ) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: affinitySeconds } }
  }
  spec.type ||= 'ClusterIP'
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP'
    port.targetPort ||= port.port
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster'
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster'
  if (spec.type !== 'LoadBalancer') return
  spec.allocateLoadBalancerNodePorts ??= true
  for (const ingress of status?.loadBalancer?.ingress ?? []) {
    if ((ingress.ip ?? '') !== '') ingress.ipMode ??= 'VIP'
  }
}

export const isExternallyAccessible = (spec: ServiceSpec): boolean =>
  spec.type === 'LoadBalancer' ||
  spec.type === 'NodePort' ||
  (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0)

export const isHeadless = ({ clusterIPs = [] }: ServiceSpec): boolean =>
  clusterIPs.length === 1 && clusterIPs[0] === 'None'

/** Makes of `clusterIP` and `clusterIPs` one thing, whichever the client wrote, and names the family. */
export const settleIps = ({ spec }: Service, old: Service | undefined): void => {
  if (old !== undefined) {
    keepIps(spec, old.spec)
    if (spec.type === 'ExternalName') dropIps(spec, old.spec)
    followClusterIp(spec, old.spec)
  } else if ((spec.clusterIP ?? '') !== '' && (spec.clusterIPs ?? []).length === 0) {
    spec.clusterIPs = [spec.clusterIP ?? '']
  }
  if (spec.type === 'ExternalName') return
  const oldPolicy = old?.spec.ipFamilyPolicy
  spec.ipFamilyPolicy ??= oldPolicy ?? 'SingleStack'
  if ((spec.ipFamilies ?? []).length === 0) spec.ipFamilies = familiesOf(spec)
}

/** NodePorts, addresses: whoever leaves out what was assigned doesn't mean to give it up. */
export const carryOverAllocated = ({ spec }: Service, { spec: old }: Service): void => {
  if (needsNodePorts(spec) && needsNodePorts(old)) {
    const taken = new Set((spec.ports ?? []).map(({ nodePort = 0 }) => nodePort))
    const keyOf = ({ port, protocol }: ServicePort): string => `${protocol} ${port}`
    const nodePortBefore = new Map((old.ports ?? []).map((port) => [keyOf(port), port.nodePort ?? 0]))
    for (const port of spec.ports ?? []) {
      const before = nodePortBefore.get(keyOf(port)) ?? 0
      if ((port.nodePort ?? 0) === 0 && before !== 0 && !taken.has(before)) port.nodePort = before
    }
  } else if (needsNodePorts(old)) {
    const isSame = semanticEqual(nodePortsOf(spec), nodePortsOf(old))
    if (isSame) for (const port of spec.ports ?? []) delete port.nodePort
  }
  if (!isExternallyAccessible(spec) && spec.externalTrafficPolicy === old.externalTrafficPolicy) {
    delete spec.externalTrafficPolicy
  }
  if (spec.type === 'LoadBalancer' || old.type !== 'LoadBalancer') return
  for (const field of [
    'allocateLoadBalancerNodePorts',
    'loadBalancerClass',
    'healthCheckNodePort',
  ] as const) {
    if (spec[field] === old[field]) delete spec[field]
  }
}

const needsNodePorts = ({ type }: ServiceSpec): boolean => type === 'NodePort' || type === 'LoadBalancer'
const nodePortsOf = ({ ports = [] }: ServiceSpec): readonly number[] =>
  ports.map(({ nodePort = 0 }) => nodePort)

const keepIps = (spec: ServiceSpec, old: ServiceSpec): void => {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return
  if ((spec.clusterIP ?? '') === '' && old.clusterIP !== undefined) spec.clusterIP = old.clusterIP
  if (
    (spec.clusterIPs ?? []).length === 0 &&
    old.clusterIPs !== undefined &&
    spec.clusterIP === old.clusterIP
  ) {
    spec.clusterIPs = [...old.clusterIPs]
  }
}

const dropIps = (spec: ServiceSpec, old: ServiceSpec): void => {
  if (old.type === 'ExternalName') return
  for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const) {
    if (semanticEqual(spec[field], old[field])) delete spec[field]
  }
}

/** An older client changes `clusterIP` and sends `clusterIPs` back as it was. */
const followClusterIp = (spec: ServiceSpec, old: ServiceSpec): void => {
  if (spec.clusterIP === old.clusterIP || !semanticEqual(spec.clusterIPs, old.clusterIPs)) return
  if ((spec.clusterIP ?? '') === '') delete spec.clusterIPs
  else spec.clusterIPs = [spec.clusterIP ?? '']
}

const familiesOf = ({ clusterIPs = [] }: ServiceSpec): string[] => {
  const families = clusterIPs.filter((ip) => ip !== 'None').map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4'))
  return families.length === 0 ? ['IPv4'] : families
}
