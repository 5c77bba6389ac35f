import { neighbour } from '../base/neighbour.ts'
import { frugalEnv, frugalFlags } from './frugal-node.ts'
import type { UpOptions } from './up.ts'

/** What the supervisor is told: values only, as they go through JSON. */
export interface SupervisorSettings extends Omit<UpOptions, 'onReady' | 'print' | 'serverToken'> {
  /** A file, as a secret does not belong into an environment. */
  readonly serverTokenFile?: string
  /** Deploy examples/hello once everything is ready, by this executable: `bin/sampan`. */
  readonly exampleBy?: string
}

/** Holds the settings as JSON until the supervisor has read them. */
export const settingsVariable = 'SAMPAN_SUPERVISOR'

/**
 * Goes on as `supervisor.ts`: the same process under the same pid, in a new image of Node.js. It lives as long as
 * Sampan does, and what it took to read the command line would stay in its memory. The arguments stay too, for `ps`.
 */
export function becomeSupervisor(settings: SupervisorSettings): never {
  const entry = neighbour(import.meta.url, 'supervisor')
  const argv = [
    process.execPath,
    ...frugalFlags('supervisor'),
    entry,
    ...shownArguments(process.argv.slice(2)),
  ]
  // The store's URL may hold a password: it is among the settings, and goes from there to the server alone. The others have served.
  const { SAMPAN_STORE: _, SAMPAN_JOIN_TOKEN: __, NODE_UNIT_PASSWORD: ___, ...env } = process.env
  process.execve?.(process.execPath, argv, {
    ...env,
    ...frugalEnv,
    [settingsVariable]: JSON.stringify(settings),
  })
  throw new Error('this Node.js does not replace its process: Sampan runs on Linux')
}

/** For everybody on the machine to see, as long as Sampan runs: without a join token, and without a password in a URL. */
export const shownArguments = (args: readonly string[]): readonly string[] =>
  args.map((arg, index) =>
    args[index - 1] === '--token'
      ? '…'
      : arg
          .replace(/^--token=.*$/s, '--token=…')
          .replace(/(:\/\/[^:@/]*):[^/]*@/, '$1:…@')
          .replace(/([?&](?:ssl)?password=)[^&]*/gi, '$1…'),
  )
