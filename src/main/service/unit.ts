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
  /** Of the systemd that will read it; unknown where there is none. */
  readonly systemdVersion: number | undefined
}

/** The first that starts a service in a group below its own, so that it can start anew beside groups of apps. */
const subgroupSince = 254
/** Where the agent itself is then (runtime/process/find-cgroups.ts). */
const ownSubgroup = 'sampan-self'

export function unitText({
  argv,
  command,
  environmentFile,
  isUserUnit,
  systemdVersion,
}: UnitSettings): string {
  const hasSubgroup = systemdVersion !== undefined && systemdVersion >= subgroupSince
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
    '# Limits of apps are groups below this one.',
    'Delegate=yes',
    ...(hasSubgroup ? [`DelegateSubgroup=${ownSubgroup}`] : []),
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
