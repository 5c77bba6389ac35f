/**
 * Makes the control groups of workloads, where there are any, ahead of their starts: the kernel makes one at a time, and
 * none while it waits for an entry (`cgroup-entry.ts`). So a group is made first, then an entry is announced where that helps, and
 * both are over by the time the rest of a start is prepared.
 */
import type { Expectation, ExpectedStart } from '../runtime.ts'
import { makeGroup, removeUnused } from './cgroup.ts'
import { createEntry } from './cgroup-entry.ts'
import type { CgroupTree } from './cgroup-plan.ts'

export interface GroupMaker {
  expect(spec: ExpectedStart): Expectation
  /** Resolves when the group is there, with all its limits. Throws `RuntimeError`. */
  make(spec: ExpectedStart): Promise<void>
}

/** Without a tree there are no groups. */
export function createGroupMaker(tree: CgroupTree | undefined): GroupMaker {
  const entry = createEntry(tree?.ownList)
  /** By stateDir: what no `make` has asked for yet. */
  const expected = new Map<string, Promise<void>>()
  const begin = async (spec: ExpectedStart) => {
    if (!tree) return
    await makeGroup(tree, spec)
    void entry.announce()
  }
  return {
    expect(spec) {
      const { stateDir } = spec
      const making = begin(spec)
      making.catch(() => {}) // told to who makes it
      expected.set(stateDir, making)
      return {
        async cancel() {
          if (expected.get(stateDir) !== making) return
          expected.delete(stateDir)
          await making.catch(() => {}) // as much of it as there is goes
          await removeUnused(stateDir)
        },
      }
    },
    async make(spec) {
      const making = expected.get(spec.stateDir)
      expected.delete(spec.stateDir)
      if (!making) return await begin(spec)
      await making
      void entry.announce() // an image may have been fetched since
    },
  }
}
