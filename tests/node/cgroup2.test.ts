/**
 * The runtime's own tests where control groups are of version 2 alone, in a kernel of their own: this machine's may have bound
 * its controllers to version 1. `cgroup2-guest.sh` says who runs what.
 */
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/cluster.ts'
import { runTestsInGuest } from '../support/guest-tests.ts'
import { isMissing } from '../support/needs.ts'

const runs = {
  root: { what: 'as root', min: 40 },
  delegated: { what: 'as an ordinary user with a group that is its own', min: 40 },
  restarted: { what: 'as that user beside the groups that it made before', min: 1 },
}
/** A quiet machine takes little more than a minute. */
const testMsMax = 500_000

test('the runtime with control groups version 2', { timeout: testMsMax }, async (t) => {
  if (isMissing(t, 'linux.uml', 'a kernel with control groups version 2')) return
  const guest = {
    script: join(root, 'tests', 'node', 'cgroup2-guest.sh'),
    settings: ['cgroup_no_v1=all'],
    memoryMiB: 2048, // room for a program that takes half of that, at most
  }
  await runTestsInGuest(t, guest, runs)
})
