/** Makes a command one that runs where a workload runs: in its control group from its first instruction on, in its sandbox. */
import type { ExecCommand, Sandbox } from '../runtime.ts'
import { carry } from './environment.ts'
import { isProgram, searchBeside } from './program-search.ts'
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

export interface WantedCommand extends ExecCommand {
  readonly tty: boolean
  readonly cwd: string
}

/** Undefined when the program isn't there: outside of the sandbox there may be one of that name. */
export function insideCommand(within: Surroundings, wanted: WantedCommand): Command | undefined {
  const { env, folders, inside } = within
  const { argv, cwd, enters, tty } = wanted
  const isWrapped = inside !== undefined || enters !== undefined || folders.length > 0 || tty
  const place = inside ?? enters
  const search = place ? searchBeside(place.pid, env) : { env, cwd, root: '/' }
  // By itself a program that isn't there is an error of `spawn`, with its reason.
  if (isWrapped && !isProgram(programOf(wanted), search)) return undefined
  const terminal = (command: Command): Command => (tty ? terminalCommand(command.argv, command.env) : command)
  if (!inside && folders.length === 0) return terminal({ argv, env })
  const { carried, command } = carry(env)
  const plain = [...command, ...argv]
  const own = terminal({ argv: inside ? enterSandbox(plain, { ...inside, tty }) : plain, env: carried })
  return joinGroup(own, folders, inside?.seccompFile)
}

/** What was asked for, by its name. */
export const programOf = ({ argv, enters }: ExecCommand): string => enters?.program ?? argv[0] ?? ''

/** The first argument is the file that goes to a sandbox by its descriptor, or empty. */
const script = `
[ -z "$1" ] || exec ${seccompFd}<"$1" || exit 126
shift
while [ "$1" != -- ]; do
  if [ -f "$1/tasks" ]; then echo 0 >"$1/tasks"; else echo 0 >"$1/cgroup.procs"; fi || exit 126
  shift
done
shift; exec "$@"
`

function joinGroup({ argv, env }: Command, folders: readonly string[], seccompFile = ''): Command {
  return folders.length === 0 && seccompFile === ''
    ? { argv, env }
    : { argv: ['/bin/sh', '-c', script, 'sampan', seccompFile, ...folders, '--', ...argv], env }
}
