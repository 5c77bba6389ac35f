/**
 * Entering a control group takes the kernel 5 to 20 ms when nobody has entered one for a while: until no processor can be in
 * the middle of a fork (`cgroup_threadgroup_rwsem`, kernel/cgroup/cgroup.c). Who comes in the 20 ms after that takes 0.1 ms. So
 * while a start is being prepared this process enters the group that it is in: nothing changes, but the waiting is over when
 * the program comes.
 */
import { writeFile } from 'node:fs/promises'

export interface CgroupEntry {
  /** A program is about to enter its group. Resolves when it need not wait any more; never rejects. Said twice, it is done once. */
  announce(): Promise<void>
}

/** `list` is the `cgroup.procs` of a group that this process is in; without it programs wait. */
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
