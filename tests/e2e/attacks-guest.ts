/**
 * The attacks on an agent whose machine has control groups version 2 alone: a user-mode Linux (`attacks-cgroup2.test.ts`), which ends
 * with this program. Prints one line of JSON. Arguments: who the agent is (`root`, or else the owner of a delegated
 * group), the file list of the group it starts in, `bin/sampan`.
 */
import { chownSync } from 'node:fs'
import { dirname } from 'node:path'
import { attackAll } from '../support/all-attacks.ts'
import { openTarget } from '../support/attacks.ts'
import { openCluster } from '../support/cluster.ts'
import type { Host } from '../support/hosts.ts'

const [who = '', group = '', file = ''] = process.argv.slice(2)
const ordinary = 1000
const here: Host = {
  address: '127.0.0.1',
  command: (program, args) => [program, args],
  run: () => '',
}
/** kubectl, which comes later, is refused: by then the agent has made groups below, and no process can be beside them. */
const enter = 'echo 0 >"$0"; exec "$@"'
const asAgent =
  who === 'root' ? [] : ['setpriv', `--reuid=${ordinary}`, `--regid=${ordinary}`, '--clear-groups']
const agentsHost: Host = {
  ...here,
  command: (program, args) => ['sh', ['-c', enter, group, ...asAgent, program, ...args]],
}

const target = await openTarget(here)
if (who !== 'root')
  for (const folder of [dirname(target.dataDir), target.dataDir, target.planted])
    chownSync(folder, ordinary, ordinary)
// Little is written: the disk is slow.
const sizes = { floodMiB: 48, logMiBMax: 24, fillMiB: 64 }
const cluster = await openCluster({
  env: {
    HOME: target.dataDir,
    SAMPAN_LOG_MAX_SIZE: '1Mi',
    SAMPAN_NETWORK_WALL: '',
    SAMPAN_SANDBOX: '',
    npm_config_registry: target.registry,
  },
  sampan: { node: process.execPath, file },
  host: agentsHost,
  dataDir: target.dataDir,
})
// Each process there is one of this machine, too: a thousand of them hold up whatever else it does. And there an agent may take longer
// to measure a disk than a file stays.
const without = ['starts processes without end', 'fills the disk']
const verdicts = await attackAll(cluster, target, { level: 'bubblewrap', isDisguised: false, sizes, without })
console.log(JSON.stringify({ who, verdicts }))
await cluster.stop()
process.exit() // nobody needs to tidy up in a machine that ends
