import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  AutoscalingV1HorizontalPodAutoscaler,
  HorizontalPodAutoscaler,
  PodDisruptionBudget,
} from '../schema/types.gen.ts'
import { horizontalPodAutoscalers } from './horizontalpodautoscalers.ts'
import { fromV2, toV2 } from './hpa/convert.ts'
import { horizontalPodAutoscalersV1 } from './hpa/v1.ts'
import { podDisruptionBudgets } from './poddisruptionbudgets.ts'
import { created, createCases, updateCases } from './rows.ts'

const metadata = { name: 'web', namespace: 'default' }
const scaleTargetRef = { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' }
const autoscaler: HorizontalPodAutoscaler = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata,
  spec: { scaleTargetRef, maxReplicas: 5 },
}
const metrics = (...list: object[]) => ({ 'spec.metrics': list })
const path = 'spec.metrics[0]'

for (const { name, found, expected } of createCases({ def: horizontalPodAutoscalers, base: autoscaler }, [
  {
    name: 'numbers that make no sense',
    set: { 'spec.minReplicas': 0, 'spec.maxReplicas': -1 },
    errors: [
      'spec.minReplicas: Invalid value: 0: must be greater than or equal to 1',
      'spec.maxReplicas: Invalid value: -1: must be greater than 0',
      'spec.maxReplicas: Invalid value: -1: must be greater than or equal to `minReplicas`',
      'spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas',
    ],
  },
  {
    name: 'nothing to scale',
    set: { 'spec.scaleTargetRef': { name: 'a/b' } },
    errors: [
      'spec.scaleTargetRef.kind: Required value',
      `spec.scaleTargetRef.name: Invalid value: "a/b": may not contain '/'`,
    ],
  },
  {
    name: 'a metric of no type',
    set: metrics({}),
    errors: [
      `${path}.type: Required value: must specify a metric source type`,
      `${path}.type: Unsupported value: "": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"`,
      // Nothing is there to be too much.
    ],
  },
  {
    name: 'a type without its metric, and another metric',
    set: metrics({
      type: 'Resource',
      pods: { metric: { name: 'q' }, target: { type: 'AverageValue', averageValue: '1' } },
    }),
    errors: [`${path}.resource: Required value: must populate information for the given metric source`],
  },
  {
    name: 'both an amount and a share',
    set: metrics({
      type: 'Resource',
      resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 0, averageValue: '-1' } },
    }),
    errors: [
      `${path}.resource.target.averageValue: Invalid value: "-1": must be positive`,
      `${path}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0`,
      `${path}.resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization`,
    ],
  },
  {
    name: 'rules that scale nowhere',
    set: {
      'spec.behavior': {
        scaleUp: { stabilizationWindowSeconds: 3601, policies: [] },
        scaleDown: { selectPolicy: 'Any', policies: [{ type: 'Pods', value: 0, periodSeconds: 1801 }] },
      },
    },
    errors: [
      'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600',
      'spec.behavior.scaleUp.policies: Required value: must specify at least one Policy',
      'spec.behavior.scaleDown.selectPolicy: Unsupported value: "Any": supported values: "Disabled", "Max", "Min"',
      'spec.behavior.scaleDown.policies[0].value: Invalid value: 0: must be greater than zero',
      'spec.behavior.scaleDown.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const full: HorizontalPodAutoscaler = {
  ...autoscaler,
  metadata: { ...metadata, annotations: { mine: 'yes' } },
  spec: {
    scaleTargetRef,
    minReplicas: 2,
    maxReplicas: 5,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
      },
      {
        type: 'Resource',
        resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } },
      },
      {
        type: 'ContainerResource',
        containerResource: {
          name: 'cpu',
          target: { type: 'Utilization', averageUtilization: 50 },
          container: 'web',
        },
      },
      {
        type: 'Pods',
        pods: { metric: { name: 'qps' }, target: { type: 'AverageValue', averageValue: '1k' } },
      },
      {
        type: 'Object',
        object: {
          describedObject: { kind: 'Ingress', name: 'web', apiVersion: 'networking.k8s.io/v1' },
          metric: { name: 'hits', selector: { matchLabels: { a: 'b' } } },
          target: { type: 'Value', value: '10k' },
        },
      },
      {
        type: 'External',
        external: { metric: { name: 'queue' }, target: { type: 'AverageValue', averageValue: '30' } },
      },
    ],
    behavior: {
      scaleDown: { selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }] },
    },
  },
  status: {
    currentReplicas: 3,
    desiredReplicas: 4,
    currentMetrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', current: { averageUtilization: 12, averageValue: '12m' } },
      },
    ],
    conditions: [{ type: 'AbleToScale', status: 'True', reason: 'ReadyForNewScale' }],
  },
}

test('what v2 knows survives a stay in v1', () => {
  assert.deepEqual(toV2(fromV2(full)), full)
})

test('v1 shows the first cpu target as its own field and the rest in annotations', () => {
  const seen = fromV2(full)
  assert.equal(seen.apiVersion, 'autoscaling/v1')
  assert.deepEqual(seen.spec, {
    scaleTargetRef,
    minReplicas: 2,
    maxReplicas: 5,
    targetCPUUtilizationPercentage: 70,
  })
  assert.equal(seen.status?.currentCPUUtilizationPercentage, 12)
  const { annotations = {} } = seen.metadata
  assert.deepEqual(Object.keys(annotations).toSorted(), [
    'autoscaling.alpha.kubernetes.io/behavior',
    'autoscaling.alpha.kubernetes.io/conditions',
    'autoscaling.alpha.kubernetes.io/current-metrics',
    'autoscaling.alpha.kubernetes.io/metrics',
    'mine',
  ])
  assert.equal(
    annotations['autoscaling.alpha.kubernetes.io/behavior'],
    '{"ScaleDown":{"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}]}}',
  )
})

const simple: AutoscalingV1HorizontalPodAutoscaler = {
  apiVersion: 'autoscaling/v1',
  kind: 'HorizontalPodAutoscaler',
  metadata,
  spec: { scaleTargetRef, maxReplicas: 5 },
}

test('v1 without any target means 80 percent of the processor', () => {
  const object = created(horizontalPodAutoscalersV1, simple)
  assert.deepEqual(object.spec, {
    scaleTargetRef,
    minReplicas: 1,
    maxReplicas: 5,
    targetCPUUtilizationPercentage: 80,
  })
})

const noted = (text: string): AutoscalingV1HorizontalPodAutoscaler => ({
  ...simple,
  metadata: { ...metadata, annotations: { 'autoscaling.alpha.kubernetes.io/metrics': text } },
})

test('an annotation that is no JSON stays an annotation', () => {
  const { annotations } = toV2(noted('not {')).metadata
  assert.deepEqual(annotations, { 'autoscaling.alpha.kubernetes.io/metrics': 'not {' })
})

test('an annotation can’t bring in what the type doesn’t have', () => {
  const text = JSON.stringify([
    { type: 'Resource', resource: { name: 7 } },
    { type: 'Pods', evil: {} },
    null,
    'x',
  ])
  assert.deepEqual(toV2(noted(text)).spec.metrics, [{ type: 'Pods' }])
})

for (const { name, found, expected } of createCases({ def: horizontalPodAutoscalersV1, base: simple }, [
  {
    name: 'v1 is held to the same rules',
    set: { 'spec.maxReplicas': 0, 'spec.targetCPUUtilizationPercentage': -3 },
    errors: [
      'spec.maxReplicas: Invalid value: 0: must be greater than 0',
      'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`',
      `${path}.resource.target.averageUtilization: Invalid value: -3: must be greater than 0`,
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const budget: PodDisruptionBudget = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata,
  spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
}

for (const { name, found, expected } of createCases({ def: podDisruptionBudgets, base: budget }, [
  { name: 'a share', set: { 'spec.minAvailable': '50%' } },
  {
    name: 'both bounds',
    set: { 'spec.maxUnavailable': 1 },
    errors: [
      'spec: Invalid value: {"MinAvailable":1,"Selector":{"matchLabels":{"app":"web"}},"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
    ],
  },
  {
    name: 'more than all',
    set: { 'spec.minAvailable': '101%' },
    errors: ['spec.minAvailable: Invalid value: "101%": must not be greater than 100%'],
  },
  {
    name: 'an unknown policy',
    set: { 'spec.unhealthyPodEvictionPolicy': 'Never' },
    errors: [
      'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases(
  { def: podDisruptionBudgets, base: budget, subresource: 'status' },
  [
    {
      name: 'a condition that says little',
      set: { 'status.conditions': [{ type: 'Fine', status: 'Maybe' }], 'status.expectedPods': -1 },
      errors: [
        'status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
        'status.conditions[0].lastTransitionTime: Required value: must be set',
        'status.conditions[0].reason: Required value: must be set',
        'status.expectedPods: Invalid value: -1: must be greater than or equal to 0',
      ],
    },
  ],
)) {
  test(name, () => assert.deepEqual(found(), expected))
}
