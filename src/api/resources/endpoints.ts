import { checkIp } from '../addresses.ts'
import { fieldError, type FieldError } from '../field-errors.ts'
import { at } from '../paths.ts'
import type { ResourceDef } from '../resource.ts'
import { typeNamed } from '../schema/schema.ts'
import type { EndpointAddress, EndpointPort, Endpoints, EndpointSubset } from '../schema/types.gen.ts'
import { invalid } from '../validate-meta.ts'
import { ageColumn, nameColumn, none } from './cells.ts'
import type { Sent } from './sent.ts'
import { allVerbs } from './strategy.ts'
import {
  protocols,
  validateChoice,
  validateDnsLabel,
  validateDnsSubdomain,
  validateNonSpecialIp,
  validatePortNumber,
  validateQualifiedName,
} from './validate-values.ts'

/** The older form of EndpointSlices, for those who still read or write it. */
export const endpoints: ResourceDef<Endpoints> = {
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  listKind: 'EndpointsList',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  subresources: [],
  get schema() {
    return typeNamed('core.v1.Endpoints')
  },
  columns: [
    nameColumn(),
    { name: 'Endpoints', type: 'string', value: ({ subsets }) => subsetsText(subsets ?? []) },
    ageColumn(),
  ],
  createOnUpdate: true,
  applyDefaults: ({ subsets }) => {
    for (const { ports } of subsets ?? []) for (const port of ports ?? []) port.protocol ||= 'TCP'
  },
  validate: ({ subsets }) =>
    (subsets ?? []).flatMap((subset, index) => validateSubset(subset, at('subsets', index))),
  warnings: () => ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'],
}

const shownMax = 3 // as many as kube-apiserver shows

const subsetsText = (subsets: readonly EndpointSubset[]): string => {
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip ?? '')
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => hostPort(ip ?? '', port ?? 0))),
  )
  const shown = all.slice(0, shownMax).join(',')
  if (all.length > shownMax) return `${shown} + ${all.length - shownMax} more...`
  return shown || none
}

const hostPort = (ip: string, port: number): string =>
  ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`

/** kubernetes pkg/apis/core/validation/validation.go 038b410 */
const validateSubset = (subset: EndpointSubset, path: string): readonly FieldError[] => {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset
  const isEmpty = addresses.length + notReadyAddresses.length === 0
  return [
    ...(isEmpty ? [fieldError.required(path, 'must specify `addresses` or `notReadyAddresses`')] : []),
    ...addresses.flatMap((address, index) => validateAddress(address, at(`${path}.addresses`, index))),
    ...notReadyAddresses.flatMap((address, index) =>
      validateAddress(address, at(`${path}.notReadyAddresses`, index)),
    ),
    ...ports.flatMap((port, index) =>
      validatePort(port, at(`${path}.ports`, index), { needsName: ports.length > 1 }),
    ),
  ]
}

const validateAddress = (
  { hostname = '', ip = '', nodeName }: Sent<EndpointAddress>,
  path: string,
): readonly FieldError[] => {
  const problems = checkIp(ip)
  return [
    ...invalid(`${path}.ip`, ip, problems),
    ...(hostname === '' ? [] : validateDnsLabel(hostname, `${path}.hostname`)),
    ...(nodeName === undefined ? [] : validateDnsSubdomain(nodeName, `${path}.nodeName`)),
    ...validateNonSpecialIp(ip, `${path}.ip`),
  ]
}

const validatePort = (
  { appProtocol, name = '', port, protocol }: Sent<EndpointPort>,
  path: string,
  { needsName }: { readonly needsName: boolean },
): readonly FieldError[] => [
  ...(needsName && name === '' ? [fieldError.required(`${path}.name`)] : []),
  ...(name === '' ? [] : validateDnsLabel(name, `${path}.name`)),
  ...validatePortNumber(port, `${path}.port`),
  ...validateChoice(protocol, `${path}.protocol`, protocols),
  ...(appProtocol === undefined ? [] : validateQualifiedName(appProtocol, `${path}.appProtocol`)),
]
