/** How far the operator of this machine wants pods held off from it: SAMPAN_SANDBOX and SAMPAN_NETWORK_WALL. */
import { isSandboxLevel, sandboxLevels } from '../api/sandbox-level.ts'
import type { SandboxPolicy } from '../node/sandbox-level.ts'
import type { SandboxSupport } from '../runtime/process/sandbox/find-sandbox.ts'
import { CommandError } from './command-error.ts'

export interface SandboxSettings {
  readonly sandboxPolicy: SandboxPolicy
  readonly networkWall: boolean
}

/**
 * `SAMPAN_SANDBOX=bubblewrap,permission`: the first level is what pods get that ask for nothing, the weakest of them what all get at
 * least. Without a word it is the most that this machine has. Throws CommandError.
 */
export function readSandboxSettings(
  env: NodeJS.ProcessEnv,
  { usable }: Pick<SandboxSupport, 'usable'>,
): SandboxSettings {
  const words = (env['SAMPAN_SANDBOX'] || (usable ? 'bubblewrap' : 'none')).split(',')
  const wrong = words.find((word) => !isSandboxLevel(word))
  const [usual] = words.filter(isSandboxLevel)
  const least = sandboxLevels.find((level) => words.includes(level))
  if (wrong !== undefined || !usual || !least)
    throw new CommandError(
      `SAMPAN_SANDBOX has "${wrong}", which is no level: write some of ${sandboxLevels.join(', ')}, or leave it unset`,
    )
  const wall = env['SAMPAN_NETWORK_WALL'] || 'on'
  if (wall !== 'on' && wall !== 'none')
    throw new CommandError(`SAMPAN_NETWORK_WALL is "${wall}": write none, or leave it unset`)
  return { sandboxPolicy: { usual, least }, networkWall: usable && wall === 'on' }
}
