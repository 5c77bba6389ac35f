import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { NetworkPolicy, NetworkPolicySpec } from '../schema/types.gen.ts'
import { ageColumn, nameColumn } from './cells.ts'
import { allVerbs, bumpOnSpec } from './strategy.ts'
import { validateNetworkPolicy } from './validate-network-policy.ts'
import { selectorText } from './validate-workload.ts'

/** Stored only: nothing here enforces one yet. */
export const networkPolicies: ResourceDef<NetworkPolicy> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  listKind: 'NetworkPolicyList',
  plural: 'networkpolicies',
  singular: 'networkpolicy',
  shortNames: ['netpol'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('networking.v1.NetworkPolicy')
  },
  columns: [
    nameColumn(),
    { name: 'Pod-Selector', type: 'string', value: ({ spec }) => selectorText(spec.podSelector ?? {}) },
    ageColumn(),
  ],
  applyDefaults: (policy) => {
    policy.spec ??= {} as NetworkPolicySpec // validation says what is missing in it
    applySpecDefaults(policy.spec)
  },
  prepareForCreate: (policy) => {
    policy.metadata.generation = 1
  },
  prepareForUpdate: bumpOnSpec,
  validate: ({ spec }) => validateNetworkPolicy(spec),
}

/** kubernetes pkg/apis/networking/v1/defaults.go */
const applySpecDefaults = (spec: NetworkPolicySpec): void => {
  spec.podSelector ??= {}
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of rule.ports ?? []) port.protocol ??= 'TCP'
  }
  if ((spec.policyTypes ?? []).length > 0) return
  spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress']
}
