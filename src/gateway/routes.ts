import { normalPath } from './request-path.ts'
import type { Route } from './route-data.ts'

/**
 * Ingress matching, immutable and without I/O. An exact host beats `*.name` beats no host; within a host an Exact
 * path beats any Prefix, and the longest Prefix by path segment wins: `/apps/1` never matches `/apps/10`. A host
 * whose paths all miss falls through to the next less exact host: a rule without host applies to all traffic.
 */
export interface RouteTable<T> {
  /** `host` in lower case without port; `path` as `routingPath` gives it, without the query. */
  match(host: string, path: string): T | undefined
}

/** Builds the table; `resolve` turns a route into what `match` gives back. Earlier routes win over equal later ones. */
export function buildRouteTable<T>(
  routes: readonly Route[],
  resolve: (route: Route) => T,
  fallback?: T,
): RouteTable<T> {
  const exactHosts = new Map<string, PathTable<T>>()
  const wildcardHosts = new Map<string, PathTable<T>>()
  const anyHost = emptyPaths<T>()
  for (const route of routes) {
    const host = route.host.toLowerCase()
    const paths =
      host === ''
        ? anyHost
        : host.startsWith('*.')
          ? pathsOf(wildcardHosts, host.slice(1))
          : pathsOf(exactHosts, host)
    addRoute(paths, route, resolve(route))
  }
  return {
    match(host, path) {
      const exact = exactHosts.get(host)
      const hit = exact && matchPath(exact, path)
      if (hit !== undefined) return hit
      if (wildcardHosts.size > 0) {
        const dot = host.indexOf('.')
        const wildcard = dot > 0 ? wildcardHosts.get(host.slice(dot)) : undefined
        const wild = wildcard && matchPath(wildcard, path)
        if (wild !== undefined) return wild
      }
      return matchPath(anyHost, path) ?? fallback
    },
  }
}

interface PathTable<T> {
  readonly exact: Map<string, T>
  /** Without trailing slash; the root prefix is ''. */
  readonly prefixes: Map<string, T>
  /** Segments of the deepest prefix: a request's path is cut at most this often, however long it is. */
  depth: number
}

const emptyPaths = <T>(): PathTable<T> => ({ exact: new Map(), prefixes: new Map(), depth: 0 })

function pathsOf<T>(hosts: Map<string, PathTable<T>>, host: string): PathTable<T> {
  const known = hosts.get(host)
  if (known) return known
  const paths = emptyPaths<T>()
  hosts.set(host, paths)
  return paths
}

function addRoute<T>(paths: PathTable<T>, route: Route, target: T): void {
  const path = normalPath(route.path === '' ? '/' : route.path)
  if (route.pathType === 'Exact') {
    if (!paths.exact.has(path)) paths.exact.set(path, target)
    return
  }
  // ImplementationSpecific is a Prefix here, as in most implementations.
  const prefix = path.endsWith('/') ? path.slice(0, -1) : path
  if (!paths.prefixes.has(prefix)) paths.prefixes.set(prefix, target)
  paths.depth = Math.max(paths.depth, prefix.split('/').length - 1)
}

function matchPath<T>(paths: PathTable<T>, path: string): T | undefined {
  const exact = paths.exact.size > 0 ? paths.exact.get(path) : undefined
  if (exact !== undefined) return exact
  let best = paths.prefixes.get('')
  let end = 0
  for (let depth = 0; depth < paths.depth && end < path.length; depth++) {
    end = path.indexOf('/', end + 1)
    if (end < 0) end = path.length
    best = paths.prefixes.get(path.slice(0, end)) ?? best
  }
  return best
}
