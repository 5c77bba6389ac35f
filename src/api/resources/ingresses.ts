import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { Ingress, IngressRule } from '../schema/types.gen.ts'
import { ageColumn, nameColumn, none } from './cells.ts'
import { allVerbs, bumpOnSpec, keepSpec, keepStatus, setGeneration, statusSubresource } from './strategy.ts'
import { validateIngress, validateIngressStatus } from './validate-ingress.ts'

export const ingresses: ResourceDef<Ingress> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  listKind: 'IngressList',
  plural: 'ingresses',
  singular: 'ingress',
  shortNames: ['ing'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [statusSubresource],
  get schema() {
    return typeNamed('networking.v1.Ingress')
  },
  columns: [
    nameColumn(),
    { name: 'Class', type: 'string', value: ({ spec }) => spec.ingressClassName ?? none },
    { name: 'Hosts', type: 'string', value: ({ spec }) => hostsText(spec.rules ?? []) },
    { name: 'Address', type: 'string', value: (ingress) => addresses(ingress) },
    { name: 'Ports', type: 'string', value: ({ spec }) => ((spec.tls ?? []).length > 0 ? '80, 443' : '80') },
    ageColumn(),
  ],
  applyDefaults: (ingress) => {
    ingress.spec ??= {}
  },
  prepareForCreate: (ingress) => {
    ingress.status = { loadBalancer: {} }
    ingress.metadata.generation = 1
  },
  prepareForUpdate: (ingress, old, { subresource }) => {
    if (subresource === 'status') {
      keepSpec(ingress, old)
      setGeneration(ingress, old, false)
      return
    }
    keepStatus(ingress, old)
    bumpOnSpec(ingress, old)
  },
  validate: (ingress, old, { subresource }) =>
    subresource === 'status' ? validateIngressStatus(ingress) : validateIngress(ingress, old),
}

const hostsMax = 3 // as many as kube-apiserver shows

/** The first few hosts; how many more counts rules, with or without a host: upstream's habit. */
const hostsText = (rules: readonly IngressRule[]): string => {
  const hosts: string[] = []
  for (const { host = '' } of rules) {
    if (hosts.length === hostsMax) return `${hosts.join(',')} + ${rules.length - hostsMax} more...`
    if (host !== '') hosts.push(host)
  }
  return hosts.join(',') || '*'
}

const addresses = ({ status }: Ingress): string => {
  const ingress = status?.loadBalancer?.ingress ?? []
  const found = new Set(ingress.map(({ ip, hostname }) => ip || hostname || '').filter(Boolean))
  return [...found].toSorted().join(',')
}
