/** How far the operator of this machine wants pods held off from it: SAMPAN_SANDBOX and SAMPAN_NETWORK_WALL. */
import { isSandboxLevel, type SandboxLevel } from '../node/sandbox-level.ts'
import type { SandboxSupport } from '../runtime/process/sandbox/find-sandbox.ts'
import { CommandError } from './command-error.ts'

export interface SandboxSettings {
  /** What every pod gets at least: without a word the most that this machine has. */
  readonly sandboxLevel: SandboxLevel
  /** Only root has a packet filter to speak to. */
  readonly networkWall: boolean
}

/** Throws CommandError. */
export function readSandboxSettings(env: NodeJS.ProcessEnv, { usable }: SandboxSupport): SandboxSettings {
  const wanted = env['SAMPAN_SANDBOX'] || (usable ? 'bubblewrap' : 'none')
  if (!isSandboxLevel(wanted))
    throw new CommandError(
      `SAMPAN_SANDBOX is "${wanted}", which is no level: write bubblewrap or none, or leave it unset`,
    )
  const wall = env['SAMPAN_NETWORK_WALL'] || 'on'
  if (wall !== 'on' && wall !== 'none')
    throw new CommandError(`SAMPAN_NETWORK_WALL is "${wall}": write none, or leave it unset`)
  return { sandboxLevel: wanted, networkWall: usable && wall === 'on' && process.getuid?.() === 0 }
}
