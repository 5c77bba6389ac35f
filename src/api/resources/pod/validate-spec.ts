/**
 * Everything that can be wrong with a pod's spec, alone or in a template
 * (kubernetes pkg/apis/core/validation/validation.go 000f260). Start here; each file beside it has one part.
 */
import { checkIp } from '../../addresses.ts'
import { fieldError, type FieldError } from '../../field-errors.ts'
import { checkDns1123Subdomain, checkInRange } from '../../names.ts'
import { at, child } from '../../paths.ts'
import type {
  HostAlias,
  PodDNSConfig,
  PodReadinessGate,
  PodSpec,
  PodTemplateSpec,
} from '../../schema/types.gen.ts'
import { invalid, validateAnnotations, validateLabels } from '../../validate-meta.ts'
import type { Sent } from '../sent.ts'
import {
  int32Max,
  validateChoice,
  validateDnsLabel,
  validateDnsSubdomain,
  validateOptionalChoice,
  validateQualifiedName,
} from '../validate-values.ts'
import { validateContainers, validateInitContainers } from './validate-containers.ts'
import { validateResourceRequirements } from './validate-resources.ts'
import { validateAffinity, validateTolerations, validateTopologySpread } from './validate-scheduling.ts'
import { validatePodSecurityContext } from './validate-security.ts'
import { validateVolumes } from './validate-volumes.ts'

type Errors = readonly FieldError[]

export interface SpecOptions {
  /** False in a template: what the pod's own defaulting fills in may be missing there. */
  readonly isPod: boolean
}

export const validatePodTemplate = (template: PodTemplateSpec, path: string): Errors => {
  const errors: FieldError[] = [
    ...validateLabels(template.metadata?.labels, `${path}.labels`),
    ...validateAnnotations(template.metadata?.annotations, `${path}.annotations`),
    ...validatePodSpec(template.spec, `${path}.spec`, { isPod: false }),
  ]
  if ((template.spec.ephemeralContainers ?? []).length > 0) {
    const why = 'ephemeral containers not allowed in pod template'
    errors.push(fieldError.forbidden(`${path}.spec.ephemeralContainers`, why))
  }
  return errors
}

export const validatePodSpec = (spec: PodSpec, path: string, options: SpecOptions): Errors => [
  ...(spec.terminationGracePeriodSeconds === undefined
    ? [fieldError.required(`${path}.terminationGracePeriodSeconds`)]
    : []),
  ...validateVolumes(spec.volumes, `${path}.volumes`),
  ...validateContainers(spec, `${path}.containers`),
  ...validateInitContainers(spec, `${path}.initContainers`),
  ...(spec.resources ? validateResourceRequirements(spec.resources, `${path}.resources`) : []),
  ...validateHostNetwork(spec, path, options),
  ...validateChoice(spec.restartPolicy, `${path}.restartPolicy`, ['Always', 'OnFailure', 'Never']),
  ...validateChoice(spec.dnsPolicy, `${path}.dnsPolicy`, dnsPolicies),
  ...validateLabels(spec.nodeSelector, `${path}.nodeSelector`),
  ...validatePodSecurityContext(spec, `${path}.securityContext`),
  ...validateAffinity(spec.affinity, `${path}.affinity`),
  ...validateDnsConfig(spec, `${path}.dnsConfig`),
  ...(spec.readinessGates ?? []).flatMap(({ conditionType = '' }: Sent<PodReadinessGate>, index) =>
    validateQualifiedName(conditionType, `${at(`${path}.readinessGates`, index)}.conditionType`),
  ),
  ...validateSchedulingGates(spec, `${path}.schedulingGates`),
  ...validateTopologySpread(spec.topologySpreadConstraints, `${path}.topologySpreadConstraints`),
  ...validateHostUsers(spec, path),
  ...validateNames(spec, path),
  ...validateTolerations(spec.tolerations, `${path}.tolerations`),
  ...validateHostAliases(spec.hostAliases ?? [], `${path}.hostAliases`),
]

const dnsPolicies: readonly string[] = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']

const validateNames = (spec: PodSpec, path: string): Errors => {
  const errors: FieldError[] = []
  for (const name of ['serviceAccountName', 'nodeName', 'priorityClassName', 'runtimeClassName'] as const) {
    const value = spec[name] ?? ''
    if (value !== '') errors.push(...validateDnsSubdomain(value, child(path, name)))
  }
  for (const name of ['hostname', 'subdomain'] as const) {
    const value = spec[name] ?? ''
    if (value !== '') errors.push(...validateDnsLabel(value, child(path, name)))
  }
  const seconds = spec.activeDeadlineSeconds
  if (seconds !== undefined) {
    const problems = checkInRange(seconds, { min: 1, max: int32Max })
    errors.push(...invalid(`${path}.activeDeadlineSeconds`, seconds, problems))
  }
  const preemptions = ['PreemptLowerPriority', 'Never']
  errors.push(...validateOptionalChoice(spec.preemptionPolicy, `${path}.preemptionPolicy`, preemptions))
  errors.push(...validateOptionalChoice(spec.os?.name, `${path}.os`, ['linux', 'windows']))
  return errors
}

const validateHostNetwork = (spec: PodSpec, path: string, { isPod }: SpecOptions): Errors => {
  if (spec.hostNetwork !== true) return []
  return (spec.containers ?? []).flatMap(({ ports = [] }, index) =>
    ports.flatMap(({ hostPort = 0, containerPort }, portIndex) => {
      if (hostPort === containerPort || (!isPod && hostPort === 0)) return []
      const field = `${at(`${at(`${path}.containers`, index)}.ports`, portIndex)}.hostPort`
      const why = 'must match `containerPort` when `hostNetwork` is true'
      return [fieldError.invalid(field, hostPort, why)]
    }),
  )
}

const validateHostUsers = (spec: PodSpec, path: string): Errors => {
  if (spec.hostUsers !== false) return []
  const why = 'when `pod.Spec.HostUsers` is false'
  // The names are upstream's, capitals and all.
  const fields = { hostNetwork: 'hostNetwork', hostPID: 'HostPID', hostIPC: 'HostIPC' } as const
  return (['hostNetwork', 'hostPID', 'hostIPC'] as const)
    .filter((name) => spec[name] === true)
    .map((name) => fieldError.forbidden(`${path}.${fields[name]}`, why))
}

const validateSchedulingGates = ({ schedulingGates }: Sent<PodSpec>, path: string): Errors => {
  const names = new Set<string>()
  return (schedulingGates ?? []).flatMap(({ name = '' }, index) => {
    const field = at(path, index)
    const errors = [...validateQualifiedName(name, field)]
    if (names.has(name)) errors.push(fieldError.duplicate(field, name))
    names.add(name)
    return errors
  })
}

const validateHostAliases = (aliases: Sent<readonly HostAlias[]>, path: string): Errors =>
  aliases.flatMap(({ ip = '', hostnames = [] }, index) => [
    ...invalid(`${at(path, index)}.ip`, ip, checkIp(ip)),
    ...hostnames.flatMap((name, nameIndex) =>
      validateDnsSubdomain(name, at(`${at(path, index)}.hostnames`, nameIndex)),
    ),
  ])

// Limits of the C library's resolver.
const nameserversMax = 3
const searchesMax = 32
const searchCharactersMax = 2048

const validateDnsConfig = ({ dnsConfig, dnsPolicy }: PodSpec, path: string): Errors => {
  if (dnsPolicy === 'None') {
    if (dnsConfig === undefined) {
      return [fieldError.required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')]
    }
    if ((dnsConfig.nameservers ?? []).length === 0) {
      const why = 'must provide at least one DNS nameserver when `dnsPolicy` is None'
      return [fieldError.required(`${path}.nameservers`, why)]
    }
  }
  return dnsConfig === undefined ? [] : validateDnsLists(dnsConfig, path)
}

const validateDnsLists = (config: PodDNSConfig, path: string): Errors => {
  const { nameservers = [], searches = [], options = [] } = config
  const errors: FieldError[] = []
  if (nameservers.length > nameserversMax) {
    const why = `must not have more than ${nameserversMax} nameservers`
    errors.push(fieldError.invalid(`${path}.nameservers`, nameservers, why))
  }
  for (const [index, ip] of nameservers.entries()) {
    errors.push(...invalid(at(`${path}.nameservers`, index), ip, checkIp(ip)))
  }
  if (searches.length > searchesMax) {
    const why = `must not have more than ${searchesMax} search paths`
    errors.push(fieldError.invalid(`${path}.searches`, searches, why))
  }
  if (searches.join(' ').length > searchCharactersMax) {
    const why = `must not have more than ${searchCharactersMax} characters (including spaces) in the search list`
    errors.push(fieldError.invalid(`${path}.searches`, searches, why))
  }
  for (const [index, search] of searches.entries()) {
    // Names in a search list may carry underscores and a dot at the end; a single dot is the root.
    const plain = search.replace(/\.$/, '').replaceAll('_', '')
    if (search === '.') continue
    errors.push(...invalid(at(`${path}.searches`, index), search, checkDns1123Subdomain(plain)))
  }
  for (const [index, { name = '' }] of options.entries()) {
    if (name === '') errors.push(fieldError.required(at(`${path}.options`, index), 'must not be empty'))
  }
  return errors
}
