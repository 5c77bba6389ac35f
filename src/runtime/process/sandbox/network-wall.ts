/**
 * Raises the wall of `wall-rules.ts` on this machine, and takes it down. Both may be repeated at any time: each is one
 * transaction of the packet filter for each family of addresses.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { findProgram } from './find-program.ts'
import { families, raiseRules, razeRules, wallIn, type Family, type Wall } from './wall-rules.ts'

/** Of the agent with this folder. */
export const wallChainOf = (dataDir: string): string =>
  `SAMPAN-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`

/** `stands` is what `readWall` answers as long as nobody changes it. */
export type WallState =
  | { readonly isUp: true; readonly stands: string }
  | { readonly isUp: false; readonly reason: string }

const programs = { ipv4: 'iptables', ipv6: 'ip6tables' } as const
/** Another program may hold the packet filter's lock. */
const lockSeconds = 5
/** They answer in milliseconds, behind the lock. */
const answerMsMax = 20_000

/** Never throws: a machine that can't has its reason. */
export async function raiseWall(wall: Wall): Promise<WallState> {
  try {
    for (const family of families.filter(isSpoken)) {
      const saved = await save(family)
      await restore(family, raiseRules(wall, family, saved))
    }
    return { isUp: true, stands: await readWall(wall.chain) }
  } catch (error) {
    return { isUp: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

/** What stands now. Throws where there is no packet filter. */
export async function readWall(chain: string): Promise<string> {
  const texts: string[] = []
  for (const family of families.filter(isSpoken)) texts.push(wallIn(chain, await save(family)))
  return texts.join('\n')
}

/** Throws when it stands and can't be taken down. */
export async function razeWall(chain: string): Promise<void> {
  if (process.getuid?.() !== 0) return // who could not have raised it
  for (const family of families.filter(isSpoken)) {
    // Where it can't be read, in a container without the right to, there was none to raise.
    const saved = await save(family).catch(() => '')
    const rules = razeRules(chain, saved)
    if (rules !== undefined) await restore(family, rules)
  }
}

/** IPv6 may be off; then nothing needs to be kept from it. */
function isSpoken(family: Family): boolean {
  if (family === 'ipv4') return true
  try {
    return readFileSync('/proc/net/if_inet6', 'utf8') !== ''
  } catch {
    return false // a kernel without it
  }
}

const save = (family: Family): Promise<string> => run(`${programs[family]}-save`, ['-t', 'filter'], '')

const restore = (family: Family, rules: string): Promise<string> =>
  run(`${programs[family]}-restore`, ['--wait', String(lockSeconds), '--noflush'], rules)

async function run(name: string, args: readonly string[], input: string): Promise<string> {
  const program = findProgram(name)
  if (!program) throw new Error(`${name} is missing: install iptables`)
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: answerMsMax, env: {} })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  child.stdin.on('error', () => {}) // it ended before it had read everything: its code says why
  child.stdin.end(input)
  const [said, problem, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (code !== 0) throw new Error(`${name} failed: ${problem.trim() || `exit code ${code}`}`)
  return said
}
