import type { Clock } from '../../base/clock.ts'
import { closeEngine, openEngine, settle, type Engine, type OpenArgs } from './engine.ts'
import { StoreError } from '../store.ts'
import { translateSqliteError } from './sqlite-errors.ts'

/**
 * Work on the database, one piece after the other, each in a turn of the event loop of its own. What a piece wrote is on
 * disk before it is answered and before the next begins: nobody reads what a power cut could take back. SQLite itself
 * runs in this thread, for microseconds a row; syncs, for which a disk takes its time, run beside it.
 */
export interface Turns {
  readonly engine: Engine
  /** Throws what the work threw, as a StoreError. Of a disk that doesn't sync, and of a fault of ours, nothing more can be promised: `onFault`, and all work is refused. */
  run<T>(work: (engine: Engine) => T): Promise<T>
  /** Refuses work that has not begun, with this error. */
  end(error: StoreError): void
  /** After the work that was asked for before; it leaves the file in one piece, without its log. Waits for the disk in this thread. */
  close(): Promise<void>
}

/** Throws what is wrong with the file, as a StoreError. `onFault` is called once at most. */
export function openTurns(args: OpenArgs, clock: Clock, onFault: (error: StoreError) => void): Turns {
  const { file } = args
  const engine = open(args, clock)
  let last: Promise<unknown> = Promise.resolve()
  let refusal: StoreError | undefined

  const fail = (cause: unknown): StoreError => {
    const message = `The database ${file} can't go on: the disk did not sync, or it met a fault. Start Sampan again.`
    const error = new StoreError('unavailable', message, { cause })
    if (!refusal) {
      refusal = error
      onFault(error)
    }
    return error
  }
  const carryOut = <T>(work: (engine: Engine) => T): T => {
    try {
      return work(engine)
    } catch (error) {
      throw translateSqliteError(error, file) ?? fail(error)
    }
  }
  const takeTurn = async <T>(before: Promise<unknown>, work: (engine: Engine) => T): Promise<T> => {
    await before
    await turn()
    if (refusal) throw refusal
    const result = carryOut(work)
    try {
      await settle(engine)
    } catch (error) {
      // Whether what is in the system's cache will reach the disk, nobody can say any more.
      throw fail(error)
    }
    return result
  }
  return {
    engine,
    run(work) {
      const done = takeTurn(last, work)
      last = done.catch(() => {}) // its caller is told
      return done
    },
    end(error) {
      refusal ??= error
    },
    async close() {
      await last
      carryOut(closeEngine)
    },
  }
}

function open(args: OpenArgs, clock: Clock): Engine {
  try {
    return openEngine(args, clock)
  } catch (error) {
    throw translateSqliteError(error, args.file) ?? error
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
