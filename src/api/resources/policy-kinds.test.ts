import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  Endpoints,
  EventsEvent,
  LimitRange,
  NetworkPolicy,
  PriorityClass,
  ResourceQuota,
  RuntimeClass,
} from '../schema/types.gen.ts'
import { endpoints } from './endpoints.ts'
import { eventsV1 } from './events-v1.ts'
import { limitRanges } from './limitranges.ts'
import { networkPolicies } from './networkpolicies.ts'
import { priorityClasses } from './priorityclasses.ts'
import { resourceQuotas } from './resourcequotas.ts'
import { createCases, updateCases } from './rows.ts'
import { runtimeClasses } from './runtimeclasses.ts'

const metadata = { name: 'x', namespace: 'default' }
const limits = (...items: object[]) => ({ 'spec.limits': items })
const limitRange: LimitRange = { apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits: [] } }

for (const { name, found, expected } of createCases({ def: limitRanges, base: limitRange }, [
  { name: 'sizes of claims', set: limits({ type: 'PersistentVolumeClaim', max: { storage: '1Gi' } }) },
  {
    name: 'claims of no size, twice',
    set: limits({ type: 'PersistentVolumeClaim' }, { type: 'PersistentVolumeClaim', min: { storage: '1' } }),
    errors: [
      'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
      'spec.limits[1].type: Duplicate value: "PersistentVolumeClaim"',
    ],
  },
  {
    name: 'types and resources that are none',
    set: limits({ type: 'Thing' }, { type: 'Container', max: { storage: '1Gi' } }),
    errors: [
      'spec.limits[0].type: Invalid value: "Thing": must be a standard limit type or fully qualified',
      'spec.limits[1].max[storage]: Invalid value: "storage": must be a standard resource for containers',
      'spec.limits[1].default[storage]: Invalid value: "storage": must be a standard resource for containers',
      'spec.limits[1].defaultRequest[storage]: Invalid value: "storage": must be a standard resource for containers',
    ],
  },
  {
    name: 'defaults for whole pods',
    set: limits({ type: 'Pod', default: { cpu: '1' } }),
    errors: ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
  },
  {
    name: 'amounts in the wrong order',
    set: limits({
      type: 'Container',
      min: { cpu: '3' },
      max: { cpu: '1' },
      default: { cpu: '2' },
      defaultRequest: { cpu: '4' },
    }),
    errors: [
      'spec.limits[0].min[cpu]: Invalid value: "3": min value 3 is greater than max value 1',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "4": default request value 4 is greater than max value 1',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "4": default request value 4 is greater than default limit value 2',
      'spec.limits[0].default[cpu]: Invalid value: "3": min value 3 is greater than default value 2',
      'spec.limits[0].default[cpu]: Invalid value: "1": default value 2 is greater than max value 1',
    ],
  },
  {
    name: 'a ratio that can’t be kept',
    set: limits({ type: 'Pod', min: { cpu: '1' }, max: { cpu: '2' }, maxLimitRequestRatio: { cpu: '3' } }),
    errors: [
      'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const quota: ResourceQuota = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata,
  spec: { hard: { pods: '5' } },
}

for (const { name, found, expected } of createCases({ def: resourceQuotas, base: quota }, [
  {
    name: 'everything that can be counted',
    set: { 'spec.hard': { 'requests.cpu': '1', 'count/jobs.batch': '3', 'limits.memory': '1Gi' } },
  },
  {
    name: 'what can’t be counted, half a pod',
    set: { 'spec.hard': { storage: '1Gi', pods: '500m', services: '-1' } },
    errors: [
      'spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota',
      'spec.hard[pods]: Invalid value: "500m": must be an integer',
      'spec.hard[services]: Invalid value: "-1": must be greater than or equal to 0',
    ],
  },
  {
    name: 'scopes that contradict each other and the resource',
    set: { 'spec.hard': { configmaps: '1' }, 'spec.scopes': ['BestEffort', 'NotBestEffort', 'Fast'] },
    errors: [
      ...Array.from(
        { length: 2 },
        () =>
          'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Fast"]: unsupported scope applied to resource',
      ),
      'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Fast"]: unsupported scope',
      'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Fast"]: conflicting scopes',
    ],
  },
  {
    name: 'a selector without values',
    set: { 'spec.scopeSelector.matchExpressions': [{ scopeName: 'PriorityClass', operator: 'In' }] },
    errors: [
      "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: resourceQuotas, base: quota }, [
  { name: 'other amounts', set: { 'spec.hard': { pods: '7' } } },
  {
    name: 'another scope',
    set: { 'spec.scopes': ['BestEffort'] },
    errors: ['spec.scopes: Invalid value: ["BestEffort"]: field is immutable'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const priorityClass: PriorityClass = {
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name: 'high' },
  value: 1000,
}

for (const { name, found, expected } of createCases({ def: priorityClasses, base: priorityClass }, [
  {
    name: 'higher than users may go',
    set: { value: 1_000_000_001, preemptionPolicy: 'Always' },
    errors: [
      'value: Forbidden: maximum allowed value of a user defined priority is 1000000000',
      'preemptionPolicy: Unsupported value: "Always": supported values: "PreemptLowerPriority", "Never"',
    ],
  },
  { name: 'the system’s own', set: { 'metadata.name': 'system-node-critical', value: 2_000_001_000 } },
  {
    name: 'a name of the system',
    set: { 'metadata.name': 'system-x' },
    errors: [
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a known system priority class",
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: priorityClasses, base: priorityClass }, [
  { name: 'whose default it is', set: { globalDefault: true, description: 'x' } },
  {
    name: 'its value',
    set: { value: 1, preemptionPolicy: 'Never' },
    errors: [
      'value: Forbidden: may not be changed in an update.',
      'preemptionPolicy: Invalid value: "Never": field is immutable',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const runtimeClass: RuntimeClass = {
  apiVersion: 'node.k8s.io/v1',
  kind: 'RuntimeClass',
  metadata: { name: 'microvm' },
  handler: 'microvm',
}

for (const { name, found, expected } of updateCases({ def: runtimeClasses, base: runtimeClass }, [
  { name: 'overhead', set: { overhead: { podFixed: { cpu: '1' } } } },
  {
    name: 'another handler',
    set: { handler: 'runc' },
    errors: ['handler: Invalid value: "runc": field is immutable'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const list: Endpoints = {
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata,
  subsets: [{ addresses: [{ ip: '10.64.0.1' }], ports: [{ port: 80 }] }],
}

for (const { name, found, expected } of createCases({ def: endpoints, base: list }, [
  {
    name: 'nobody, nameless ports, this machine',
    set: {
      subsets: [{ ports: [{ port: 80 }, { name: 'b', port: 0 }] }, { addresses: [{ ip: '127.0.0.1' }] }],
    },
    errors: [
      'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`',
      'subsets[0].ports[0].name: Required value',
      'subsets[0].ports[1].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'subsets[1].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const policy: NetworkPolicy = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata,
  spec: { podSelector: {} },
}

for (const { name, found, expected } of createCases({ def: networkPolicies, base: policy }, [
  {
    name: 'a part of a network',
    set: { 'spec.ingress': [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }] },
  },
  {
    name: 'exceptions that are none',
    set: {
      'spec.egress': [
        { to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16', '10.0.0.0/8', 'x'] } }] },
      ],
    },
    errors: [
      'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
      'spec.egress[0].to[0].ipBlock.except[1]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
      'spec.egress[0].to[0].ipBlock.except[2]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
  },
  {
    name: 'nobody, and everybody in two ways',
    set: { 'spec.ingress': [{ from: [{}, { podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] },
    errors: [
      'spec.ingress[0].from[0]: Required value: must specify a peer',
      'spec.ingress[0].from[1]: Forbidden: may not specify both ipBlock and another peer',
    ],
  },
  {
    name: 'ports that end before they begin',
    set: {
      'spec.ingress': [
        {
          ports: [
            { port: 90, endPort: 80 },
            { port: 'http', endPort: 80 },
            { endPort: 80, protocol: 'ICMP' },
          ],
        },
      ],
      'spec.policyTypes': ['Sideways'],
    },
    errors: [
      'spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`',
      'spec.ingress[0].ports[1].endPort: Invalid value: 80: may not be specified when `port` is non-numeric',
      'spec.ingress[0].ports[2].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
      'spec.ingress[0].ports[2].endPort: Invalid value: 80: may not be specified when `port` is not specified',
      'spec.policyTypes[0]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const event: EventsEvent = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata,
  eventTime: '2026-01-02T03:04:05.000000Z',
  reportingController: 'example.com/agent',
  reportingInstance: 'agent-1',
  action: 'Pulling',
  reason: 'Pulled',
  type: 'Normal',
  regarding: { kind: 'Pod', name: 'web', namespace: 'default' },
}

for (const { name, found, expected } of createCases({ def: eventsV1, base: event }, [
  {
    name: 'the words of old events',
    set: { deprecatedCount: 3, deprecatedSource: { component: 'x' }, type: 'Bad', series: { count: 1 } },
    errors: [
      'series.count: Invalid value: "": should be at least 2',
      'series.lastObservedTime: Required value',
      'type: Invalid value: "": has invalid value: Bad',
      'count: Invalid value: "": needs to be unset',
      'source: Invalid value: "": needs to be unset',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: eventsV1, base: event }, [
  { name: 'how often it happened', set: { series: { count: 2, lastObservedTime: event.eventTime } } },
  {
    name: 'what happened',
    set: { note: 'other' },
    errors: ['message: Invalid value: "other": field is immutable'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}
