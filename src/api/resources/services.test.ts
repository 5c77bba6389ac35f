import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Service } from '../schema/types.gen.ts'
import { services } from './services.ts'
import { createCases, updateCases, updated } from './rows.ts'

const base: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { ports: [{ port: 80 }], selector: { app: 'web' } },
}

for (const { name, found, expected } of createCases({ def: services, base }, [
  { name: 'no port', set: { 'spec.ports': [] }, errors: ['spec.ports: Required value'] },
  { name: 'no port of a headless service', set: { spec: { clusterIP: 'None' } } },
  {
    name: 'an unknown type',
    set: { 'spec.type': 'Magic' },
    errors: [
      'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  },
  {
    name: 'a port out of range',
    set: { 'spec.ports.0.port': 0, 'spec.ports.0.targetPort': 80 },
    errors: ['spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive'],
  },
  {
    name: 'a bad target port',
    set: { 'spec.ports.0.targetPort': 'HTTP' },
    errors: [
      'spec.ports[0].targetPort: Invalid value: "HTTP": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      'spec.ports[0].targetPort: Invalid value: "HTTP": must contain at least one letter (a-z)',
    ],
  },
  {
    name: 'two ports without names',
    set: { 'spec.ports': [{ port: 80 }, { port: 81 }] },
    errors: ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
  },
  {
    name: 'two ports of one name',
    set: {
      'spec.ports': [
        { port: 80, name: 'a' },
        { port: 81, name: 'a' },
      ],
    },
    errors: ['spec.ports[1].name: Duplicate value: "a"'],
  },
  {
    name: 'one port twice',
    set: {
      'spec.ports': [
        { port: 80, name: 'a' },
        { port: 80, name: 'b' },
      ],
    },
    errors: [
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
    ],
  },
  {
    name: 'one port by two protocols',
    set: {
      'spec.ports': [
        { port: 53, name: 'a' },
        { port: 53, name: 'b', protocol: 'UDP' },
      ],
    },
  },
  {
    name: 'a node port that nobody serves',
    set: { 'spec.ports.0.nodePort': 30_000 },
    errors: ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  },
  {
    name: 'a node port outside of the range',
    set: { 'spec.type': 'NodePort', 'spec.ports.0.nodePort': 80 },
    errors: [
      'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    ],
  },
  {
    name: 'a bad address',
    set: { 'spec.clusterIP': '10.0.0.256' },
    errors: [
      'spec.clusterIPs[0]: Invalid value: "10.0.0.256": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  },
  {
    name: 'two addresses that don’t agree',
    set: { 'spec.clusterIP': '10.0.0.1', 'spec.clusterIPs': ['10.0.0.2'] },
    errors: ['spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`'],
  },
  {
    name: 'only the plural',
    set: { 'spec.clusterIPs': ['10.0.0.2'] },
    errors: ['spec.clusterIPs: Invalid value: ["10.0.0.2"]: must be empty when `clusterIP` is not specified'],
  },
  {
    name: 'a headless load balancer',
    set: { 'spec.type': 'LoadBalancer', 'spec.clusterIP': 'None' },
    errors: [
      'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for LoadBalancer services',
    ],
  },
  {
    name: 'an external name without name',
    set: { spec: { type: 'ExternalName' } },
    errors: ['spec.externalName: Required value'],
  },
  {
    name: 'an external name with a dot at its end',
    set: { spec: { type: 'ExternalName', externalName: 'a.b.' } },
  },
  {
    name: 'an external name with an address',
    set: { spec: { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.0.0.1' } },
    errors: ['spec.clusterIPs: Forbidden: may not be set for ExternalName services'],
  },
  {
    name: 'an external address of this machine only',
    set: { 'spec.externalIPs': ['127.0.0.1'] },
    errors: [
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  },
  {
    name: 'an unknown affinity',
    set: { 'spec.sessionAffinity': 'Cookie' },
    errors: ['spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
  },
  {
    name: 'an affinity for too long',
    set: {
      'spec.sessionAffinity': 'ClientIP',
      'spec.sessionAffinityConfig': { clientIP: { timeoutSeconds: 86_401 } },
    },
    errors: [
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400',
    ],
  },
  {
    name: 'an external policy without outside',
    set: { 'spec.externalTrafficPolicy': 'Local' },
    errors: [
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ],
  },
  {
    name: 'a bad selector',
    set: { 'spec.selector': { app: 'a b' } },
    errors: [
      "spec.selector: Invalid value: \"a b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

const withIp: Service = { ...base, spec: { ...base.spec, clusterIP: '10.0.0.1' } }

for (const { name, found, expected } of updateCases({ def: services, base: withIp }, [
  { name: 'ports may change', set: { 'spec.ports.0.port': 81 } },
  { name: 'a client that leaves the address out keeps it', set: { 'spec.clusterIP': undefined } },
  {
    name: 'the address stays',
    set: { 'spec.clusterIP': '10.0.0.2' },
    errors: ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
  },
  {
    name: 'the address stays for a client that knows one field only',
    set: { 'spec.clusterIP': '10.0.0.2', 'spec.clusterIPs': undefined },
    errors: [
      'spec.clusterIPs[0]: Invalid value: null: primary clusterIP can not be unset',
      'spec.clusterIPs: Required value',
    ],
  },
  {
    name: 'the family stays',
    set: { 'spec.ipFamilies': ['IPv6'] },
    errors: [
      'spec.ipFamilies[0]: Invalid value: ["IPv6"]: may not change once set',
      'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
    ],
  },
  {
    name: 'a service may become an external name',
    set: { 'spec.type': 'ExternalName', 'spec.externalName': 'a.b' },
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases(
  { def: services, base: { ...base, spec: { ...base.spec, type: 'LoadBalancer' } }, subresource: 'status' },
  [
    { name: 'an address', set: { 'status.loadBalancer.ingress': [{ ip: '1.2.3.4' }] } },
    {
      name: 'a name that is an address',
      set: { 'status.loadBalancer.ingress': [{ hostname: '1.2.3.4' }] },
      errors: [
        'status.loadBalancer.ingress[0].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
      ],
    },
  ],
)) {
  test(name, () => assert.deepEqual(found(), expected))
}

for (const { name, found, expected } of updateCases({ def: services, base, subresource: 'status' }, [
  {
    name: 'an address of a service that has no balancer',
    set: { 'status.loadBalancer.ingress': [{ ip: '1.2.3.4', ipMode: 'VIP' }] },
    errors: ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
  },
])) {
  test(name, () => assert.deepEqual(found(), expected))
}

test('an update that doesn’t mention node ports keeps them', () => {
  const ports = [{ port: 80, nodePort: 30_080 }]
  const { object } = updated(
    { def: services, base: { ...base, spec: { ...base.spec, type: 'NodePort', ports } } },
    { set: { 'spec.ports.0.nodePort': undefined } },
  )
  assert.equal(object.spec.ports?.[0]?.nodePort, 30_080)
})

test('a service that becomes ClusterIP again gives up its node ports and policies', () => {
  const spec = { ...base.spec, type: 'LoadBalancer', ports: [{ port: 80, nodePort: 30_080 }] }
  const { object, errors } = updated(
    { def: services, base: { ...base, spec } },
    { set: { 'spec.type': 'ClusterIP' } },
  )
  assert.deepEqual(errors, [])
  assert.equal(object.spec.ports?.[0]?.nodePort, undefined)
  assert.equal(object.spec.externalTrafficPolicy, undefined)
  assert.equal(object.spec.allocateLoadBalancerNodePorts, undefined)
})
