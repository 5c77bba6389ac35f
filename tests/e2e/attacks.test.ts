/**
 * What a hostile package gets at, at each level of the sandbox, where control groups are of version 1: with an agent of root, and with one
 * of an ordinary user, to whom version 1 delegates nothing. Columns of the tables in docs/security.md.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { join } from 'node:path'
import { test } from 'node:test'
import { isPresent } from '../../tools/parts.ts'
import { root } from '../support/cluster.ts'
import { openHosts, type Host } from '../support/hosts.ts'
import { kubectlPath } from '../support/kubectl.ts'
import { isReadable, ordinary } from '../support/readable-checkout.ts'
import { checkTables, type VerdictsByLevel } from '../support/verdict-table.ts'

const missing = ['bwrap', 'iptables', 'ip', 'setpriv', 'python3'].find((program) => !isPresent(program))
const skip =
  process.getuid?.() !== 0
    ? 'only root can be another user, in a network of its own'
    : missing !== undefined
      ? `${missing} is not installed`
      : false
if (skip !== false && process.env['CI'] === 'true') throw new Error(skip)
const skipOrdinary = skip || (isReadable() ? false : 'other users may not read this checkout')
const timeout = 400_000

test('attacks on an agent of root', { skip, timeout }, async () => {
  await using hosts = await openHosts()
  checkTables('root, version 1', await attack(hosts.hub, 0))
})

test('attacks on the agent of an ordinary user', { skip: skipOrdinary, timeout }, async () => {
  await using hosts = await openHosts()
  checkTables('not delegated, version 1', await attack(hosts.hub, ordinary))
})

async function attack(host: Host, user: number): Promise<VerdictsByLevel> {
  kubectlPath() // made now: the agent's user may not write it
  const script = join(root, 'tests', 'support', 'attack-run.ts')
  const [program, args] = host.command(process.execPath, [script, '--user', String(user)])
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const said = await text(child.stdout)
  const [code] = await ended
  if (code !== 0) throw new Error(`the attacks ended with ${code}: ${said}`)
  const { verdicts } = JSON.parse(said) as { readonly verdicts: VerdictsByLevel }
  return verdicts
}
