import { checkDns1035Label } from '../names.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { Service, ServicePort } from '../schema/types.gen.ts'
import { ageColumn, labelsText, nameColumn, none } from './cells.ts'
import { applyServiceDefaults, carryOverAllocated, settleIps } from './service-defaults.ts'
import { allVerbs, keepSpec, keepStatus, proxySubresource, statusSubresource } from './strategy.ts'
import { validateService } from './validate-service.ts'
import { validateLoadBalancer, validateServiceUpdate } from './validate-service-update.ts'

export const services: ResourceDef<Service> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  listKind: 'ServiceList',
  plural: 'services',
  singular: 'service',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  createOnUpdate: true,
  verbs: allVerbs,
  subresources: [proxySubresource, statusSubresource],
  get schema() {
    return typeNamed('core.v1.Service')
  },
  columns: [
    nameColumn(),
    { name: 'Type', type: 'string', value: ({ spec }) => spec.type ?? '' },
    { name: 'Cluster-IP', type: 'string', value: ({ spec }) => spec.clusterIPs?.[0] ?? none },
    { name: 'External-IP', type: 'string', value: (service) => externalIps(service) },
    {
      name: 'Port(s)',
      type: 'string',
      value: ({ spec }) => (spec.ports ?? []).map(portText).join(',') || none,
    },
    ageColumn(),
    { name: 'Selector', type: 'string', priority: 1, value: ({ spec }) => labelsText(spec.selector) },
  ],
  selectableFields: {
    'spec.clusterIP': ({ spec }) => spec.clusterIP ?? '',
    'spec.type': ({ spec }) => spec.type ?? '',
  },
  validateName: checkDns1035Label,
  applyDefaults: applyServiceDefaults,
  prepareForCreate: (service) => {
    service.status = { loadBalancer: {} }
    settleIps(service, undefined)
  },
  prepareForUpdate: (service, old, { subresource }) => {
    if (subresource === 'status') {
      keepSpec(service, old)
      return
    }
    keepStatus(service, old)
    settleIps(service, old)
    carryOverAllocated(service, old)
  },
  validate: (service, old, { subresource }) => {
    if (subresource === 'status') return validateLoadBalancer(service)
    return [...(old === undefined ? [] : validateServiceUpdate(service, old)), ...validateService(service)]
  },
}

const portText = ({ port, nodePort = 0, protocol = '' }: ServicePort): string =>
  nodePort > 0 ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`

const externalIps = ({ spec, status }: Service): string => {
  const given = spec.externalIPs ?? []
  switch (spec.type ?? '') {
    case 'ClusterIP':
    case 'NodePort':
      return given.join(',') || none
    case 'LoadBalancer': {
      const ingress = status?.loadBalancer?.ingress ?? []
      const balanced = new Set(ingress.map(({ ip, hostname }) => ip || hostname || '').filter(Boolean))
      return [...[...balanced].toSorted(), ...given].join(',') || '<pending>'
    }
    case 'ExternalName':
      return spec.externalName ?? ''
    default:
      return '<unknown>'
  }
}
