/** Objects for tests, with no more in them than the test is about. */
import type { Deployment, Pod, ReplicaSet } from '../api/schema/types.gen.ts'

export const nowMs = Date.parse('2026-01-01T12:00:00Z')
export const secondsAgo = (seconds: number): string =>
  new Date(nowMs - seconds * 1000).toISOString().replace('.000Z', 'Z')

export interface PodFacts {
  readonly node?: string
  readonly phase?: string
  /** Seconds since it became ready; absent: it is not. */
  readonly readyFor?: number
  readonly age?: number
  readonly restarts?: number
  readonly cost?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly owner?: string
  readonly terminating?: boolean
}

export function pod(name: string, facts: PodFacts = {}): Pod {
  const {
    age = 60,
    cost,
    labels = {},
    node,
    owner,
    phase = 'Running',
    readyFor,
    restarts,
    terminating,
  } = facts
  const isReady = readyFor !== undefined
  const lastTransitionTime = secondsAgo(readyFor ?? age)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      namespace: 'default',
      labels: { ...labels },
      creationTimestamp: secondsAgo(age),
      ...(terminating && { deletionTimestamp: secondsAgo(0) }),
      ...(cost !== undefined && {
        annotations: { 'controller.kubernetes.io/pod-deletion-cost': String(cost) },
      }),
      ...(owner && {
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true },
        ],
      }),
    },
    spec: { containers: [{ name: 'main' }], ...(node && { nodeName: node }) },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime }],
      ...(restarts !== undefined && {
        containerStatuses: [
          { name: 'main', ready: isReady, restartCount: restarts, image: 'i', imageID: 'i' },
        ],
      }),
    },
  }
}

export interface SetFacts {
  readonly replicas: number
  /** Pods that exist; as many as `replicas` unless said otherwise. */
  readonly actual?: number
  readonly available?: number
  readonly revision?: number
  /** The Deployment's size, and that with its surge, when the set was last scaled. */
  readonly sizedFor?: readonly [desired: number, max: number]
  readonly age?: number
  readonly image?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly terminating?: boolean
  readonly failure?: string
}

export function replicaSet(name: string, facts: SetFacts): ReplicaSet {
  const {
    replicas,
    actual = replicas,
    available = actual,
    age = 60,
    image = 'v1',
    revision,
    sizedFor,
  } = facts
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      uid: name,
      namespace: 'default',
      generation: 1,
      creationTimestamp: secondsAgo(age),
      annotations: {
        ...(revision !== undefined && { 'deployment.kubernetes.io/revision': String(revision) }),
        ...(sizedFor && {
          'deployment.kubernetes.io/desired-replicas': String(sizedFor[0]),
          'deployment.kubernetes.io/max-replicas': String(sizedFor[1]),
        }),
        ...facts.annotations,
      },
      ...(facts.terminating && { deletionTimestamp: secondsAgo(0) }),
    },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web', 'pod-template-hash': name } },
        spec: { containers: [{ name: 'main', image }] },
      },
    },
    status: {
      replicas: actual,
      readyReplicas: available,
      availableReplicas: available,
      observedGeneration: 1,
      ...(facts.failure && {
        conditions: [
          { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: facts.failure },
        ],
      }),
    },
  }
}

export interface DeploymentFacts {
  readonly replicas?: number
  readonly surge?: number | string
  readonly unavailable?: number | string
  readonly recreate?: boolean
  readonly paused?: boolean
  readonly image?: string
  readonly deadline?: number
  readonly historyLimit?: number
  readonly status?: Deployment['status']
  readonly annotations?: Readonly<Record<string, string>>
}

export function deployment(facts: DeploymentFacts = {}): Deployment {
  const { replicas = 3, surge = 1, unavailable = 0, image = 'v1' } = facts
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      uid: 'web',
      namespace: 'default',
      generation: 1,
      annotations: { ...facts.annotations },
    },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      strategy: facts.recreate
        ? { type: 'Recreate' }
        : { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image }] } },
      ...(facts.paused && { paused: true }),
      progressDeadlineSeconds: facts.deadline ?? 600,
      revisionHistoryLimit: facts.historyLimit ?? 10,
    },
    ...(facts.status && { status: facts.status }),
  }
}
