/**
 * Files that are put in place whole are written beside it first, as a draft, and renamed. A draft's name is its writer's alone:
 * two of one file, of one process or of two, don't meet in it.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Nothing that is written this way takes that long; whose draft is gone all the same is told so by its rename. */
const leftAfterMs = 10 * 60_000

export const draftOf = (path: string): string => `${path}.${randomBytes(4).toString('hex')}.new`

/**
 * Removes the drafts of this file that killed writers have left, so that they don't add up. Each write does so: a look
 * into a folder takes a tenth of what the write does.
 */
export function removeLeftDrafts(path: string): void {
  const [folder, name] = [dirname(path), basename(path)]
  if (!existsSync(folder)) return // removed by now, and its drafts with it
  for (const found of readdirSync(folder)) {
    if (!found.startsWith(name) || !/^\.[0-9a-f]{8}\.new$/.test(found.slice(name.length))) continue
    const draft = join(folder, found)
    const modifiedMs = statSync(draft, { throwIfNoEntry: false })?.mtimeMs ?? Infinity
    if (modifiedMs < Date.now() - leftAfterMs) rmSync(draft, { force: true })
  }
}
