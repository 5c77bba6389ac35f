/**
 * Which level of the sandbox a container gets. The node's operator says what pods get that ask for nothing, and what they get at
 * least; a pod asks by annotation, or by a `securityContext` that only bubblewrap can keep.
 */
import {
  isSandboxLevel,
  sandboxAnnotation,
  sandboxLevels,
  sandboxWishOf,
  strongest,
  type SandboxLevel,
} from '../api/sandbox-level.ts'
import type { Container, Pod } from '../api/schema/types.gen.ts'
import type { RuntimeCapabilities } from '../runtime/runtime.ts'
import { ContainerConfigError } from './env.ts'

/** The operator's: SAMPAN_SANDBOX. */
export interface SandboxPolicy {
  /** What a pod gets that asks for nothing. */
  readonly usual: SandboxLevel
  /** What every pod gets at least, whatever it asks for. */
  readonly least: SandboxLevel
}

export const noSandbox: SandboxPolicy = { usual: 'none', least: 'none' }

/** Beside `none`. */
export const usableLevels = ({ permission, sandbox }: RuntimeCapabilities): readonly SandboxLevel[] => [
  ...(permission ? (['permission'] as const) : []),
  ...(sandbox ? (['bubblewrap'] as const) : []),
]

export interface LevelRequest {
  readonly policy: SandboxPolicy
  readonly usable: readonly SandboxLevel[]
  readonly pod: Pod
  readonly container: Container
}

/** Throws ContainerConfigError. */
export function levelOf({ policy, usable, pod, container }: LevelRequest): SandboxLevel {
  const wish = sandboxWishOf(pod)
  if (wish !== undefined && !isSandboxLevel(wish))
    throw new ContainerConfigError(
      `${sandboxAnnotation} is "${wish}"; write one of ${sandboxLevels.join(', ')}`,
    )
  const implied = usable.includes('bubblewrap') && needsBubblewrap(pod, container) ? 'bubblewrap' : 'none'
  const level = strongest(policy.least, wish ?? strongest(policy.usual, implied))
  if (level !== 'none' && !usable.includes(level))
    throw new ContainerConfigError(
      level === 'bubblewrap'
        ? 'this node has no sandbox to give: install bubblewrap on it'
        : `this node's runtime can not keep the level ${level}`,
    )
  return level
}

/** Users, groups, capabilities and system calls: the other levels have those of the agent. */
function needsBubblewrap({ spec }: Pod, { securityContext: own }: Container): boolean {
  const { runAsUser = 0, runAsGroup = 0, runAsNonRoot, seccompProfile } = { ...spec.securityContext, ...own }
  if (own?.privileged === true) return false
  return (
    runAsUser > 0 ||
    runAsGroup > 0 ||
    runAsNonRoot === true ||
    own?.allowPrivilegeEscalation === false ||
    (own?.capabilities?.drop ?? []).length > 0 ||
    (seccompProfile !== undefined && seccompProfile.type !== 'Unconfined')
  )
}
