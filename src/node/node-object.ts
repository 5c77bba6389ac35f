/** The Node object that the agent maintains, computed from facts. Pure. */
import { kubernetesVersion, sampanVersion } from '../base/version.ts'
import { identityKeyAnnotation, machineIdAnnotation } from '../client/machine-identity.ts'
import { dataAddressesAnnotation } from '../api/streams/data-addresses.ts'
import { loopbackBlockAnnotation } from '../api/pod-address.ts'
import { sandboxLabel, sandboxLevels, strongest, type SandboxLevel } from '../api/sandbox-level.ts'
import type { Node, NodeCondition, NodeStatus } from '../api/schema/types.gen.ts'
import { canonicalQuantity } from '../api/quantity.ts'
import {
  thresholdOf,
  type EvictionSignal,
  type EvictionThresholds,
  type Pressure,
} from './eviction-thresholds.ts'
import type { MachineFacts, MachineLoad } from './machine-facts.ts'
import type { SandboxPolicy } from './sandbox-level.ts'

export interface NodeInput {
  readonly nodeName: string
  readonly facts: MachineFacts
  readonly load: MachineLoad
  readonly loopbackBlock: string
  readonly machineIdentity: string
  /** Base64 of the public key that the agent proves itself by; unset without a certificate. */
  readonly identityKey?: string
  readonly podsMax: number
  /** Why the runtime is not usable; undefined when it is. */
  readonly runtimeProblem?: string
  readonly thresholds: EvictionThresholds
  /** Of what the machine has too little left, or had lately. */
  readonly pressure: Pressure
  readonly nowIso: string
  readonly labels?: Readonly<Record<string, string>>
  /** What the limits of containers are enforced for. */
  readonly limits: readonly string[]
  /** `HOST:PORT,…`; empty without a data port. */
  readonly dataAddresses: string
  readonly sandboxes: SandboxPolicy & { readonly usable: readonly SandboxLevel[] }
  /** Sandboxed pods are kept from the machine's own services. */
  readonly hasNetworkWall: boolean
}

/** In words: `none by default, permission or bubblewrap on demand`. */
const sandboxesAnnotation = 'sampan.dev/sandboxes'
/** What sandboxed pods are kept from: `loopback,metadata`, or `none`. */
const wallAnnotation = 'sampan.dev/network-wall'
/** `cpu,memory,pids`, fewer, or `none`. */
const limitsAnnotation = 'sampan.dev/enforced-limits'

export function nodeMeta({
  dataAddresses,
  nodeName,
  facts,
  identityKey,
  loopbackBlock,
  machineIdentity,
  labels,
  limits,
  sandboxes,
  hasNetworkWall,
}: NodeInput) {
  const { architecture, operatingSystem } = facts
  return {
    labels: {
      ...labels,
      'kubernetes.io/hostname': nodeName,
      'kubernetes.io/os': operatingSystem,
      'kubernetes.io/arch': architecture,
      'beta.kubernetes.io/os': operatingSystem,
      'beta.kubernetes.io/arch': architecture,
      'sampan.dev/runtime.process': 'true',
      ...sandboxLabels(sandboxes.usable),
    },
    annotations: {
      [machineIdAnnotation]: machineIdentity,
      [loopbackBlockAnnotation]: loopbackBlock,
      [dataAddressesAnnotation]: dataAddresses || 'none',
      [limitsAnnotation]: limits.join(',') || 'none',
      [sandboxesAnnotation]: describeSandboxes(sandboxes),
      [wallAnnotation]: hasNetworkWall ? 'loopback,metadata' : 'none',
      ...(identityKey !== undefined && { [identityKeyAnnotation]: identityKey }),
    },
  }
}

/** Those of levels that are gone, too: labels are not taken away. */
const sandboxLabels = (usable: readonly SandboxLevel[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    sandboxLevels
      .filter((level) => level !== 'none')
      .map((level) => [sandboxLabel(level), String(usable.includes(level))]),
  )

function describeSandboxes({ least, usual, usable }: NodeInput['sandboxes']): string {
  const others = (['none', ...usable] as const).filter(
    (level) => level !== usual && strongest(level, least) === level,
  )
  return others.length === 0 ? usual : `${usual} by default, ${others.join(' or ')} on demand`
}

export const newNode = (input: NodeInput): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: input.nodeName, ...nodeMeta(input) },
  spec: {},
})

export function allocatableOf({
  facts,
  load,
  podsMax,
  thresholds,
}: Pick<NodeInput, 'facts' | 'load' | 'podsMax' | 'thresholds'>): Record<string, string> {
  const left = (signal: EvictionSignal, capacity: number) =>
    ki(Math.max(0, capacity - thresholdOf(signal, capacity, thresholds)))
  return {
    cpu: String(facts.cpus),
    memory: left('memory.available', facts.memoryBytes),
    pods: String(podsMax),
    'ephemeral-storage': left('nodefs.available', load.diskTotalBytes),
  }
}

/** `old` is the status at the server: transition times are carried over from it, and others' conditions. */
export function nodeStatus(input: NodeInput, old: NodeStatus | undefined): NodeStatus {
  const { facts, load, nodeName, podsMax } = input
  return {
    capacity: {
      cpu: String(facts.cpus),
      memory: ki(facts.memoryBytes),
      pods: String(podsMax),
      'ephemeral-storage': ki(load.diskTotalBytes),
    },
    allocatable: allocatableOf(input),
    conditions: conditions(input, old?.conditions ?? []),
    addresses: [
      { type: 'InternalIP', address: facts.hostIP },
      { type: 'Hostname', address: nodeName },
    ],
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.machineId,
      bootID: facts.bootId,
      kernelVersion: facts.kernelVersion,
      osImage: facts.osImage,
      containerRuntimeVersion: `process://${sampanVersion}`,
      kubeletVersion: `${kubernetesVersion.gitVersion}+sampan.${sampanVersion}`,
      kubeProxyVersion: '',
      operatingSystem: facts.operatingSystem,
      architecture: facts.architecture,
    },
  }
}

function conditions(
  { pressure, runtimeProblem, nowIso }: NodeInput,
  old: readonly NodeCondition[],
): NodeCondition[] {
  const next: readonly Omit<NodeCondition, 'lastTransitionTime' | 'lastHeartbeatTime'>[] = [
    pressure.memory
      ? {
          type: 'MemoryPressure',
          status: 'True',
          reason: 'KubeletHasInsufficientMemory',
          message: 'kubelet has insufficient memory available',
        }
      : {
          type: 'MemoryPressure',
          status: 'False',
          reason: 'KubeletHasSufficientMemory',
          message: 'kubelet has sufficient memory available',
        },
    pressure.disk
      ? {
          type: 'DiskPressure',
          status: 'True',
          reason: 'KubeletHasDiskPressure',
          message: 'kubelet has disk pressure: free some space in the data folder',
        }
      : {
          type: 'DiskPressure',
          status: 'False',
          reason: 'KubeletHasNoDiskPressure',
          message: 'kubelet has no disk pressure',
        },
    {
      type: 'PIDPressure',
      status: 'False',
      reason: 'KubeletHasSufficientPID',
      message: 'kubelet has sufficient PID available',
    },
    runtimeProblem === undefined
      ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: runtimeProblem },
  ]
  const ours = next.map((condition): NodeCondition => {
    const before = old.find(({ type }) => type === condition.type)
    const lastTransitionTime =
      before?.status === condition.status ? (before.lastTransitionTime ?? nowIso) : nowIso
    return { ...condition, lastHeartbeatTime: nowIso, lastTransitionTime }
  })
  return [...ours, ...old.filter(({ type }) => !next.some((condition) => condition.type === type))]
}

/** Whether two statuses say the same, heartbeats aside. */
export const withoutHeartbeats = (status: NodeStatus): NodeStatus => ({
  ...status,
  conditions: (status.conditions ?? []).map(({ lastHeartbeatTime: _time, ...condition }) => condition),
})

/** As the API server writes it back, so that a comparison finds no difference. */
const ki = (bytes: number): string => canonicalQuantity(`${Math.floor(bytes / 1024)}Ki`)
