/**
 * `Accept`, as clients of Kubernetes use it: an ordered wish list in which `as=` asks for another shape of the object.
 * Protobuf and CBOR are never offered; every client that prefers them also takes JSON.
 */
import { notAcceptable } from '../api/status.ts'

export interface Representation {
  readonly shape: 'object' | 'table' | 'metadata'
  readonly format: 'json' | 'yaml'
  /** `v1` or `v1beta1` of meta.k8s.io, for the shapes that aren't the object. */
  readonly version: string
}

/** What a request yields: decides which `as=` makes sense. */
export type Yields = 'one' | 'list' | 'watch'

export interface MediaRange {
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
}

export const asObject: Representation = { shape: 'object', format: 'json', version: '' }

/** Throws `NotAcceptable` when nothing in the wish list can be served. */
export function negotiate(accept: string | undefined, yields: Yields): Representation {
  if (accept === undefined) return asObject
  for (const range of parseAccept(accept)) {
    const found = representationOf(range, yields)
    if (found) return found
  }
  throw notAcceptable(['application/json', 'application/yaml'])
}

/** In order of preference. No header means anything. */
export function parseAccept(accept: string | undefined): readonly MediaRange[] {
  if (accept === undefined || accept.trim() === '') return [{ type: '*/*', parameters: {} }]
  const ranges = accept.split(',').map((clause) => {
    const [type = '', ...words] = clause.split(';').map((word) => word.trim())
    const pairs = words.map((word) => {
      const equals = word.indexOf('=')
      return equals < 0 ? [word, ''] : [word.slice(0, equals).trim(), word.slice(equals + 1).trim()]
    })
    const parameters: Record<string, string> = Object.fromEntries(pairs)
    return { type: type.toLowerCase(), parameters }
  })
  return ranges
    .filter(({ parameters }) => quality(parameters) > 0)
    .sort((a, b) => quality(b.parameters) - quality(a.parameters))
}

const quality = ({ q }: Readonly<Record<string, string>>): number => {
  const value = q === undefined ? 1 : Number(q)
  return Number.isNaN(value) ? 1 : value
}

const jsonTypes = new Set(['application/json', 'application/*', '*/*'])

function representationOf({ type, parameters }: MediaRange, yields: Yields): Representation | undefined {
  const isYaml = type === 'application/yaml'
  if (!jsonTypes.has(type) && !isYaml) return undefined
  if (isYaml && yields === 'watch') return undefined
  const format = isYaml ? 'yaml' : 'json'
  const { as, g, v } = parameters
  if (as === undefined) return { ...asObject, format }
  if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined
  if (as === 'Table') return { shape: 'table', format, version: v }
  const wanted = yields === 'list' ? 'PartialObjectMetadataList' : 'PartialObjectMetadata'
  return as === wanted ? { shape: 'metadata', format, version: v } : undefined
}
