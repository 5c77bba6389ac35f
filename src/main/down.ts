import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { realClock } from '../base/clock.ts'
import { describeError } from '../base/logger.ts'
import { sendSignal } from '../base/send-signal.ts'
import { removeGroups } from '../runtime/process/cgroup.ts'
import { findMadeGroups, groupsNameOf } from '../runtime/process/find-cgroups.ts'
import { endPodNetwork } from '../runtime/process/network/pod-network.ts'
import { openProcessRuntime } from '../runtime/process/process-runtime.ts'
import { wallChainOf } from '../runtime/process/sandbox/network-wall.ts'
import { forgetWall, sweepWalls } from '../runtime/process/sandbox/wall-records.ts'
import { memoryDirOf, networkDirOf } from '../node/memory-dir.ts'
import { networkFolderOf } from '../node/pod-wall.ts'
import { removeTree } from '../node/remove-tree.ts'
import { CommandError } from './command-error.ts'
import type { DataDir } from './data-dir.ts'
import { readRunning } from './data-dir-hold.ts'
import { isAlive } from './process-identity.ts'

/** How long an app may take to end before it is killed. */
const appGraceMs = 30_000
const sampanGraceMs = 30_000

/** `sampan down`: ends Sampan, then the apps it ran. Works from what is on disk, whether or not Sampan runs. */
export async function down(dir: DataDir, print: (line: string) => void): Promise<void> {
  const running = readRunning(dir)
  if (running && isAlive(running.supervisor)) {
    sendSignal(running.supervisor.pid, 'SIGTERM')
    const deadlineMs = realClock.monotonicMs() + sampanGraceMs
    while (isAlive(running.supervisor)) {
      if (realClock.monotonicMs() > deadlineMs) {
        throw new CommandError(
          `Sampan (process ${running.supervisor.pid}) does not end: look into ${dir.logs}, then end it with kill -9 and run \`sampan down\` again`,
        )
      }
      await realClock.sleep(20)
    }
    print('sampan stopped')
  }
  const runtime = openProcessRuntime({ clock: realClock })
  const apps = await runtime.orphans(join(dir.node, 'pods'))
  await Promise.all(apps.map((handle) => runtime.stop(handle, { signal: 'SIGTERM', graceMs: appGraceMs })))
  await removeGroups(await findMadeGroups({ name: groupsNameOf(dir.node) }))
  await forgetWall(wallChainOf(dir.node))
  endPodNetwork(networkFolderOf(dir.node))
  // Secrets and tokens of the pods: whoever starts them again writes them anew.
  const memoryDir = memoryDirOf(dir.node)
  for (const folder of [memoryDir, networkDirOf(memoryDir)]) await removeTree(folder)
  const where = existsSync(dir.root) ? '' : ` in ${dir.root}, which is not there`
  print(
    apps.length === 0
      ? `no app was running${where}`
      : `${apps.length} app process${apps.length === 1 ? '' : 'es'} stopped`,
  )
  await sweepWalls().catch((error: unknown) =>
    print(`rules that killed agents left in the packet filter are still there: ${describeError(error)}`),
  )
}
