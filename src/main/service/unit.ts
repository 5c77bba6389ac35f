/** The systemd unit that keeps Sampan running, as text. Pure. */
import { configExitCode } from '../command-error.ts'

export interface UnitSettings {
  /** `up`, `server` or `join`. */
  readonly command: string
  /** Program and arguments. */
  readonly argv: readonly string[]
  /** Holds what must not be in a file that everybody reads. */
  readonly environmentFile: string
  /** Of one user, without root. */
  readonly isUserUnit: boolean
}

export function unitText({ argv, command, environmentFile, isUserUnit }: UnitSettings): string {
  const lines = [
    '# Written by `sampan service install`, which replaces it.',
    '[Unit]',
    `Description=Sampan (${command})`,
    ...(isUserUnit ? [] : ['Wants=network-online.target', 'After=network-online.target']),
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    `ExecStart=${argv.map(quoted).join(' ')}`,
    `EnvironmentFile=-${escaped(environmentFile)}`,
    'Restart=always',
    'RestartSec=1',
    `RestartPreventExitStatus=${configExitCode}`,
    '# Apps outlive Sampan: only its own first process is told to end, and it ends the others.',
    'KillMode=process',
    'TimeoutStopSec=30',
    '# An app that runs out of memory is no reason to stop the rest.',
    'OOMPolicy=continue',
    '# Limits of apps are control groups. With those of version 2 they lie beside this service, which could not be started again otherwise.',
    'Delegate=yes',
    'TasksMax=infinity',
    'LimitNOFILE=1048576',
    '',
    '[Install]',
    `WantedBy=${isUserUnit ? 'default.target' : 'multi-user.target'}`,
  ]
  return `${lines.join('\n')}\n`
}

/** systemd.syntax(7), and `%` and `$` as systemd.service(5) has them. */
function quoted(text: string): string {
  const safe = escaped(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('$', '$$$$')
  return /^[\w@%+=:,./-]+$/.test(safe) ? safe : `"${safe}"`
}

const escaped = (text: string): string => text.replaceAll('%', '%%')

/** Lines of `NAME="value"`, as `EnvironmentFile=` reads them. Values have no line breaks. */
export const environmentText = (variables: Readonly<Record<string, string>>): string =>
  Object.entries(variables)
    .map(([name, value]) => `${name}="${value.replace(/["\\`$]/g, '\\$&')}"\n`)
    .join('')
