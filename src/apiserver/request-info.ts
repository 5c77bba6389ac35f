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
  const line = { method, path, query }
  const [root, first = '', second = ''] = segments
  if (root === 'api' && segments.length >= 3) return resourceOf(line, '', first, segments.slice(2))
  if (root === 'apis' && segments.length >= 4) return resourceOf(line, first, second, segments.slice(3))
  return {
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
    rest: nothing,
  }
}

/** Of most writes. Nobody changes the query of a request. */
const noQuery = new URLSearchParams()

/** Segments that are the namespace's own subresources, not resources in it. */
const namespaceSubresources = new Set(['status', 'finalize'])

/** One literal: to put a record of every request together from others takes several times as long. */
function resourceOf(
  { method, path, query }: Pick<RequestInfo, 'method' | 'path' | 'query'>,
  group: string,
  version: string,
  parts: readonly string[],
): RequestInfo {
  const [first = '', second = '', third] = parts
  const inNamespace = first === 'namespaces' && third !== undefined && !namespaceSubresources.has(third)
  const at = inNamespace ? 2 : 0
  const name = parts[at + 1] ?? ''
  return {
    isResource: true,
    method,
    path,
    query,
    verb: verbOf(method, name !== '', query),
    group,
    version,
    namespace: inNamespace ? second : first === 'namespaces' ? name : '',
    resource: parts[at] ?? '',
    name,
    subresource: parts[at + 2] ?? '',
    rest: parts.length > at + 3 ? parts.slice(at + 3) : nothing,
  }
}

const nothing: readonly string[] = []

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
