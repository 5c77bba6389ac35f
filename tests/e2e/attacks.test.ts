/** What a hostile package gets at, at each level of the sandbox. The table that it yields is the one in docs/security.md. */
import { after, test } from 'node:test'
import { isPresent } from '../../tools/parts.ts'
import { attackAll, type Verdicts } from '../support/all-attacks.ts'
import { openTarget } from '../support/attacks.ts'
import { openCluster } from '../support/cluster.ts'
import { openHosts } from '../support/hosts.ts'
import { checkTable } from '../support/verdict-table.ts'

/** As an operator would ask for it, who need not ask for the last. */
const levels = { none: 'none', permission: 'permission', 'bubblewrap (the default)': '' }
const missing = ['bwrap', 'iptables', 'ip'].find((program) => !isPresent(program))
const skip =
  process.getuid?.() !== 0
    ? 'the table is that of an agent that is root'
    : missing !== undefined
      ? `${missing} is not installed`
      : false
const found = new Map<string, Verdicts>()

for (const [level, setting] of Object.entries(levels)) {
  test(`attacks at level ${level}`, { skip, timeout: 400_000 }, async (t) => {
    await using hosts = await openHosts()
    await using target = await openTarget(hosts.hub)
    const { dataDir, registry } = target
    const env = { SAMPAN_SANDBOX: setting, npm_config_registry: registry }
    await using cluster = await openCluster({ env, host: hosts.hub, dataDir })
    const verdicts = await attackAll(cluster, target, { level: setting || 'bubblewrap', isDisguised: true })
    found.set(level, verdicts)
    t.diagnostic(JSON.stringify(verdicts))
  })
}

after(() => {
  if (found.size === Object.keys(levels).length) checkTable('a hostile package …', found)
})
