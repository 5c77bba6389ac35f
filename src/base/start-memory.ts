import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Clock } from './clock.ts'

/** After this long a start's garbage is garbage, and a short pause meets no rush yet. */
const settledMs = 2_000
/** The pause, 30 ms for a heap of 15 MiB, grows with the heap; and of a large one a start's garbage is no great part. */
const heapBytesMax = 64 * 1024 * 1024

/**
 * Gives back to the system, once, what only the start of this thread needed: code that ran a single time and the room
 * around it. V8 does that under pressure only, and an idle process has none: 2 to 3 MB in each of Sampan's.
 */
export function releaseStartMemory(clock: Clock): void {
  clock.after(settledMs, () => {
    if (getHeapStatistics().used_heap_size > heapBytesMax) return
    const gc = globalThis.gc ?? exposedGc()
    gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  })
}

/** For a process that was not started with `--expose-gc`: the function is there in contexts made from now on. */
function exposedGc(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as NodeJS.GCFunction
}
