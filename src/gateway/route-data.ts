/** What the gateway is told: plain immutable data, made by `translate.ts` and swapped whole by `Gateway.update`. */
export interface RouteData {
  /** On equal host, path and type the first one wins. */
  readonly routes: readonly Route[]
  /** Key of the backend for requests that no route matches. */
  readonly defaultBackend?: string
  /** A key that a route names and this map lacks is a backend without endpoints. */
  readonly backends: ReadonlyMap<string, readonly Endpoint[]>
}

export type PathType = 'Exact' | 'Prefix' | 'ImplementationSpecific'

export interface Route {
  /** A DNS name in lower case, `*.name` for exactly one more label, or '' for any host. */
  readonly host: string
  /** Begins with a slash. */
  readonly path: string
  readonly pathType: PathType
  /** Key into `RouteData.backends`. */
  readonly backend: string
}

export interface Endpoint {
  /** Identity across updates: counters, ejection and idle connections belong to the key. */
  readonly key: string
  /** Name of the node that the pod runs on; '' when unknown. */
  readonly node: string
  readonly podIP: string
  readonly port: number
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
}

/** The ready endpoints; when there is none, those that shut down but still serve (Kubernetes' own fallback). */
export function usableEndpoints(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter((e) => e.ready)
  return ready.length > 0 ? ready : endpoints.filter((e) => e.serving && e.terminating)
}
