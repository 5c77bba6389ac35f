/** Whether a program is there, asked before it is run: behind shells and nsenter(1) its absence shows as an exit code only. */
import { accessSync, constants, readlinkSync, statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'

export interface Search {
  readonly env: Readonly<Record<string, string>>
  /** As seen below `root`. */
  readonly cwd: string
  /** Where its `/` is: `/proc/PID/root` of a process that has one of its own. */
  readonly root: string
}

/** Where a process is, for a search of what another finds there. */
export const searchBeside = (pid: number, env: Search['env']): Search => ({
  env,
  cwd: workingDirectory(pid),
  root: `/proc/${pid}/root`,
})

function workingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return '/' // it has ended: so will the command
  }
}

/** Whether `execvp` would find the program. */
export function isProgram(program: string, { env, cwd, root }: Search): boolean {
  if (program.includes('/')) return isExecutable(root, resolve(cwd, program))
  const folders = (env['PATH'] ?? '/bin:/usr/bin').split(':')
  return folders.some((folder) => isExecutable(root, join(isAbsolute(folder) ? folder : cwd, program)))
}

export const programNotFound = (program: string): string =>
  `exec: ${JSON.stringify(program)}: executable file not found in $PATH`

function isExecutable(root: string, path: string): boolean {
  const real = root === '/' ? path : followLinks(root, path)
  if (real === undefined) return false
  try {
    accessSync(real, constants.X_OK)
    return statSync(real).isFile()
  } catch {
    return false // the search goes on
  }
}

const linksMax = 40 // as the kernel

/** The kernel would look up an absolute link from our own root. Undefined for links in a circle. */
function followLinks(root: string, path: string): string | undefined {
  let real: readonly string[] = []
  let rest = namesOf(path)
  for (let links = 0; ;) {
    const [name, ...more] = rest
    if (name === undefined) return join(root, ...real)
    rest = more
    const target = name === '..' ? undefined : linkTarget(join(root, ...real, name))
    if (target === undefined) {
      real = name === '..' ? real.slice(0, -1) : [...real, name]
      continue
    }
    if (++links > linksMax) return undefined
    if (isAbsolute(target)) real = []
    rest = [...namesOf(target), ...rest]
  }
}

const namesOf = (path: string): readonly string[] =>
  path.split('/').filter((name) => name !== '' && name !== '.')

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined // no link, or nothing: who opens it finds out
  }
}
