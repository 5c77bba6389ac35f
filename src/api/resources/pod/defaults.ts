/**
 * What a pod is given where its author said nothing. Pods, ReplicaSets and Deployments share `applyPodSpecDefaults`;
 * what only a real pod gets is in `applyPodDefaults` (kubernetes pkg/apis/core/v1/defaults.go 023f88a).
 */
import { parseImage } from '../../image.ts'
import type {
  Container,
  EphemeralContainer,
  HTTPGetAction,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
} from '../../schema/types.gen.ts'
import { canonicalizeAmounts } from '../resource-list.ts'
import { applyVolumeDefaults } from './volume-defaults.ts'

const gracePeriodSeconds = 30

export const applyPodSpecDefaults = (spec: PodSpec): void => {
  spec.containers ??= []
  spec.dnsPolicy ||= 'ClusterFirst'
  spec.restartPolicy ||= 'Always'
  spec.securityContext ??= {}
  spec.terminationGracePeriodSeconds ??= gracePeriodSeconds
  spec.schedulerName ||= 'default-scheduler'
  mirrorServiceAccount(spec)
  for (const volume of spec.volumes ?? []) applyVolumeDefaults(volume)
  for (const container of containersOf(spec)) applyContainerDefaults(container)
}

export const applyPodTemplateDefaults = (template: PodTemplateSpec): void => {
  template.metadata ??= {}
  template.spec ??= { containers: [] }
  applyPodSpecDefaults(template.spec)
}

export const applyPodDefaults = (pod: Pod): void => {
  pod.spec ??= { containers: [] }
  applyPodSpecDefaults(pod.spec)
  pod.spec.enableServiceLinks ??= true
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    requestWhatIsLimited(container)
    if (pod.spec.hostNetwork === true) mirrorHostPorts(container)
  }
}

type AnyContainer = Container | EphemeralContainer

const containersOf = (spec: PodSpec): readonly AnyContainer[] => [
  ...(spec.initContainers ?? []),
  ...spec.containers,
  ...(spec.ephemeralContainers ?? []),
]

/** `serviceAccount` is the old name of the field; clients read either. */
const mirrorServiceAccount = (spec: PodSpec): void => {
  const name = spec.serviceAccountName || spec.serviceAccount || ''
  if (name === '') return
  spec.serviceAccountName = name
  spec.serviceAccount = name
}

const applyContainerDefaults = (container: AnyContainer): void => {
  container.imagePullPolicy ||= isLatest(container.image ?? '') ? 'Always' : 'IfNotPresent'
  container.terminationMessagePath ||= '/dev/termination-log'
  container.terminationMessagePolicy ||= 'File'
  container.resources ??= {}
  canonicalizeAmounts(container.resources.limits)
  canonicalizeAmounts(container.resources.requests)
  for (const port of container.ports ?? []) port.protocol ||= 'TCP'
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef !== undefined) valueFrom.fieldRef.apiVersion ||= 'v1'
    if (valueFrom?.resourceFieldRef !== undefined) valueFrom.resourceFieldRef.divisor ||= '0'
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe !== undefined) applyProbeDefaults(probe)
  }
  for (const hook of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (hook?.httpGet !== undefined) applyHttpGetDefaults(hook.httpGet)
  }
}

const applyProbeDefaults = (probe: Probe): void => {
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  if (probe.httpGet !== undefined) applyHttpGetDefaults(probe.httpGet)
  if (probe.grpc !== undefined) probe.grpc.service ??= ''
}

const applyHttpGetDefaults = (action: HTTPGetAction): void => {
  action.path ||= '/'
  action.scheme ||= 'HTTP'
}

/** Whether the same text may mean another thing tomorrow. Text that isn't an image is refused by validation. */
const isLatest = (text: string): boolean => {
  try {
    const image = parseImage(text)
    if (image.scheme === 'npm') return image.version === 'latest'
    if (image.scheme !== 'oci' || image.reference.includes('@')) return false
    const tag = /:([\w][\w.-]*)$/.exec(image.reference)?.[1]
    return tag === undefined || tag === 'latest'
  } catch {
    return false // validation names what is wrong with it
  }
}

/** Who names a limit only has asked for that much. */
const requestWhatIsLimited = ({ resources }: Container): void => {
  if (resources?.limits === undefined) return
  resources.requests = { ...resources.limits, ...resources.requests }
}

/** On the host's network a container's port is the host's. */
const mirrorHostPorts = ({ ports }: Container): void => {
  for (const port of ports ?? []) port.hostPort ||= port.containerPort
}
