/** Makes a command one that runs where a workload runs: in its control group from its first instruction on, in its sandbox. */
import { accessSync, constants, statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import type { Sandbox } from '../runtime.ts'
import { carry } from './environment.ts'
import { enterSandbox, seccompFd, type SandboxTools } from './sandbox/bubblewrap.ts'
import { terminalCommand } from './terminal.ts'

/** Of a workload. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Of its control group; none when it has none. */
  readonly folders: readonly string[]
  /** Its sandbox, by a process in it; then `cwd` counts for what stands outside only. */
  readonly inside?: {
    readonly pid: number
    readonly sandbox: Sandbox
    readonly tools: SandboxTools
    /** Where the filter of system calls lies. */
    readonly seccompFile: string
  }
}

export interface Command {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface WantedCommand {
  readonly argv: readonly string[]
  readonly tty: boolean
  readonly cwd: string
}

/** Not what was asked for: outside of the sandbox there may be a program of that name. */
const nowhere = '/proc/no-such-program'

export function insideCommand(within: Surroundings, { argv, tty, cwd }: WantedCommand): Command {
  const { env, folders, inside } = within
  const terminal = (command: Command): Command => (tty ? terminalCommand(command.argv, command.env) : command)
  if (!inside && folders.length === 0) return terminal({ argv, env })
  const found = { env, cwd: inside ? '/' : cwd, root: inside ? `/proc/${inside.pid}/root` : '/' }
  // Behind shells its absence would show as an exit code only.
  if (!tty && !isProgram(argv[0] ?? '', found)) return { argv: [nowhere], env: {} }
  const { carried, around } = carry(env)
  const plain = ['/usr/bin/env', ...around, ...argv]
  const own = terminal({ argv: inside ? enterSandbox(plain, inside) : plain, env: carried })
  return joinGroup(own, folders, inside?.seccompFile)
}

/** The first argument is the file that goes to a sandbox by its descriptor, or empty. */
const script = `
[ -z "$1" ] || exec ${seccompFd}<"$1" || exit 126
shift
while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs" || exit 126; shift; done
shift; exec "$@"
`

function joinGroup({ argv, env }: Command, folders: readonly string[], seccompFile = ''): Command {
  return folders.length === 0 && seccompFile === ''
    ? { argv, env }
    : { argv: ['/bin/sh', '-c', script, 'sampan', seccompFile, ...folders, '--', ...argv], env }
}

interface Search {
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Where its `/` is. */
  readonly root: string
}

/** Whether `execvp` would find the program. */
function isProgram(program: string, { env, cwd, root }: Search): boolean {
  if (program.includes('/')) return isExecutable(join(root, resolve(cwd, program)))
  const folders = (env['PATH'] ?? '/bin:/usr/bin').split(':')
  return folders.some((folder) => isExecutable(join(root, isAbsolute(folder) ? folder : cwd, program)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // the search goes on
  }
}
