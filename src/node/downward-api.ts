/** Facts of a pod that its containers may ask for, by field path or by resource. Pure. */
import type { Container, Pod, ResourceFieldSelector } from '../api/schema/types.gen.ts'
import { quote } from '../api/quote.ts'
import { parseQuantity } from '../api/quantity.ts'

export interface DownwardInput {
  readonly pod: Pod
  /** The container that asks; a volume names it in the selector. */
  readonly container?: Container
  readonly podIP?: string
  readonly hostIP: string
  /** What an unset limit means: all that the node gives to pods. */
  readonly allocatable: Readonly<Record<string, string>>
}

/** The field's value as text. Throws an Error with upstream's words for a path it doesn't know. */
export function fieldValue({ pod, podIP, hostIP }: DownwardInput, path: string): string {
  const { metadata, spec } = pod
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path)
  if (subscript)
    return metadata[subscript[1] === 'labels' ? 'labels' : 'annotations']?.[subscript[2] ?? ''] ?? ''
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? ''
    case 'metadata.namespace':
      return metadata.namespace ?? ''
    case 'metadata.uid':
      return metadata.uid ?? ''
    case 'metadata.labels':
      return formatMap(metadata.labels)
    case 'metadata.annotations':
      return formatMap(metadata.annotations)
    case 'spec.nodeName':
      return spec.nodeName ?? ''
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? 'default'
    case 'status.hostIP':
    case 'status.hostIPs':
      return hostIP
    case 'status.podIP':
    case 'status.podIPs':
      return podIP ?? ''
    default:
      throw new Error(`unsupported fieldPath: ${path}`)
  }
}

export function resourceValue(input: DownwardInput, selector: ResourceFieldSelector): string {
  const container = selector.containerName
    ? allContainers(input.pod).find(({ name }) => name === selector.containerName)
    : input.container
  if (!container) throw new Error(`container ${selector.containerName} not found`)
  const [which = '', ...rest] = selector.resource.split('.')
  const resource = rest.join('.')
  if (which !== 'limits' && which !== 'requests')
    throw new Error(`unsupported container resource : ${selector.resource}`)
  const value =
    container.resources?.[which]?.[resource] ??
    (which === 'limits' ? input.allocatable[resource] : (container.resources?.limits?.[resource] ?? '0')) ??
    '0'
  const divisor = parseQuantity(selector.divisor ?? '1').nano || parseQuantity('1').nano
  const { nano } = parseQuantity(value)
  return String((nano + divisor - 1n) / divisor)
}

export const allContainers = (pod: Pod): readonly Container[] => [
  ...(pod.spec.initContainers ?? []),
  ...pod.spec.containers,
]

/** One `key="value"` a line, sorted, the value quoted as Go's %q. */
const formatMap = (map: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${quote(value)}`)
    .join('\n')
