/**
 * The moves that most strategies of upstream share: what a request may not write is taken from the stored object.
 */
import { copyOf } from '../copy.ts'
import type { ObjectMeta } from '../schema/types.gen.ts'
import type { SubresourceDef, Verb } from '../resource.ts'
import { semanticEqual } from './semantic-equal.ts'

export const allVerbs: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
]

/** Streams are opened by GET (a WebSocket) or POST (SPDY). */
export const streamSubresource = (name: string): SubresourceDef => ({ name, verbs: ['get', 'create'] })

/** Whatever the app behind it understands. */
export const proxySubresource: SubresourceDef = {
  name: 'proxy',
  verbs: ['get', 'create', 'update', 'patch', 'delete'],
}

export const statusSubresource: SubresourceDef = { name: 'status', verbs: ['get', 'patch', 'update'] }

export const scaleSubresource: SubresourceDef = {
  name: 'scale',
  verbs: ['get', 'patch', 'update'],
  body: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
}

interface WithStatus {
  status?: unknown
}

/** Sets `status` to that of `old`; without one there, without one here. */
export const keepStatus = <T extends WithStatus>(object: T, old: T): void => {
  if (old.status === undefined) delete object.status
  else object.status = copyOf(old.status)
}

interface WithSpec {
  spec: unknown
}

/** What a write to `status` may not touch. */
export const keepSpec = <T extends WithSpec>(object: T, old: T): void => {
  object.spec = copyOf(old.spec)
}

interface WithMeta {
  metadata: ObjectMeta
}

/** One more than `old` when `changed`; otherwise as it was. */
export const setGeneration = (object: WithMeta, old: WithMeta, changed: boolean): void => {
  const before = old.metadata.generation ?? 0
  object.metadata.generation = changed ? before + 1 : before
}

/** Generation counts changes of what is wished for. */
export const bumpOnSpec = <T extends WithSpec & WithMeta>(object: T, old: T): void => {
  setGeneration(object, old, !semanticEqual(object.spec, old.spec))
}
