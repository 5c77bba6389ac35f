/** Makes a command one that runs in the control group of a workload from its first instruction on. */
import { accessSync, constants, statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { carry } from './environment.ts'
import type { Surroundings } from './exec.ts'

const script = `
while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs" || exit 126; shift; done
shift; exec "$@"
`

export interface JoinedCommand {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export function joinGroup(argv: readonly string[], { env, folders }: Surroundings): JoinedCommand {
  if (folders.length === 0) return { argv, env }
  const { carried, around } = carry(env)
  const inside = ['/usr/bin/env', ...around, ...argv]
  return { argv: ['/bin/sh', '-c', script, 'sampan', ...folders, '--', ...inside], env: carried }
}

/** Whether `execvp` would find the program: behind a shell its absence would only show as an exit code. */
export function isProgram(program: string, env: Readonly<Record<string, string>>, cwd: string): boolean {
  if (program.includes('/')) return isExecutable(resolve(cwd, program))
  const folders = (env['PATH'] ?? '/bin:/usr/bin').split(':')
  return folders.some((folder) => isExecutable(join(isAbsolute(folder) ? folder : cwd, program)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // the search goes on
  }
}
