/**
 * `sampan service`: Sampan started by systemd, at boot and after every end, as the machine's service (root) or as one of the
 * user. Works from files; where systemd runs it is told.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { CommandError } from '../command-error.ts'
import { createDataDir, dataDir, defaultDataDir, writeWhole } from '../data-dir.ts'
import { environmentText, unitText } from './unit.ts'
import { variablesKept } from './variables.ts'

export interface ServiceOptions {
  /** Of the unit, without `.service`. */
  readonly name: string
  /** Where units are kept; given, systemd is left alone, as it is where an image is made. */
  readonly unitDir?: string
  readonly env: NodeJS.ProcessEnv
  readonly print: (line: string) => void
}

export interface InstallOptions extends ServiceOptions {
  readonly command: string
  readonly args: readonly string[]
  /** Nothing is written. */
  readonly isPrintOnly: boolean
}

const commands = new Set(['up', 'server', 'join'])
const isUserUnit = process.getuid?.() !== 0

/** Writes the unit, has it started now and at each boot. The same call again changes nothing. Throws `CommandError`. */
export function installService(options: InstallOptions): void {
  const { command, env, isPrintOnly, name, print } = options
  if (!commands.has(command))
    throw new CommandError(`there is no service of ${JSON.stringify(command)}: write up, server or join URL`)
  const { args, root, token } = readArgs(options)
  const environmentFile = join(root, 'service.env')
  const executable = realpathSync(process.argv[1] ?? '')
  const text = unitText({
    command,
    argv: [process.execPath, executable, command, ...args],
    environmentFile,
    isUserUnit,
  })
  if (isPrintOnly) return print(text.trimEnd())
  createDataDir(dataDir(root))
  const variables = { ...variablesOf(env), ...(token !== undefined && { SAMPAN_JOIN_TOKEN: token }) }
  const file = unitFile(options)
  const changed = [
    writeIfNew(environmentFile, environmentText(variables), writeWhole),
    writeIfNew(file, text, (path, content) => {
      mkdirSync(resolve(path, '..'), { recursive: true })
      writeFileSync(path, content)
    }),
  ].some(Boolean)
  print(`${file} ${changed ? 'written' : 'is as it should be'}`)
  if (!isSystemdThere(options))
    return print(`systemd does not run here: where it does, ${systemctl('enable', '--now', name).join(' ')}`)
  run(systemctl('daemon-reload'))
  run(systemctl('enable', name))
  run(systemctl(changed ? 'restart' : 'start', name)) // either starts what does not run
  print(`${name} runs, and will after a reboot`)
  if (isUserUnit && !isLingering())
    print(`it ends when you log out, apps too, unless: loginctl enable-linger ${userInfo().username}`)
}

/** Ends it and removes the unit; apps and data stay (`sampan down` ends apps). Removing what isn't there is fine. */
export function uninstallService(options: ServiceOptions): void {
  const { name, print } = options
  const file = unitFile(options)
  if (!existsSync(file)) return print(`there is no ${file}`)
  const environmentFile = /^EnvironmentFile=-(.*)$/m
    .exec(readFileSync(file, 'utf8'))?.[1]
    ?.replaceAll('%%', '%')
  if (isSystemdThere(options)) run(systemctl('disable', '--now', name))
  rmSync(file)
  if (environmentFile !== undefined) rmSync(environmentFile, { force: true })
  if (isSystemdThere(options)) run(systemctl('daemon-reload'))
  print(`${file} removed; apps go on until \`sampan down\``)
}

/** Throws `CommandError` when it is not there or does not run. */
export function serviceStatus(options: ServiceOptions): void {
  const { name, print } = options
  const file = unitFile(options)
  if (!existsSync(file))
    throw new CommandError(
      `there is no ${file}: \`sampan service install up\` (or server, or join URL) writes it`,
    )
  print(`${file}: ${/^ExecStart=(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 'no command in it'}`)
  if (!isSystemdThere(options)) throw new CommandError('systemd does not run here, so nothing starts it')
  const [active, enabled] = [answer(systemctl('is-active', name)), answer(systemctl('is-enabled', name))]
  print(`${active}, ${enabled} at boot`)
  if (active !== 'active')
    throw new CommandError(`it does not run: ${systemctl('status', name).join(' ')} says why`)
}

interface Args {
  readonly args: readonly string[]
  /** The data directory. */
  readonly root: string
  /** Kept out of the unit, which everybody can read. */
  readonly token: string | undefined
}

/** What follows the command, with paths that do not depend on where it was typed. */
function readArgs({ args, env }: InstallOptions): Args {
  const rest: string[] = []
  let [root, token] = [undefined, undefined] as [string | undefined, string | undefined]
  for (let at = 0; at < args.length; at++) {
    const [, flag, joined] = /^(--data-dir|--token)(?:=(.*))?$/s.exec(args[at] ?? '') ?? []
    if (flag === undefined) rest.push(args[at] ?? '')
    else if (flag === '--token') token = joined ?? args[++at]
    else root = joined ?? args[++at]
  }
  const absolute = resolve(root ?? defaultDataDir(env))
  return { args: [...rest, '--data-dir', absolute], root: absolute, token }
}

function variablesOf(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of variablesKept) {
    const value = env[name] ?? ''
    if (value.includes('\n'))
      throw new CommandError(`${name} has a line break, which a service can't be given`)
    if (value !== '') found[name] = value
  }
  return found
}

function unitFile({ env, name, unitDir }: ServiceOptions): string {
  const own = join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'systemd', 'user')
  return join(resolve(unitDir ?? (isUserUnit ? own : '/etc/systemd/system')), `${name}.service`)
}

function writeIfNew(file: string, text: string, write: (file: string, text: string) => void): boolean {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return false
  write(file, text)
  return true
}

/** sd_booted(3) */
const isSystemdThere = ({ unitDir }: ServiceOptions): boolean =>
  unitDir === undefined && existsSync('/run/systemd/system')

const isLingering = (): boolean => existsSync(`/var/lib/systemd/linger/${userInfo().username}`)

const systemctl = (...args: readonly string[]): readonly string[] => [
  'systemctl',
  ...(isUserUnit ? ['--user'] : []),
  ...args,
]

function run([program = '', ...args]: readonly string[]): void {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause)
    throw new CommandError(`${program} ${args.join(' ')} failed: ${said}`, { cause })
  }
}

/** What it prints, also when it fails: `is-active` says `inactive` with an exit code. Empty where it can't be run. */
function answer([program = '', ...args]: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch (error) {
    return error instanceof Error && 'stdout' in error ? String(error.stdout).trim() : ''
  }
}
