/**
 * Names that mean something inside of the cluster only: `web`, `web.shop`, `web.shop.svc`, `web.shop.svc.cluster.local`, and
 * with a pod's hostname in front those of a headless Service (kubernetes/dns docs/specification.md). Pure.
 */
export interface ServiceName {
  readonly service: string
  readonly namespace: string
  /** Of one pod behind a headless Service. */
  readonly hostname?: string
}

export const clusterDomain = 'cluster.local'

/** The Service of the API itself. There is no object of it: nodes know where servers are. */
export const apiService = { service: 'kubernetes', namespace: 'default', clusterIP: '10.96.0.1', port: 443 }

/** Whether a pod of `namespace` means the API by a name or an address. */
export function isApiService(host: string, namespace: string): boolean {
  if (host === apiService.clusterIP) return true
  const name = serviceNameOf(host, namespace)
  return (
    name?.service === apiService.service &&
    name.namespace === apiService.namespace &&
    name.hostname === undefined
  )
}

/** What a certificate of the API has to be good for. */
export const apiServiceHosts: readonly string[] = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  `kubernetes.default.svc.${clusterDomain}`,
  apiService.clusterIP,
]

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/** What a name may mean to a pod of `namespace`; undefined where it can't be a Service's. */
export function serviceNameOf(name: string, namespace: string): ServiceName | undefined {
  const lower = name.toLowerCase().replace(/\.$/, '')
  const isWhole = lower.endsWith(`.svc.${clusterDomain}`)
  const labels = (isWhole ? lower.slice(0, -clusterDomain.length - 1) : lower).split('.')
  if (!labels.every((part) => label.test(part))) return undefined
  const isQualified = labels.at(-1) === 'svc'
  const parts = isQualified ? labels.slice(0, -1) : labels
  const [first = '', second = namespace, third] = parts
  if (isQualified && parts.length === 3) return { hostname: first, service: second, namespace: third ?? '' }
  const isService = isQualified ? parts.length === 2 : parts.length <= 2
  return isService ? { service: first, namespace: second } : undefined
}
