/**
 * A process that enters a control group takes the kernel 5 to 20 ms when none has entered one for a while: until no processor can
 * be in the middle of a fork (`cgroup_threadgroup_rwsem`, kernel/cgroup/cgroup.c). A single thread that moves itself doesn't wait (from
 * Linux 5.5 on), and a shell is one: version 1 lets it, by the list `tasks`. Version 2 has only processes move, but who comes in the
 * 20 ms after another takes 0.1 ms. So there, while a start is being prepared, this process enters the group that it is in: nothing
 * changes, but the waiting is over when the program comes.
 */
import { writeFile } from 'node:fs/promises'

export interface CgroupEntry {
  /** A program is about to enter its group. Resolves when it need not wait any more; never rejects. Said twice, it is done once. */
  announce(): Promise<void>
}

/** `list` is the `cgroup.procs` of a group that this process is in; without it there is nothing to do. */
export function createEntry(list: string | undefined): CgroupEntry {
  let waiting: Promise<void> | undefined
  const enter = async (path: string) => {
    // Refused: then the program waits, and is told why.
    await writeFile(path, String(process.pid), { flag: 'r+' }).catch(() => {})
    waiting = undefined
  }
  return {
    announce: async () => (list === undefined ? undefined : (waiting ??= enter(list))),
  }
}
