/** Ingress, IngressClass, EndpointSlice, Node. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EndpointSlice, Ingress, IngressClass, Node } from '../schema/types.gen.ts'
import { endpointSlices } from './endpointslices.ts'
import { ingressClasses } from './ingressclasses.ts'
import { ingresses } from './ingresses.ts'
import { nodes } from './nodes.ts'
import { createCases, updateCases, updated, type Change } from './rows.ts'

const metadata = { name: 'web', namespace: 'default' }
const backend = { service: { name: 'web', port: { number: 80 } } }

const ingress: Ingress = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata,
  spec: { rules: [{ host: 'a.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
}

const p0 = 'spec.rules[0].http.paths[0]'
const path = (change: object): Change => ({
  'spec.rules.0.http.paths.0': { path: '/', pathType: 'Prefix', backend, ...change },
})

for (const { name, found, expected } of createCases({ def: ingresses, base: ingress }, [
  {
    name: 'neither rules nor default',
    set: { spec: {} },
    errors: ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
  },
  { name: 'a default alone', set: { spec: { defaultBackend: backend } } },
  { name: 'a wildcard', set: { 'spec.rules.0.host': '*.example.com' } },
  {
    name: 'a wildcard in the middle',
    set: { 'spec.rules.0.host': 'a.*.com' },
    errors: [
      "spec.rules[0].host: Invalid value: \"a.*.com\": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    name: 'an address for a host',
    set: { 'spec.rules.0.host': '1.2.3.4' },
    errors: ['spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'],
  },
  {
    name: 'no path',
    set: { 'spec.rules.0.http.paths': [] },
    errors: ['spec.rules[0].http.paths: Required value'],
  },
  {
    name: 'no path type',
    set: path({ pathType: undefined }),
    errors: [`${p0}.pathType: Required value: pathType must be specified`],
  },
  {
    name: 'an unknown path type',
    set: path({ pathType: 'Regex' }),
    errors: [
      `${p0}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
    ],
  },
  {
    name: 'a relative path',
    set: path({ path: 'api' }),
    errors: [`${p0}.path: Invalid value: "api": must be an absolute path`],
  },
  {
    name: 'a path that climbs',
    set: path({ path: '/a/../b' }),
    errors: [`${p0}.path: Invalid value: "/a/../b": must not contain '/../'`],
  },
  {
    name: 'a path that ends by climbing',
    set: path({ path: '/a/..' }),
    errors: [`${p0}.path: Invalid value: "/a/..": cannot end with '/..'`],
  },
  {
    name: 'no path is everything to an implementation',
    set: path({ path: undefined, pathType: 'ImplementationSpecific' }),
  },
  {
    name: 'no backend',
    set: path({ backend: undefined }),
    errors: [`${p0}.backend: Invalid value: "": resource or service backend is required`],
  },
  {
    name: 'a backend without port',
    set: path({ backend: { service: { name: 'web' } } }),
    errors: [`${p0}.backend: Required value: port name or number is required`],
  },
  {
    name: 'a port by name and by number',
    set: path({ backend: { service: { name: 'web', port: { name: 'http', number: 80 } } } }),
    errors: [`${p0}.backend: Invalid value: "": cannot set both port name & port number`],
  },
  {
    name: 'a backend without service name',
    set: path({ backend: { service: { port: { number: 80 } } } }),
    errors: [`${p0}.backend.service.name: Required value`],
  },
  {
    name: 'a contradiction of class and annotation',
    set: { 'spec.ingressClassName': 'a' },
    at: [[['metadata', 'annotations'], { 'kubernetes.io/ingress.class': 'b' }]],
    errors: [
      'annotations.kubernetes.io/ingress.class: Invalid value: "b": must match `ingressClassName` when both are specified',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

test('generation of an Ingress counts changes of its spec', () => {
  const rules = { set: { 'spec.rules.0.host': 'b.example.com' } }
  assert.equal(updated({ def: ingresses, base: ingress }, rules).object.metadata.generation, 2)
  const status = { set: { 'status.loadBalancer.ingress': [{ ip: '1.2.3.4' }], 'spec.rules': [] } }
  const { object } = updated({ def: ingresses, base: ingress, subresource: 'status' }, status)
  assert.equal(object.metadata.generation, 1)
  assert.equal(object.spec.rules?.length, 1)
})

const ingressClass: IngressClass = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name: 'sampan' },
  spec: { controller: 'sampan.dev/gateway' },
}

for (const { name, found, expected } of createCases({ def: ingressClasses, base: ingressClass }, [
  { name: 'no controller', set: { spec: {} }, errors: ['spec.controller: Required value'] },
  {
    name: 'a controller without domain',
    set: { 'spec.controller': 'gateway' },
    errors: [
      'spec.controller: Invalid value: "gateway": must be a domain-prefixed path (such as "acme.io/foo")',
    ],
  },
  {
    name: 'parameters of a namespace that isn’t named',
    set: { 'spec.parameters': { kind: 'P', name: 'p', scope: 'Namespace' } },
    errors: ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: ingressClasses, base: ingressClass }, [
  {
    name: 'the controller stays',
    set: { 'spec.controller': 'a.b/c' },
    errors: ['spec.controller: Invalid value: "a.b/c": field is immutable'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const slice: EndpointSlice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata,
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.1.0.1'] }],
  ports: [{ port: 80 }],
}

for (const { name, found, expected } of createCases({ def: endpointSlices, base: slice }, [
  { name: 'no address type', set: { addressType: undefined }, errors: ['addressType: Required value'] },
  {
    name: 'an unknown address type',
    set: { addressType: 'IP' },
    errors: ['addressType: Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6"'],
  },
  {
    name: 'an endpoint without address',
    set: { endpoints: [{}] },
    errors: ['endpoints[0].addresses: Required value: must contain at least 1 address'],
  },
  {
    name: 'an address of the other family',
    set: { endpoints: [{ addresses: ['2001:db8::1'] }] },
    errors: ['endpoints[0].addresses[0]: Invalid value: "2001:db8::1": must be a valid IPv4 address'],
  },
  {
    name: 'an address of this machine only',
    set: { endpoints: [{ addresses: ['127.0.0.1'] }] },
    errors: [
      'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  },
  {
    name: 'too many endpoints',
    set: { endpoints: Array.from({ length: 1001 }, () => ({ addresses: ['10.1.0.1'] })) },
    errors: ['endpoints: Too many: 1001: must have at most 1000 items'],
  },
  {
    name: 'two ports without name',
    set: { ports: [{ port: 80 }, { port: 81 }] },
    errors: ['ports[1].name: Duplicate value: ""'],
  },
  {
    name: 'a hostname with dots',
    set: { 'endpoints.0.hostname': 'a.b' },
    errors: ['endpoints[0].hostname: Invalid value: "a.b": must not contain dots'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: endpointSlices, base: slice }, [
  {
    name: 'the address type stays',
    set: { addressType: 'FQDN', endpoints: [] },
    errors: ['addressType: Invalid value: "FQDN": field is immutable'],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, spec: {} }

for (const { name, found, expected } of createCases({ def: nodes, base: node }, [
  {
    name: 'a taint without effect',
    set: { 'spec.taints': [{ key: 'a' }] },
    errors: ['metadata.taints[0].effect: Required value'],
  },
  {
    name: 'one taint twice',
    set: {
      'spec.taints': [
        { key: 'a', effect: 'NoSchedule' },
        { key: 'a', value: 'b', effect: 'NoSchedule' },
      ],
    },
    errors: [
      'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"b","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
    ],
  },
  {
    name: 'a negative capacity',
    set: { 'status.capacity': { cpu: '-1' }, 'status.allocatable': {} },
    errors: ['status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0'],
  },
  {
    name: 'a range that is none',
    set: { 'spec.podCIDR': '10.1.0.0' },
    errors: [
      'spec.podCIDRs[0]: Invalid value: "10.1.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases(
  { def: nodes, base: { ...node, spec: { podCIDR: '10.1.0.0/24', providerID: 'a' } } },
  [
    { name: 'cordon', set: { 'spec.unschedulable': true } },
    {
      name: 'the range stays',
      set: { 'spec.podCIDR': '10.2.0.0/24', 'spec.podCIDRs': ['10.2.0.0/24'] },
      errors: ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
    },
    {
      name: 'the provider stays',
      set: { 'spec.providerID': 'b' },
      errors: ['spec.providerID: Forbidden: node updates may not change providerID except from "" to valid'],
    },
  ],
)) {
  test(name, () => assert.deepEqual(found(), expected))
}

test('a heartbeat leaves the spec of a node, a cordon its status', () => {
  const change = {
    set: { 'spec.unschedulable': true, 'status.conditions': [{ type: 'Ready', status: 'True' }] },
  }
  const heartbeat = updated({ def: nodes, base: node, subresource: 'status' }, change).object
  assert.equal(heartbeat.spec.unschedulable, undefined)
  assert.equal(heartbeat.status?.conditions?.length, 1)
  const cordon = updated({ def: nodes, base: node }, change).object
  assert.equal(cordon.spec.unschedulable, true)
  assert.equal(cordon.status, undefined)
})
