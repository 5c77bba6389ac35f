import type { Clock } from '../../base/clock.ts'
import { type ProcessStat, environOf, readUser, scanProcesses } from './proc.ts'

/** A live process, with the marks that a workload of ours carries in its environment. */
export interface MarkedProcess extends ProcessStat {
  /** Inherited by everything that a workload starts; see `markOf`. */
  readonly mark: string | undefined
  /** Only the tiny parent carries it, a process of this user: what programs under users of their own say of themselves doesn't count. */
  readonly stateDir: string | undefined
}

/** All processes of the machine. Scans are shared, so that hundreds of callers at once cost one or two scans. */
export interface ProcessTable {
  /** A scan that began after this call. */
  fresh(): Promise<readonly MarkedProcess[]>
  /** A scan that is at most `recentMsMax` old. */
  recent(): Promise<readonly MarkedProcess[]>
}

const recentMsMax = 1000 // statistics are sampled seconds apart

export function createProcessTable(clock: Clock): ProcessTable {
  let running: Promise<readonly MarkedProcess[]> | undefined
  let queued: Promise<readonly MarkedProcess[]> | undefined
  let last: { readonly atMs: number; readonly processes: readonly MarkedProcess[] } | undefined

  const scan = (): Promise<readonly MarkedProcess[]> => {
    const atMs = clock.monotonicMs()
    running = scanProcesses(mark)
      .then((processes) => {
        last = { atMs, processes }
        return processes
      })
      .finally(() => (running = undefined))
    return running
  }
  const fresh = () => {
    if (!running) return scan()
    queued ??= running.then(afterRunning, afterRunning)
    return queued
  }
  const afterRunning = () => {
    queued = undefined
    return scan()
  }
  return {
    fresh,
    recent: async () =>
      last && clock.monotonicMs() - last.atMs <= recentMsMax ? last.processes : await (running ?? scan()),
  }
}

function mark(stat: ProcessStat): MarkedProcess {
  const valueOf = environOf(stat.pid)
  const stateDir = valueOf('SAMPAN_STATE_DIR')
  const isParent = stateDir !== undefined && readUser(stat.pid) === process.getuid?.()
  return { ...stat, mark: valueOf('SAMPAN_WORKLOAD'), stateDir: isParent ? stateDir : undefined }
}
