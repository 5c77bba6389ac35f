/**
 * How far pods are held off from their machine; `docs/security.md` says what each level holds. What pods, the scheduler and nodes
 * agree on.
 */
import type { Pod } from './schema/types.gen.ts'

/**
 * Weakest first. `none`: a process of the agent's user. `permission`: that, and a Node.js under its own permission model.
 * `bubblewrap`: namespaces, a root and a user of its own, fewer system calls.
 */
export const sandboxLevels = ['none', 'permission', 'bubblewrap'] as const
export type SandboxLevel = (typeof sandboxLevels)[number]

export const isSandboxLevel = (text: string | undefined): text is SandboxLevel =>
  sandboxLevels.some((level) => level === text)

export const strongest = (...levels: readonly SandboxLevel[]): SandboxLevel =>
  sandboxLevels.findLast((level) => levels.includes(level)) ?? 'none'

/** On a pod: the level that it wants. */
export const sandboxAnnotation = 'sampan.dev/sandbox'
export const sandboxWishOf = ({ metadata }: Pod): string | undefined =>
  metadata.annotations?.[sandboxAnnotation]

/** On a pod at level `permission`: what it wants beyond the model, separated by commas. Each leads around it. */
export const permissionsAnnotation = 'sampan.dev/permissions'

/** On a node, for each level beside `none`: `true` where it can give that. */
export const sandboxLabel = (level: SandboxLevel): string => `sampan.dev/sandbox.${level}`
