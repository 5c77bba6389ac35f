/**
 * What a request asks for: one pure function over method and URL, computed once; every later stage reads the record.
 * Grammar as upstream (apiserver pkg/endpoints/request/requestinfo.go):
 *
 *   /api/VERSION/…  and  /apis/GROUP/VERSION/…  where … is
 *   RESOURCE[/NAME[/SUBRESOURCE[/PATH]]]
 *   namespaces/NAMESPACE/RESOURCE[/NAME[/SUBRESOURCE[/PATH]]]
 */
import { badRequest } from '../api/status.ts'

export type RequestVerb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  | 'other'

export interface RequestInfo {
  readonly isResource: boolean
  readonly method: string
  /** Without query, decoded by segment only. */
  readonly path: string
  readonly query: URLSearchParams
  readonly verb: RequestVerb
  readonly group: string
  readonly version: string
  /** Empty for cluster-scoped requests and for lists across namespaces. */
  readonly namespace: string
  readonly resource: string
  readonly name: string
  readonly subresource: string
  /** What follows the subresource: `/proxy/THIS`. */
  readonly rest: readonly string[]
}

export function requestInfoOf(method: string, target: string): RequestInfo {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? noQuery : new URLSearchParams(target.slice(mark + 1))
  const segments = decodeSegments(path)
  const plain = {
    isResource: false,
    method,
    path,
    query,
    verb: 'other',
    group: '',
    version: '',
    namespace: '',
    resource: '',
    name: '',
    subresource: '',
    rest: [],
  } as const satisfies RequestInfo
  const [root, ...tail] = segments
  if (root === 'api' && tail.length >= 2)
    return { ...plain, ...resourceOf(method, query, { group: '', version: tail[0] ?? '' }, tail.slice(1)) }
  if (root === 'apis' && tail.length >= 3) {
    const groupVersion = { group: tail[0] ?? '', version: tail[1] ?? '' }
    return { ...plain, ...resourceOf(method, query, groupVersion, tail.slice(2)) }
  }
  return plain
}

/** Of most writes. Nobody changes the query of a request. */
const noQuery = new URLSearchParams()

/** Segments that are the namespace's own subresources, not resources in it. */
const namespaceSubresources = new Set(['status', 'finalize'])

function resourceOf(
  method: string,
  query: URLSearchParams,
  groupVersion: { readonly group: string; readonly version: string },
  parts: readonly string[],
): Partial<RequestInfo> {
  const [first = '', second = '', third] = parts
  const inNamespace = first === 'namespaces' && third !== undefined && !namespaceSubresources.has(third)
  const [resource = '', name = '', subresource = '', ...rest] = inNamespace ? parts.slice(2) : parts
  return {
    ...groupVersion,
    isResource: true,
    namespace: inNamespace ? second : first === 'namespaces' ? name : '',
    resource,
    name,
    subresource,
    rest,
    verb: verbOf(method, name !== '', query),
  }
}

function verbOf(method: string, named: boolean, query: URLSearchParams): RequestVerb {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (named) return 'get'
      return isTrue(query.get('watch')) ? 'watch' : 'list'
    case 'POST':
      return 'create'
    case 'PUT':
      return 'update'
    case 'PATCH':
      return 'patch'
    case 'DELETE':
      return named ? 'delete' : 'deletecollection'
    default:
      return 'other'
  }
}

/** As Go's strconv.ParseBool reads a query value; a bare `?watch` counts as true. */
export const isTrue = (value: string | null): boolean =>
  value !== null && ['', '1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)

function decodeSegments(path: string): string[] {
  const segments = path.split('/').filter((segment) => segment !== '')
  if (!path.includes('%')) return segments
  try {
    return segments.map(decodeURIComponent)
  } catch (error) {
    throw badRequest(`the path ${path} has a malformed percent escape`, { cause: error })
  }
}
