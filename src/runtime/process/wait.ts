import { watch } from 'node:fs'
import { abortReason, type Clock } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'
import type { Exit, Handle, WorkloadState } from '../runtime.ts'
import { isParentAlive } from './group.ts'

// The exit file is announced by the kernel; polling finds what leaves none (a killed parent).
const pollMs = 3000
const pollWithoutWatchMs = 250 // when the kernel's watches are used up (fs.inotify.max_user_watches)

/** Kubernetes' code for a container whose end nobody saw. */
const lostCode = 137

/** See `Runtime.wait`. */
export async function waitForExit(
  handle: Handle,
  signal: AbortSignal,
  { clock, inspect }: { readonly clock: Clock; readonly inspect: (handle: Handle) => Promise<WorkloadState> },
): Promise<Exit> {
  const ended = deferred<Exit>()
  let checking = false
  let again = false
  const check = () => {
    again = true
    if (checking) return
    checking = true
    void checkAll().finally(() => (checking = false))
  }
  const checkAll = async () => {
    while (again) {
      again = false
      try {
        const state = await inspect(handle)
        if (state.phase === 'exited') ended.resolve(state.exit)
        if (state.phase === 'lost') ended.resolve(lost(clock))
      } catch (e) {
        ended.reject(e instanceof Error ? e : new Error(String(e)))
      }
    }
  }
  const onAbort = () => ended.reject(abortReason(signal))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  const stopWatch = watchFolder(handle.stateDir, check)
  // As long as its parent lives there is nothing to find: one small read, for each of the hundreds of workloads of a node.
  const stopPoll = clock.every(stopWatch ? pollMs : pollWithoutWatchMs, () => {
    if (!stopWatch || !isParentAlive(handle)) check()
  })
  try {
    check() // after the watch is armed: an exit in between is not missed
    return await ended.promise
  } finally {
    stopPoll()
    stopWatch?.()
    signal.removeEventListener('abort', onAbort)
  }
}

const lost = (clock: Clock): Exit => ({
  code: lostCode,
  signal: 0,
  reason: 'Lost',
  finishedAt: clock.now().toISOString(),
})

function watchFolder(folder: string, changed: () => void): (() => void) | undefined {
  try {
    const watcher = watch(folder, changed)
    watcher.on('error', changed) // the folder went away; the poll goes on
    return () => watcher.close()
  } catch {
    return undefined // no watches left, or the folder is gone: polling alone still gets there
  }
}
