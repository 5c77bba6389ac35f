import type { ProcessStat } from './proc.ts'
import type { ProcessTable } from './process-table.ts'
import { readIdentity } from './records.ts'

/** Of a parent that was killed before it had written who it is: nothing runs, and nothing ever will. */
const nobody: ProcessStat = { pid: 0, state: '', parentPid: 0, groupId: 0, cpuTicks: 0, startTicks: 0 }

/**
 * The tiny parent of a start that nobody knows the outcome of, by what it writes and what it carries (`parent.ts` has the
 * protocol). Undefined: there is none; if one still comes, it will be the first. It may get going at any moment in between.
 */
export async function findParent(
  stateDir: string,
  { fresh }: Pick<ProcessTable, 'fresh'>,
): Promise<ProcessStat | undefined> {
  const known = readIdentity(stateDir, 'pid')
  if (typeof known === 'object') return known
  const look = async () => (await fresh()).find((p) => p.stateDir === stateDir && p.pid === p.groupId)
  const early = await look()
  if (early) return early
  const late = readIdentity(stateDir, 'pid')
  if (late !== 'cut') return late
  // Whoever made the file can be seen from then on: it has written the rest meanwhile, is about to, or was killed.
  const maker = await look()
  if (maker) return maker
  const last = readIdentity(stateDir, 'pid')
  return last === 'cut' ? nobody : last
}
