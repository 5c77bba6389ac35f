/** `kubectl get` as the server prints it: a meta.k8s.io Table from a resource's columns. */
import type { KubeObject, ListMeta } from '../api/meta.ts'
import type { ResourceDef } from '../api/resource.ts'
import { badRequest } from '../api/status.ts'

export type IncludeObject = 'Metadata' | 'Object' | 'None'

/** What the query wants beside each row's cells. */
export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? ''
  if (value === '' || value === 'Metadata') return 'Metadata'
  if (value === 'Object' || value === 'None') return value
  throw badRequest(`unrecognized includeObject value: "${value}"`)
}

export interface TableOptions {
  readonly def: ResourceDef
  readonly version: string
  readonly include: IncludeObject
  readonly nowMs: number
}

/** Without `columns` for the events of a watch after its first. */
export const tableOf = (
  objects: readonly KubeObject[],
  metadata: ListMeta,
  options: TableOptions,
  columns = true,
): object => ({
  kind: 'Table',
  apiVersion: `meta.k8s.io/${options.version}`,
  metadata,
  columnDefinitions: columns ? columnDefinitions(options.def) : [],
  rows: objects.map((object) => rowOf(object, options)),
})

const columnDefinitions = (def: ResourceDef): object[] =>
  def.columns.map(({ name, type, format = '', priority = 0 }) => ({
    name,
    type,
    format,
    description: '',
    priority,
  }))

export function rowOf(object: KubeObject, { def, version, include, nowMs }: TableOptions): object {
  const cells = def.columns.map((column) => column.value(object, nowMs))
  if (include === 'None') return { cells }
  return { cells, object: include === 'Object' ? object : metadataOf(object, version) }
}

/** As informers of metadata alone want it. */
export const metadataOf = ({ metadata }: KubeObject, version: string): object => ({
  kind: 'PartialObjectMetadata',
  apiVersion: `meta.k8s.io/${version}`,
  metadata,
})
