/**
 * `sampan preflight`: what will and won't work on this machine. Looks and changes nothing. Start reading at `machine-checks.ts`
 * (the machine itself) and `network-checks.ts` (where it gets to).
 */
import { realClock } from '../../base/clock.ts'
import { isAlive } from '../process-identity.ts'
import type { DataDir } from '../data-dir.ts'
import { readRunning } from '../data-dir-hold.ts'
import {
  dataDirCheck,
  limitsCheck,
  mountsCheck,
  namespacesCheck,
  networkWallCheck,
  nodejsCheck,
  platformCheck,
  sandboxCheck,
  spaceChecks,
} from './machine-checks.ts'
import { portsCheck, registryCheck, serverChecks } from './network-checks.ts'
import { reportOf, type Check, type Report } from './report.ts'

export interface PreflightOptions {
  readonly dir: DataDir
  readonly env: NodeJS.ProcessEnv
  /** Of the server that the machine is to join; without it, it is to be a cluster of its own. */
  readonly url?: string
  readonly caDigest?: string
}

/** Those of `sampan up` that somebody else may have taken. */
const portsOfUp = [8888, 18888, 8080].map((port) => ({ host: '127.0.0.1', port }))

export async function preflight(options: PreflightOptions): Promise<Report> {
  const { caDigest, dir, env, url } = options
  const clock = realClock
  const place =
    url === undefined
      ? ownPorts(dir)
      : serverChecks({ url, env, clock, ...(caDigest !== undefined && { caDigest }) })
  const found = await Promise.all<Check | readonly Check[]>([
    platformCheck(),
    namespacesCheck(),
    sandboxCheck(),
    networkWallCheck(),
    limitsCheck(),
    mountsCheck(),
    spaceChecks(dir),
    place,
    registryCheck(env),
  ])
  return reportOf([nodejsCheck(), dataDirCheck(dir), ...found.flat()])
}

async function ownPorts(dir: DataDir): Promise<readonly Check[]> {
  const running = readRunning(dir)
  if (running && isAlive(running.supervisor))
    return [{ name: 'ports', verdict: 'ok', found: 'Sampan runs here already and has its ports' }]
  return [await portsCheck(portsOfUp)]
}
