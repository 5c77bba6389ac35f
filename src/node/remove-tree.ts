/** Removes what pods have written, whatever they made of it. */
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { findProgram } from '../runtime/process/sandbox/find-program.ts'
import { isErrno } from './write-file.ts'

/** Nobody writes there any more. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOTEMPTY'].some((code) => isErrno(error, code))) throw error
    await removeLiveTree(path)
  }
}

/**
 * Somebody may still write there, and swap a folder for a link between two looks of `fs.rm`, which then empties what the link
 * leads to. rm(1) opens each folder without following.
 */
export async function removeLiveTree(path: string): Promise<void> {
  const remove = () => run('rm', '-rf', '--', path)
  await remove().catch(async () => {
    // Folders that are closed to their owner: caches of packages are written so. chmod(1) follows no link on its way.
    await run('chmod', '-R', 'u+rwX', '--', path)
    await remove()
  })
}

const run = (name: string, ...args: readonly string[]) => promisify(execFile)(findProgram(name) ?? name, args)
