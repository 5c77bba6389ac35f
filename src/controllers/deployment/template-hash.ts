import type { PodTemplateSpec } from '../../api/schema/types.gen.ts'

export const templateHashLabel = 'pod-template-hash'

const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/**
 * A short name for a template: 32-bit FNV-1a over its JSON with sorted keys, in Kubernetes' alphabet. Two templates may
 * share one; the count of such collisions goes into the hash of the later one.
 */
export function templateHash(template: PodTemplateSpec, collisionCount = 0): string {
  let hash = 0x811c9dc5
  const text =
    JSON.stringify(sorted(withoutHash(template))) + (collisionCount > 0 ? `#${collisionCount}` : '')
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return String(hash).replace(/\d/g, (digit) => alphabet.charAt(digit.charCodeAt(0) % alphabet.length))
}

/** The template as its author wrote it: without the label that the hash itself put there. */
export function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [templateHashLabel]: _hash, ...labels } = template.metadata?.labels ?? {}
  return { ...template, metadata: { ...template.metadata, labels } }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}
