/**
 * A program that attacks an agent of its own with all that hostile packages try (`all-attacks.ts`), and prints what held, as one line of
 * JSON. It runs where the agent does: in a network of its own (`attacks.test.ts`), or in a user-mode Linux (`attacks-guest.sh`).
 */
import { execFileSync } from 'node:child_process'
import { chownSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { attackAll } from './all-attacks.ts'
import { openAttackPods } from './attack-pods.ts'
import { openTarget } from './attacks.ts'
import { usualSizes } from './bombs.ts'
import { openCluster, root } from './cluster.ts'
import type { Host } from './hosts.ts'

const { values } = parseArgs({
  options: {
    /** Whose columns of the tables it is. */
    agent: { type: 'string', default: '' },
    /** Of the agent; default: root. */
    user: { type: 'string', default: '0' },
    /** The control group that the agent starts in; default: that of this program. */
    group: { type: 'string' },
    /** `bin/sampan`; default: the sources. */
    sampan: { type: 'string', default: join(root, 'bin', 'sampan') },
    /** On a machine that ends with it: nothing is tidied, and little written, for its disk is slow. */
    guest: { type: 'boolean', default: false },
  },
})
const { agent, group, guest: isGuest, sampan } = values
const user = Number(values.user)

/** The agent's. kubectl isn't run here: a group that has groups of the agent's below takes no more processes. */
function command(program: string, args: readonly string[]): readonly [string, readonly string[]] {
  const asUser = user === 0 ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups']
  const enter =
    group === undefined ? [] : ['sh', '-c', 'echo 0 >"$0"; exec "$@"', join(group, 'cgroup.procs')]
  const [first = program, ...rest] = [...enter, ...asUser, program, ...args]
  return [first, rest]
}

const here: Host = {
  address: '127.0.0.1',
  command: (program, args) => [program, args],
  run: (program, args) => execFileSync(program, args, { encoding: 'utf8' }),
}
await using stack = new AsyncDisposableStack()
const target = stack.use(await openTarget(here))
if (user !== 0)
  for (const folder of [dirname(target.dataDir), target.dataDir, target.planted])
    chownSync(folder, user, user)
const cluster = stack.use(
  await openCluster({
    env: {
      HOME: target.dataDir,
      // Pods get what they get without a word, and may ask for less.
      SAMPAN_SANDBOX: 'bubblewrap,none',
      npm_config_registry: target.registry,
      ...(isGuest && { SAMPAN_LOG_MAX_SIZE: '1Mi' }),
    },
    sampan: { node: process.execPath, file: sampan },
    host: { ...here, command },
    dataDir: target.dataDir,
  }),
)
const pods = stack.use(await openAttackPods(cluster.kubeconfig))
const sizes = isGuest ? { floodMiB: 48, logMiBMax: 24, fillMiB: 16 } : usualSizes
const verdicts = await attackAll({ cluster, pods, target, sizes, isDisguised: user === 0 && !isGuest })
console.log(JSON.stringify({ agent, verdicts }))
if (isGuest) {
  await pods[Symbol.asyncDispose]()
  await cluster.stop()
  process.exit()
}
