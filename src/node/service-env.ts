/** Variables that tell a pod of the Services of its namespace (pkg/kubelet/envvars/envvars.go). Pure. */
import type { Service, ServicePort } from '../api/schema/types.gen.ts'

/** Where pods reach the API. */
export interface ApiAddress {
  readonly host: string
  readonly port: number
}

export function serviceEnv(services: readonly Service[]): Record<string, string> {
  const env: Record<string, string> = {}
  for (const service of services) {
    const ip = service.spec.clusterIP
    const [first] = service.spec.ports ?? []
    if (!ip || ip === 'None' || !first) continue
    const prefix = variableName(service.metadata.name ?? '')
    env[`${prefix}_SERVICE_HOST`] = ip
    env[`${prefix}_SERVICE_PORT`] = String(first.port)
    for (const port of service.spec.ports ?? [])
      if (port.name) env[`${prefix}_SERVICE_PORT_${variableName(port.name)}`] = String(port.port)
    Object.assign(env, linkVariables(prefix, ip, service.spec.ports ?? []))
  }
  return env
}

/** By which a pod's programs find what only the cluster knows (runtime/process/preload.cjs). */
export const networkEnv = (socketPath: string, namespace: string): Record<string, string> => ({
  SAMPAN_NET: socketPath,
  SAMPAN_NAMESPACE: namespace,
})

/** By which clients inside of a pod find the API: no cluster IP leads there yet, so it is the real address. */
export function apiServerEnv({ host, port }: ApiAddress): Record<string, string> {
  return {
    KUBERNETES_SERVICE_HOST: host,
    KUBERNETES_SERVICE_PORT: String(port),
    KUBERNETES_SERVICE_PORT_HTTPS: String(port),
    KUBERNETES_PORT: `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`,
    // A pod's localhost is its own, but for this (runtime/process/preload.cjs).
    ...(isLoopback(host) && { SAMPAN_PASS: `${host}:${port}` }),
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.')

/** The form that Docker's links had: `REDIS_PORT_6379_TCP_ADDR` and its siblings. */
function linkVariables(prefix: string, ip: string, ports: readonly ServicePort[]): Record<string, string> {
  const env: Record<string, string> = {}
  ports.forEach(({ port, protocol = 'TCP' }, index) => {
    const url = `${protocol.toLowerCase()}://${ip}:${port}`
    const name = `${prefix}_PORT_${port}_${protocol}`
    if (index === 0) env[`${prefix}_PORT`] = url
    env[name] = url
    env[`${name}_PROTO`] = protocol.toLowerCase()
    env[`${name}_PORT`] = String(port)
    env[`${name}_ADDR`] = ip
  })
  return env
}

const variableName = (name: string): string => name.toUpperCase().replaceAll('-', '_')
