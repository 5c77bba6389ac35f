/** Nodes and pods for tests, with no more in them than the test is about. */
import type { Container, Node, Pod, PodSpec } from '../api/schema/types.gen.ts'
import { runtimeLabel } from './filters/runtime-available.ts'

export interface NodeFacts {
  readonly labels?: Readonly<Record<string, string>>
  readonly allocatable?: Readonly<Record<string, string>>
  readonly ready?: string
  readonly taints?: NonNullable<Node['spec']['taints']>
  readonly unschedulable?: boolean
}

export function node(name: string, facts: NodeFacts = {}): Node {
  const { allocatable, labels, ready = 'True', taints, unschedulable } = facts
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { [runtimeLabel('process')]: 'true', ...labels } },
    spec: { ...(taints && { taints }), ...(unschedulable && { unschedulable }) },
    status: {
      allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...allocatable },
      conditions: [{ type: 'Ready', status: ready }],
    },
  }
}

export interface PodFacts {
  readonly on?: string
  readonly owner?: string
  readonly phase?: string
  readonly requests?: Readonly<Record<string, string>>
  readonly spec?: Partial<PodSpec>
  readonly annotations?: Readonly<Record<string, string>>
}

export function pod(
  name: string,
  { annotations, on, owner, phase = 'Pending', requests, spec }: PodFacts = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      ...(annotations && { annotations }),
      ...(owner && {
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true },
        ],
      }),
    },
    spec: { containers: [container(requests)], ...(on && { nodeName: on }), ...spec },
    status: { phase },
  }
}

export const container = (
  requests?: Readonly<Record<string, string>>,
  more: Partial<Container> = {},
): Container => ({
  name: 'main',
  image: 'npm:hello@1.0.0',
  ...(requests && { resources: { requests: { ...requests } } }),
  ...more,
})
