/**
 * The roles and bindings that every cluster has from its first start, as data. Names and rights are upstream's (kubernetes
 * plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go eed236c); `system:sampan-…` are for our own processes.
 */
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from '../schema/types.gen.ts'

const read = ['get', 'list', 'watch']
const write = ['create', 'delete', 'deletecollection', 'patch', 'update']
const readWrite = [...write, ...read]

const rule = (verbs: readonly string[], group: string, resources: readonly string[]): PolicyRule => ({
  apiGroups: [group],
  resources: [...resources],
  verbs: [...verbs],
})
const paths = (nonResourceURLs: readonly string[]): PolicyRule => ({
  nonResourceURLs: [...nonResourceURLs],
  verbs: ['get'],
})

const workloads = {
  apps: [
    'daemonsets',
    'deployments',
    'deployments/scale',
    'replicasets',
    'replicasets/scale',
    'statefulsets',
    'statefulsets/scale',
  ],
  autoscaling: ['horizontalpodautoscalers'],
  batch: ['cronjobs', 'jobs'],
  policy: ['poddisruptionbudgets'],
  'networking.k8s.io': ['ingresses', 'networkpolicies'],
} as const
const core = [
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'replicationcontrollers/scale',
  'serviceaccounts',
  'services',
]
const podStreams = ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy']

const viewRules: readonly PolicyRule[] = [
  rule(read, '', [...core, 'endpoints', 'persistentvolumeclaims/status', 'pods', 'services/status']),
  rule(read, '', [
    'bindings',
    'events',
    'limitranges',
    'namespaces',
    'namespaces/status',
    'pods/log',
    'pods/status',
    'replicationcontrollers/status',
    'resourcequotas',
    'resourcequotas/status',
  ]),
  rule(read, 'discovery.k8s.io', ['endpointslices']),
  rule(read, 'apps', [
    'controllerrevisions',
    ...workloads.apps,
    'daemonsets/status',
    'deployments/status',
    'replicasets/status',
    'statefulsets/status',
  ]),
  rule(read, 'autoscaling', ['horizontalpodautoscalers', 'horizontalpodautoscalers/status']),
  rule(read, 'batch', ['cronjobs', 'cronjobs/status', 'jobs', 'jobs/status']),
  rule(read, 'policy', ['poddisruptionbudgets', 'poddisruptionbudgets/status']),
  rule(read, 'networking.k8s.io', ['ingresses', 'ingresses/status', 'networkpolicies']),
]

const editRules: readonly PolicyRule[] = [
  rule(read, '', [...podStreams, 'secrets', 'services/proxy']),
  rule(['impersonate'], '', ['serviceaccounts']),
  rule(write, '', ['pods', ...podStreams]),
  rule(['create'], '', ['pods/eviction', 'serviceaccounts/token']),
  rule(write, '', [...core, 'events', 'secrets', 'services/proxy']),
  rule(write, 'apps', [...workloads.apps, 'deployments/rollback']),
  rule(write, 'autoscaling', workloads.autoscaling),
  rule(write, 'batch', workloads.batch),
  rule(write, 'policy', workloads.policy),
  rule(write, 'networking.k8s.io', workloads['networking.k8s.io']),
  rule(readWrite, 'coordination.k8s.io', ['leases']),
]

const adminRules: readonly PolicyRule[] = [
  rule(['create'], 'authorization.k8s.io', ['localsubjectaccessreviews']),
  rule(readWrite, 'rbac.authorization.k8s.io', ['rolebindings', 'roles']),
]

const autoupdate = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' }
const bootstrapping = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const apiVersion = 'rbac.authorization.k8s.io/v1'
const aggregationLabel = (to: string) => `rbac.authorization.k8s.io/aggregate-to-${to}`

interface RoleShape {
  readonly rules?: readonly PolicyRule[]
  /** Roles of this name gather the rules of this one. */
  readonly aggregateTo?: string
  /** Gathers the rules of others. */
  readonly isAggregated?: boolean
}

const role = (name: string, { rules, aggregateTo, isAggregated }: RoleShape): ClusterRole => ({
  apiVersion,
  kind: 'ClusterRole',
  metadata: {
    name,
    annotations: autoupdate,
    labels: {
      ...bootstrapping,
      ...(aggregateTo !== undefined && { [aggregationLabel(aggregateTo)]: 'true' }),
      // Who may do more may do all of what the lesser role may.
      ...(name === 'edit' && { [aggregationLabel('admin')]: 'true' }),
      ...(name === 'view' && { [aggregationLabel('edit')]: 'true' }),
    },
  },
  ...(rules && { rules: [...rules] }),
  ...(isAggregated && {
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregationLabel(name)]: 'true' } }] },
  }),
})

const healthPaths = ['/healthz', '/livez', '/readyz', '/version', '/version/']
const discoveryPaths = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*']

/** A node beyond what the node authorizer decides by the pods that are bound to it. */
export const nodeRules: readonly PolicyRule[] = [
  rule(['create'], 'authentication.k8s.io', ['tokenreviews']),
  rule(['create'], 'authorization.k8s.io', ['localsubjectaccessreviews', 'subjectaccessreviews']),
  rule(read, '', ['services']),
  rule(['create', 'get', 'list', 'watch', 'patch', 'update'], '', ['nodes']),
  rule(['patch', 'update'], '', ['nodes/status', 'pods/status']),
  rule(['create', 'patch', 'update'], '', ['events']),
  rule(['delete', 'get', 'list', 'watch'], '', ['pods']),
  rule(['create'], '', ['pods/eviction', 'serviceaccounts/token']),
  rule(read, '', ['configmaps', 'secrets']),
  rule(['get'], '', ['persistentvolumeclaims', 'persistentvolumes']),
  rule(['create', 'delete', 'get', 'patch', 'update'], 'coordination.k8s.io', ['leases']),
  rule(read, 'node.k8s.io', ['runtimeclasses']),
  rule(read, 'discovery.k8s.io', ['endpointslices']),
  rule(['create', ...read], 'certificates.k8s.io', ['certificatesigningrequests']),
  paths(['/sampan/v1/nodes/*', '/api', '/api/*', '/apis', '/apis/*']),
]

export const defaultClusterRoles: readonly ClusterRole[] = [
  role('cluster-admin', {
    rules: [
      { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
      { nonResourceURLs: ['*'], verbs: ['*'] },
    ],
  }),
  role('admin', { isAggregated: true }),
  role('edit', { isAggregated: true }),
  role('view', { isAggregated: true }),
  role('system:aggregate-to-admin', { rules: adminRules, aggregateTo: 'admin' }),
  role('system:aggregate-to-edit', { rules: editRules, aggregateTo: 'edit' }),
  role('system:aggregate-to-view', { rules: viewRules, aggregateTo: 'view' }),
  role('system:aggregated-metrics-reader', {
    rules: [rule(read, 'metrics.k8s.io', ['nodes', 'pods'])],
    aggregateTo: 'view',
  }),
  role('system:discovery', { rules: [paths([...discoveryPaths, ...healthPaths])] }),
  role('system:basic-user', {
    rules: [
      rule(['create'], 'authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews']),
      rule(['create'], 'authentication.k8s.io', ['selfsubjectreviews']),
    ],
  }),
  role('system:public-info-viewer', { rules: [paths(healthPaths)] }),
  role('system:monitoring', {
    rules: [paths(['/healthz', '/healthz/*', '/livez', '/livez/*', '/metrics', '/readyz', '/readyz/*'])],
  }),
  role('system:auth-delegator', {
    rules: [
      rule(['create'], 'authentication.k8s.io', ['tokenreviews']),
      rule(['create'], 'authorization.k8s.io', ['subjectaccessreviews']),
    ],
  }),
  role('system:service-account-issuer-discovery', {
    rules: [paths(['/.well-known/openid-configuration', '/openid/v1/jwks'])],
  }),
  role('system:node', { rules: nodeRules }),
  role('system:node-bootstrapper', {
    rules: [rule(['create', ...read], 'certificates.k8s.io', ['certificatesigningrequests'])],
  }),
  role('system:sampan-gateway', {
    rules: [
      paths(['/sampan/v1/nodes/*']),
      rule(read, '', ['nodes', 'pods', 'services']),
      rule(read, 'discovery.k8s.io', ['endpointslices']),
      rule(read, 'networking.k8s.io', ['ingressclasses', 'ingresses']),
      rule(['patch', 'update'], 'networking.k8s.io', ['ingresses/status']),
      rule(['create', 'patch', 'update'], '', ['events']),
    ],
  }),
]

const binding = (
  roleName: string,
  subjects: readonly { readonly kind: 'Group' | 'User'; readonly name: string }[],
): ClusterRoleBinding => ({
  apiVersion,
  kind: 'ClusterRoleBinding',
  metadata: { name: roleName, annotations: autoupdate, labels: bootstrapping },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
  subjects: subjects.map((subject) => ({ apiGroup: 'rbac.authorization.k8s.io', ...subject })),
})
const groups = (...names: readonly string[]) => names.map((name) => ({ kind: 'Group' as const, name }))

export const defaultClusterRoleBindings: readonly ClusterRoleBinding[] = [
  binding('cluster-admin', groups('system:masters')),
  binding('system:discovery', groups('system:authenticated')),
  binding('system:basic-user', groups('system:authenticated')),
  binding('system:public-info-viewer', groups('system:authenticated', 'system:unauthenticated')),
  binding('system:monitoring', groups('system:monitoring')),
  binding('system:service-account-issuer-discovery', groups('system:serviceaccounts')),
  binding('system:node-bootstrapper', groups('system:bootstrappers')),
  binding('system:sampan-gateway', [{ kind: 'User', name: 'system:sampan-gateway' }]),
]

/** The servers of the cluster tell where they are by Leases beside this label; nodes and gateways keep up with them. */
const serversRole = 'system:sampan-servers'
const serversMeta = {
  name: serversRole,
  namespace: 'kube-system',
  annotations: autoupdate,
  labels: bootstrapping,
}

export const defaultRoles: readonly Role[] = [
  {
    apiVersion,
    kind: 'Role',
    metadata: serversMeta,
    rules: [rule(read, 'coordination.k8s.io', ['leases'])],
  },
]

export const defaultRoleBindings: readonly RoleBinding[] = [
  {
    apiVersion,
    kind: 'RoleBinding',
    metadata: serversMeta,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: serversRole },
    subjects: groups('system:nodes', 'system:sampan').map((group) => ({
      apiGroup: 'rbac.authorization.k8s.io',
      ...group,
    })),
  },
]
