/**
 * One Sampan at a time runs a data directory. A lock of the kernel sees to that, which ends with its holder, however that
 * ends: a kill -9 leaves nothing that would have to be told from a living one. `run/up.json` says who holds it, for those who come
 * too late, for `sampan down`, and for the successor of one that was killed.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../base/clock.ts'
import { isSqliteError } from '../store/sqlite/sqlite-errors.ts'
import { CommandError } from './command-error.ts'
import { writeWhole, type DataDir } from './data-dir.ts'
import { isAlive, processIdentity, type ProcessIdentity } from './process-identity.ts'

export type PartProcess = ProcessIdentity & { readonly name: string }

export interface Running {
  readonly supervisor: ProcessIdentity
  /** Its parts. */
  readonly processes: readonly PartProcess[]
  /** Where its server listens, once it does: `http://HOST:PORT`. */
  readonly api?: string
}

export interface DataDirHold extends Disposable {
  /** What a predecessor that was killed has left running: it ends by itself. */
  readonly inherited: readonly PartProcess[]
  /** Says what runs from now on. */
  note(now: Omit<Running, 'supervisor'>): void
}

/** Between taking the lock and saying who it is a holder needs a moment, of a slow machine's disk at most. */
const introducedWithinMs = 5_000

/** Takes the directory for this process, until disposed of. Throws `CommandError` that says who has it. */
export async function holdDataDir(dir: DataDir, clock: Clock): Promise<DataDirHold> {
  const lock = takeLock(dir)
  if (!lock) throw await refusal(dir, clock)
  try {
    const before = readRunning(dir)
    // It may be of a version that took no lock. A process that joins becomes the supervisor under its own pid.
    if (before && isAlive(before.supervisor) && before.supervisor.pid !== process.pid)
      throw alreadyRuns(dir, before)
    const inherited = before?.processes.filter(isAlive) ?? []
    const note = (now: Omit<Running, 'supervisor'>) => writeRunning(dir, now)
    note({ processes: inherited })
    return {
      inherited,
      note,
      [Symbol.dispose]() {
        rmSync(runningFile(dir), { force: true }) // before the next one may write its own
        lock.close()
      },
    }
  } catch (error) {
    lock.close()
    throw error
  }
}

/** Undefined where nobody runs it, as far as the file tells: its supervisor may have been killed. */
export function readRunning(dir: DataDir): Running | undefined {
  const file = runningFile(dir)
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Running
  } catch {
    return undefined // cut short by a crash while it was written: whoever wrote it is gone
  }
}

const runningFile = (dir: DataDir) => join(dir.run, 'up.json')

function writeRunning(dir: DataDir, now: Omit<Running, 'supervisor'>): void {
  const supervisor = processIdentity(process.pid)
  if (!supervisor) throw new CommandError('/proc does not show this process: Sampan runs apps on Linux only')
  const running: Running = { supervisor, ...now }
  writeWhole(runningFile(dir), JSON.stringify(running))
}

/**
 * Undefined when another process has it. Node.js offers the kernel's locks on files through SQLite only: an empty database
 * in a transaction that nothing is written in. It takes a third of a megabyte.
 */
function takeLock(dir: DataDir): DatabaseSync | undefined {
  const file = join(dir.run, 'lock')
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(file, { timeout: 0 })
    lock.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock?.close()
    if (isSqliteError(error, 'busy')) return undefined
    throw new CommandError(
      `can't lock ${file}: ${(error as Error).message}. Choose a data directory on a local disk with --data-dir`,
      { cause: error },
    )
  }
}

async function refusal(dir: DataDir, clock: Clock): Promise<CommandError> {
  const deadlineMs = clock.monotonicMs() + introducedWithinMs
  for (;;) {
    const running = readRunning(dir)
    if (running && isAlive(running.supervisor)) return alreadyRuns(dir, running)
    if (clock.monotonicMs() > deadlineMs)
      return new CommandError(
        `another process holds ${join(dir.run, 'lock')} and does not say who it is: end it, or start Sampan with a different --data-dir`,
      )
    await clock.sleep(20)
  }
}

function alreadyRuns(dir: DataDir, { api, supervisor }: Running): CommandError {
  const where = api === undefined ? '' : `, with its API at ${api}`
  return new CommandError(
    `Sampan already runs here, as process ${supervisor.pid}${where}. End it with \`kill ${supervisor.pid}\`, which leaves its apps running, or with \`sampan down --data-dir ${dir.root}\`, which ends them, too; or start another one with a different --data-dir`,
  )
}
