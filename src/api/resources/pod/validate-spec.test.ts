import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../schema/types.gen.ts'
import { pods } from '../pods.ts'
import { createCases, type Change, type Row } from '../rows.ts'

const base: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default' },
  spec: { containers: [{ name: 'web', image: 'npm:json-server@0.17.4' }] },
}

const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const c0 = 'spec.containers[0]'

const containers: readonly Row[] = [
  { name: 'no container', set: { 'spec.containers': [] }, errors: ['spec.containers: Required value'] },
  { name: 'no spec', set: { spec: undefined }, errors: ['spec.containers: Required value'] },
  { name: 'no name', set: { 'spec.containers.0.name': undefined }, errors: [`${c0}.name: Required value`] },
  {
    name: 'a bad name',
    set: { 'spec.containers.0.name': 'Web' },
    errors: [`${c0}.name: Invalid value: "Web": ${label}`],
  },
  {
    name: 'two containers of one name',
    set: { 'spec.containers.1': { name: 'web', image: 'a' } },
    errors: ['spec.containers[1].name: Duplicate value: "web"'],
  },
  {
    name: 'no image',
    set: { 'spec.containers.0.image': undefined },
    errors: [`${c0}.image: Required value`],
  },
  {
    name: 'an image in spaces',
    set: { 'spec.containers.0.image': ' nginx ' },
    errors: [`${c0}.image: Invalid value: " nginx ": must not have leading or trailing whitespace`],
  },
  { name: 'an OCI reference is the registry’s business', set: { 'spec.containers.0.image': 'UPPER/Case' } },
  {
    name: 'a bad npm image',
    set: { 'spec.containers.0.image': 'npm:@1' },
    errors: [
      `${c0}.image: Invalid value: "npm:@1": image "npm:@1": "@1" is not an npm package name; write npm:NAME@VERSION or npm:@SCOPE/NAME@VERSION`,
    ],
  },
  {
    name: 'a relative folder',
    set: { 'spec.containers.0.image': 'dir:app' },
    errors: [
      `${c0}.image: Invalid value: "dir:app": image "dir:app": the folder must be an absolute path, as in dir:/srv/app`,
    ],
  },
  {
    name: 'an unknown pull policy',
    set: { 'spec.containers.0.imagePullPolicy': 'Sometimes' },
    errors: [
      `${c0}.imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"`,
    ],
  },
  {
    name: 'a restart policy of a container that isn’t an init container',
    set: { 'spec.containers.0.restartPolicy': 'Always' },
    errors: [`${c0}.restartPolicy: Forbidden: may not be set for non-init containers`],
  },
  {
    name: 'an init container named like a container',
    set: { 'spec.initContainers': [{ name: 'web', image: 'a' }] },
    errors: ['spec.initContainers[0].name: Duplicate value: "web"'],
  },
  {
    name: 'a probe of an init container that ends',
    set: { 'spec.initContainers': [{ name: 'a', image: 'a', readinessProbe: { tcpSocket: { port: 1 } } }] },
    errors: [
      'spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
  },
  {
    name: 'a probe of a sidecar',
    set: {
      'spec.initContainers': [
        { name: 'a', image: 'a', restartPolicy: 'Always', readinessProbe: { tcpSocket: { port: 1 } } },
      ],
    },
  },
]

const ports: readonly Row[] = [
  {
    name: 'a port without number',
    set: { 'spec.containers.0.ports': [{ name: 'http' }] },
    errors: [`${c0}.ports[0].containerPort: Required value`],
  },
  {
    name: 'a port out of range',
    set: { 'spec.containers.0.ports': [{ containerPort: 70_000 }] },
    errors: [`${c0}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`],
  },
  {
    name: 'a name without letters',
    set: { 'spec.containers.0.ports': [{ containerPort: 80, name: '80' }] },
    errors: [`${c0}.ports[0].name: Invalid value: "80": must contain at least one letter (a-z)`],
  },
  {
    name: 'two ports of one name',
    set: {
      'spec.containers.0.ports': [
        { containerPort: 80, name: 'a' },
        { containerPort: 81, name: 'a' },
      ],
    },
    errors: [`${c0}.ports[1].name: Duplicate value: "a"`],
  },
  {
    name: 'an unknown protocol',
    set: { 'spec.containers.0.ports': [{ containerPort: 80, protocol: 'tcp' }] },
    errors: [`${c0}.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"`],
  },
  {
    name: 'one host port twice',
    set: {
      'spec.containers.0.ports': [
        { containerPort: 80, hostPort: 80 },
        { containerPort: 81, hostPort: 80 },
      ],
    },
    errors: [`${c0}.ports[1].hostPort: Duplicate value: "TCP//80"`],
  },
  {
    name: 'another host port on the host’s network',
    set: { 'spec.hostNetwork': true, 'spec.containers.0.ports': [{ containerPort: 80, hostPort: 81 }] },
    errors: [
      `${c0}.ports[0].hostPort: Invalid value: 81: must match \`containerPort\` when \`hostNetwork\` is true`,
    ],
  },
]

const env = (variable: object): Change => ({ 'spec.containers.0.env': [variable] })
const e0 = `${c0}.env[0]`

const environment: readonly Row[] = [
  { name: 'a variable without name', set: env({ value: 'x' }), errors: [`${e0}.name: Required value`] },
  {
    name: 'a name with an equals sign',
    set: env({ name: 'a=b' }),
    errors: [
      `${e0}.name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='`,
    ],
  },
  { name: 'a name that a shell could not name', set: env({ name: '1.a' }) },
  {
    name: 'valueFrom of nothing',
    set: env({ name: 'A', valueFrom: {} }),
    errors: [
      `${e0}.valueFrom: Invalid value: "": must specify one of: \`fieldRef\`, \`resourceFieldRef\`, \`configMapKeyRef\` or \`secretKeyRef\``,
    ],
  },
  {
    name: 'value and valueFrom',
    set: env({ name: 'A', value: 'x', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }),
    errors: [`${e0}.valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`],
  },
  {
    name: 'two sources',
    set: env({
      name: 'A',
      valueFrom: { secretKeyRef: { name: 's', key: 'k' }, configMapKeyRef: { name: 's', key: 'k' } },
    }),
    errors: [`${e0}.valueFrom: Invalid value: "": may not have more than one field specified at a time`],
  },
  {
    name: 'a reference without key',
    set: env({ name: 'A', valueFrom: { secretKeyRef: { name: 's' } } }),
    errors: [`${e0}.valueFrom.secretKeyRef.key: Required value`],
  },
  {
    name: 'a reference without name',
    set: env({ name: 'A', valueFrom: { configMapKeyRef: { key: 'k' } } }),
    errors: [`${e0}.valueFrom.configMapKeyRef.name: Invalid value: "": ${subdomain}`],
  },
  {
    name: 'a field that pods lack',
    set: env({ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.foo' } } }),
    errors: [
      `${e0}.valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label not supported: spec.foo`,
    ],
  },
  {
    name: 'a field that only files can hold',
    set: env({ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.labels' } } }),
    errors: [
      `${e0}.valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`,
    ],
  },
  {
    name: 'one label',
    set: env({ name: 'A', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } }),
  },
  {
    name: 'a resource by an odd divisor',
    set: env({ name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '2' } } }),
    errors: [
      `${e0}.valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
    ],
  },
  {
    name: 'envFrom of nothing',
    set: { 'spec.containers.0.envFrom': [{}] },
    errors: [`${c0}.envFrom: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``],
  },
  {
    name: 'envFrom without name',
    set: { 'spec.containers.0.envFrom': [{ secretRef: {} }] },
    errors: [`${c0}.envFrom[0].secretRef.name: Required value`],
  },
]

const probe = (kind: string, value: object): Change => ({ [`spec.containers.0.${kind}Probe`]: value })

const probes: readonly Row[] = [
  {
    name: 'a probe that asks nothing',
    set: probe('readiness', {}),
    errors: [`${c0}.readinessProbe: Required value: must specify a handler type`],
  },
  {
    name: 'a probe that asks two ways',
    set: probe('readiness', { httpGet: { port: 80 }, tcpSocket: { port: 80 } }),
    errors: [`${c0}.readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`],
  },
  {
    name: 'a negative delay',
    set: probe('readiness', { tcpSocket: { port: 80 }, initialDelaySeconds: -1 }),
    errors: [
      `${c0}.readinessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0`,
    ],
  },
  {
    name: 'liveness by two successes',
    set: probe('liveness', { tcpSocket: { port: 80 }, successThreshold: 2 }),
    errors: [`${c0}.livenessProbe.successThreshold: Invalid value: 2: must be 1`],
  },
  {
    name: 'startup by two successes',
    set: probe('startup', { tcpSocket: { port: 80 }, successThreshold: 2 }),
    errors: [`${c0}.startupProbe.successThreshold: Invalid value: 2: must be 1`],
  },
  {
    name: 'readiness by two successes',
    set: probe('readiness', { tcpSocket: { port: 80 }, successThreshold: 2 }),
  },
  {
    name: 'no port',
    set: probe('readiness', { httpGet: {} }),
    errors: [`${c0}.readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive`],
  },
  {
    name: 'an unknown scheme',
    set: probe('readiness', { httpGet: { port: 'http', scheme: 'ftp' } }),
    errors: [
      `${c0}.readinessProbe.httpGet.scheme: Unsupported value: "ftp": supported values: "HTTP", "HTTPS"`,
    ],
  },
  {
    name: 'an empty command',
    set: probe('readiness', { exec: {} }),
    errors: [`${c0}.readinessProbe.exec.command: Required value`],
  },
  {
    name: 'a grace period of a readiness probe',
    set: probe('readiness', { tcpSocket: { port: 80 }, terminationGracePeriodSeconds: 5 }),
    errors: [
      `${c0}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes`,
    ],
  },
  {
    name: 'a hook that sleeps longer than the grace period',
    set: { 'spec.containers.0.lifecycle': { preStop: { sleep: { seconds: 31 } } } },
    errors: [
      `${c0}.lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)`,
    ],
  },
]

const mount = (mounts: readonly object[], volumes: readonly object[]): Change => ({
  'spec.containers.0.volumeMounts': mounts,
  'spec.volumes': volumes,
})

const volumes: readonly Row[] = [
  { name: 'a volume and its mount', set: mount([{ name: 'a', mountPath: '/a' }], [{ name: 'a' }]) },
  {
    name: 'a mount without volume',
    set: mount([{ name: 'b', mountPath: '/a' }], [{ name: 'a' }]),
    errors: [`${c0}.volumeMounts[0].name: Not found: "b"`],
  },
  {
    name: 'two mounts at one path',
    set: mount(
      [
        { name: 'a', mountPath: '/a' },
        { name: 'a', mountPath: '/a' },
      ],
      [{ name: 'a' }],
    ),
    errors: [`${c0}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique`],
  },
  {
    name: 'a mount without path',
    set: mount([{ name: 'a' }], [{ name: 'a' }]),
    errors: [`${c0}.volumeMounts[0].mountPath: Required value`],
  },
  {
    name: 'a sub path that climbs',
    set: mount([{ name: 'a', mountPath: '/a', subPath: '../b' }], [{ name: 'a' }]),
    errors: [`${c0}.volumeMounts.subPath: Invalid value: "../b": must not contain '..'`],
  },
  {
    name: 'a volume without name',
    set: { 'spec.volumes': [{ emptyDir: {} }] },
    errors: ['spec.volumes[0].name: Required value'],
  },
  {
    name: 'two volumes of one name',
    set: { 'spec.volumes': [{ name: 'a' }, { name: 'a' }] },
    errors: ['spec.volumes[1].name: Duplicate value: "a"'],
  },
  {
    name: 'a volume from two sources',
    set: { 'spec.volumes': [{ name: 'a', emptyDir: {}, configMap: { name: 'c' } }] },
    errors: ['spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type'],
  },
  {
    name: 'a secret volume without name',
    set: { 'spec.volumes': [{ name: 'a', secret: {} }] },
    errors: ['spec.volumes[0].secret.secretName: Required value'],
  },
  {
    name: 'a file outside of its volume',
    set: { 'spec.volumes': [{ name: 'a', configMap: { name: 'c', items: [{ key: 'k', path: '/etc' }] } }] },
    errors: ['spec.volumes[0].configMap.items[0].path: Invalid value: "/etc": must be a relative path'],
  },
  {
    name: 'a mode that is none',
    set: { 'spec.volumes': [{ name: 'a', configMap: { name: 'c', defaultMode: 4096 } }] },
    errors: [
      'spec.volumes[0].configMap.defaultMode: Invalid value: 4096: must be a number between 0 and 0777 (octal), both inclusive',
    ],
  },
  {
    name: 'an unknown type of host path',
    set: { 'spec.volumes': [{ name: 'a', hostPath: { path: '/a', type: 'Disk' } }] },
    errors: [
      'spec.volumes[0].hostPath.type: Unsupported value: "Disk": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
    ],
  },
  {
    name: 'a negative size',
    set: { 'spec.volumes': [{ name: 'a', emptyDir: { sizeLimit: '-1' } }] },
    errors: [
      'spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity',
    ],
  },
  {
    name: 'two projected files of one name',
    set: {
      'spec.volumes': [
        {
          name: 'a',
          projected: {
            sources: [
              { secret: { name: 's', items: [{ key: 'k', path: 'f' }] } },
              { configMap: { name: 'c', items: [{ key: 'k', path: 'f' }] } },
            ],
          },
        },
      ],
    },
    errors: ['spec.volumes[0].projected: Invalid value: "c": conflicting duplicate paths'],
  },
]

const resources = (value: object): Change => ({ 'spec.containers.0.resources': value })

const amounts: readonly Row[] = [
  {
    name: 'more asked than allowed',
    set: resources({ requests: { cpu: '2' }, limits: { cpu: '1500m' } }),
    errors: [
      `${c0}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1500m`,
    ],
  },
  {
    name: 'a resource without domain',
    set: resources({ limits: { gpu: '1' } }),
    errors: [
      `${c0}.resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified`,
      `${c0}.resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers`,
      `${c0}.resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified`,
      `${c0}.resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers`,
    ],
  },
  {
    name: 'a negative amount',
    set: resources({ requests: { memory: '-1' } }),
    errors: [`${c0}.resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0`],
  },
  {
    name: 'what is no amount',
    set: resources({ requests: { memory: 'lots' } }),
    errors: [
      `${c0}.resources.requests[memory]: Invalid value: "lots": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
    ],
  },
  {
    name: 'half a device',
    set: resources({ limits: { 'example.com/gpu': '500m' } }),
    errors: [
      `${c0}.resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer`,
      `${c0}.resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer`,
    ],
  },
  {
    name: 'a device that is asked for without limit',
    set: resources({ requests: { 'example.com/gpu': '1' } }),
    errors: [`${c0}.resources.limits: Required value: Limit must be set for non overcommitable resources`],
  },
]

const placement: readonly Row[] = [
  {
    name: 'an unknown restart policy',
    set: { 'spec.restartPolicy': 'Maybe' },
    errors: [
      'spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
    ],
  },
  {
    name: 'a bad node name',
    set: { 'spec.nodeName': 'N 1' },
    errors: [`spec.nodeName: Invalid value: "N 1": ${subdomain}`],
  },
  {
    name: 'a deadline of nothing',
    set: { 'spec.activeDeadlineSeconds': 0 },
    errors: ['spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive'],
  },
  {
    name: 'a toleration of an unknown operator',
    set: { 'spec.tolerations': [{ key: 'a', operator: 'Is' }] },
    errors: ['spec.tolerations[0].operator: Unsupported value: "Is": supported values: "Equal", "Exists"'],
  },
  {
    name: 'a toleration of everything by value',
    set: { 'spec.tolerations': [{ operator: 'Equal' }] },
    errors: [
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
  },
  {
    name: 'a patience for what does not evict',
    set: {
      'spec.tolerations': [{ key: 'a', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 1 }],
    },
    errors: [
      'spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be \'NoExecute\' when `tolerationSeconds` is set',
    ],
  },
  {
    name: 'node affinity without terms',
    set: { 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution': {} },
    errors: [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
    ],
  },
  {
    name: 'a skew of nothing',
    set: {
      'spec.topologySpreadConstraints': [
        { maxSkew: 0, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' },
      ],
    },
    errors: ['spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero'],
  },
  {
    name: 'no name server',
    set: { 'spec.dnsPolicy': 'None' },
    errors: ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
  },
  {
    name: 'ephemeral containers',
    set: { 'spec.ephemeralContainers': [{ name: 'debug', image: 'a' }] },
    errors: ['spec.ephemeralContainers: Forbidden: cannot be set on create'],
  },
  {
    name: 'a user id out of range',
    set: { 'spec.securityContext': { runAsUser: -1 } },
    errors: [
      'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
  },
]

for (const { name, found, expected } of createCases({ def: pods, base }, [
  ...containers,
  ...ports,
  ...environment,
  ...probes,
  ...volumes,
  ...amounts,
  ...placement,
])) {
  test(name, () => assert.deepEqual(found(), expected))
}
