/**
 * What a hostile package gets at, at the default level of the sandbox, where control groups are of version 2: in a kernel of its own, with
 * an agent of root and with one of an ordinary user who has a delegated group. The table that it yields is in docs/security.md.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Verdicts } from '../support/all-attacks.ts'
import { root } from '../support/cluster.ts'
import { kubectlPath } from '../support/kubectl.ts'
import { isMissing } from '../support/needs.ts'
import { publishTo } from '../support/published.ts'
import { runInUserModeLinux } from '../support/user-mode-linux.ts'
import { checkTable } from '../support/verdict-table.ts'

const needed = ['linux.uml', 'insmod', 'bwrap', 'iptables', 'ip', 'setpriv']
/** As the guest says it, and as the table does. */
const agents = { root: 'the agent is root', delegated: 'an ordinary user with a delegated group' }
/** A busy machine has taken eight minutes. */
const testMsMax = 1_500_000

test('attacks where control groups are of version 2', { timeout: testMsMax }, async (t) => {
  for (const program of needed)
    if (isMissing(t, program, 'attacks in a kernel with control groups version 2')) return
  kubectlPath() // made now: there it could not be written
  const folder = mkdtempSync(join(tmpdir(), 'sampan-attacks-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const found = new Map<string, Verdicts>()
  const guest = {
    script: join(root, 'tests', 'e2e', 'attacks-guest.sh'),
    files: publishTo(join(folder, 'sampan')),
    settings: ['cgroup_no_v1=all'],
    memoryMiB: 2048, // room for a program that takes half of that, at most
    signal: t.signal,
  }
  for await (const line of runInUserModeLinux(guest)) {
    if (!line.startsWith('{"who":')) continue
    const { who, verdicts } = JSON.parse(line) as { who: keyof typeof agents; verdicts: Verdicts }
    found.set(agents[who], verdicts)
  }
  assert.deepEqual([...found.keys()], Object.values(agents))
  checkTable('with control groups version 2, a hostile package …', found)
})
