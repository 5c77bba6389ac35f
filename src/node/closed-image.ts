/**
 * The files of a `dir:` image keep their owner, and a sandboxed pod has a user of its own: where they are closed to it, it would end
 * with an error that looks like the app's own. Only an agent that is root has such pods; everyone else's run as themselves.
 */
import { execFile } from 'node:child_process'
import { statSync, type Stats } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { Sandbox } from '../runtime/runtime.ts'
import { findProgram } from '../runtime/process/sandbox/find-program.ts'
import { ContainerConfigError } from './env.ts'

export interface ImageUse {
  readonly folder: string
  /** The command: what of it is a file of the folder must be readable, too. */
  readonly argv: readonly string[]
  readonly user: Pick<Sandbox, 'groups'> & { readonly uid: number; readonly gid: number }
}

/** Throws `ContainerConfigError` when the user can't read what it needs to begin. What the app opens later is not looked at. */
export async function checkReadable(use: ImageUse): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { folder, user } = use
  const closed = neededOf(use).find((path) => !isOpen(path, user))
  // Only the kernel knows access control lists; asking it costs a process.
  if (closed === undefined || (await canUse(closed, use))) return
  const { mode, uid } = statSync(closed)
  const octal = (mode & 0o7777).toString(8).padStart(4, '0')
  throw new ContainerConfigError(
    `${closed === folder ? `the folder ${folder} of the image` : `${closed} of the image dir:${folder}`} is closed to user ${user.uid}, as whom the pod runs in its sandbox (its mode is ${octal}, its owner user ${uid}): run chmod -R a+rX ${folder} on this machine`,
  )
}

/** The folder, its package.json, and the way to the file that is run. */
function neededOf({ folder, argv }: ImageUse): readonly string[] {
  const program = argv
    .map((word) => resolve(folder, word))
    .find((path) => isWithin(folder, path) && find(path))
  const way: string[] = []
  for (let path = program ?? folder; path !== folder; path = dirname(path)) way.unshift(path)
  return [folder, join(folder, 'package.json'), ...way]
}

const isWithin = (folder: string, path: string): boolean => path.startsWith(`${folder}/`)

/** Words of a command are anything: a whole program is too long for a path, and the kernel says so. */
function find(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function isOpen(path: string, { uid, gid, groups = [] }: ImageUse['user']): boolean {
  const found = find(path)
  if (!found) return true // nothing to be read
  const wanted = found.isDirectory() ? 0o1 : 0o4
  const isGroups = found.gid === gid || groups.includes(found.gid)
  const shift = found.uid === uid ? 6 : isGroups ? 3 : 0
  return ((found.mode >> shift) & wanted) !== 0
}

/** From within the folder: in the sandbox those above it are others, which are open. */
function canUse(path: string, { folder, user }: ImageUse): Promise<boolean> {
  const [setpriv, test] = ['setpriv', 'test'].map(findProgram)
  if (setpriv === undefined || test === undefined) return Promise.resolve(false)
  const ids = ['--reuid', String(user.uid), '--regid', String(user.gid), '--groups']
  const groups = [user.gid, ...(user.groups ?? [])].join(',')
  const question = [find(path)?.isDirectory() ? '-x' : '-r', relative(folder, path) || '.']
  return new Promise((answer) => {
    execFile(setpriv, [...ids, groups, '--', test, ...question], { cwd: folder, env: {} }, (error) =>
      answer(error === null),
    )
  })
}
