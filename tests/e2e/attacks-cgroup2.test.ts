/**
 * What a hostile package gets at, at each level of the sandbox, where control groups are of version 2: in a kernel of its own, with an
 * agent of root and with those of an ordinary user, who has a delegated group and has none. Columns of the tables in docs/security.md.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../support/cluster.ts'
import { kubectlPath } from '../support/kubectl.ts'
import { isMissing } from '../support/needs.ts'
import { publishTo } from '../support/published.ts'
import { runInUserModeLinux } from '../support/user-mode-linux.ts'
import { checkTables, type Agent, type VerdictsByLevel } from '../support/verdict-table.ts'

const needed = ['linux.uml', 'insmod', 'bwrap', 'iptables', 'ip', 'setpriv', 'python3']
const agents = ['root, version 2', 'delegated, version 2', 'not delegated, version 2']
/** A busy machine has taken eight minutes. */
const testMsMax = 1_500_000

test('attacks where control groups are of version 2', { timeout: testMsMax }, async (t) => {
  for (const program of needed)
    if (isMissing(t, program, 'attacks in a kernel with control groups version 2')) return
  kubectlPath() // made now: there it could not be written
  const folder = mkdtempSync(join(tmpdir(), 'sampan-attacks-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const found = new Map<Agent, VerdictsByLevel>()
  const guest = {
    script: join(root, 'tests', 'e2e', 'attacks-guest.sh'),
    files: publishTo(join(folder, 'sampan')),
    settings: ['cgroup_no_v1=all'],
    memoryMiB: 2048, // room for a program that takes half of that, at most
    signal: t.signal,
  }
  const begin = performance.now()
  for await (const line of runInUserModeLinux(guest)) {
    if (!line.startsWith('{"agent":')) continue
    const { agent, verdicts } = JSON.parse(line) as { agent: Agent; verdicts: VerdictsByLevel }
    found.set(agent, verdicts)
    t.diagnostic(`${agent}: ${Math.round((performance.now() - begin) / 1000)} s`)
  }
  assert.deepEqual([...found.keys()], agents)
  for (const [agent, verdicts] of found) checkTables(agent, verdicts)
})
