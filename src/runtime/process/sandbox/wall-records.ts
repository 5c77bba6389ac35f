/**
 * Whose walls stand on this machine. A chain of the packet filter tells neither its agent nor whether that lives, and it outlives
 * both when everything is killed and `sampan down` never runs. So each agent leaves a record before it raises its wall, and
 * later ones take away the walls of those that are gone with all their pods.
 *
 * What can't be judged from here is left alone: a wall without a record, or of an agent in other namespaces (a container's).
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { isAlive, readBootId, readGroups, readStat, scanProcesses } from '../proc.ts'
import { razeWall } from './network-wall.ts'
import type { Wall } from './wall-rules.ts'

/** In memory on most systems: after a reboot there is nothing to take away. Only root writes here. */
export const wallRecords = '/run/sampan/walls'

interface WallRecord extends Pick<Wall, 'groups'> {
  /** Of the agent. */
  readonly pid: number
  readonly startTicks: number
  readonly bootId: string
  /** Where its pid and its wall mean something. */
  readonly namespaces: string
}

/** Throws where nothing can be written: such a wall is left to `sampan down`. */
export function noteWall({ chain, groups }: Pick<Wall, 'chain' | 'groups'>, folder = wallRecords): void {
  const { pid } = process
  const record: WallRecord = {
    groups,
    pid,
    startTicks: readStat(pid)?.startTicks ?? 0,
    bootId: readBootId(),
    namespaces: readNamespaces(),
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, chain)
  writeFileSync(`${path}.${pid}`, JSON.stringify(record))
  renameSync(`${path}.${pid}`, path)
}

/** As `razeWall`, record included. */
export async function forgetWall(chain: string, folder = wallRecords): Promise<void> {
  if (process.getuid?.() !== 0) return // who has neither
  await razeWall(chain)
  rmSync(join(folder, chain), { force: true })
}

/**
 * Takes away the walls whose agent is gone with all its pods. Answers their chains. An agent that comes back in this very moment
 * finds its wall changed at its next look.
 */
export async function sweepWalls(folder = wallRecords): Promise<readonly string[]> {
  const swept: string[] = []
  for (const [chain, record] of readRecords(folder)) {
    if (!(await isLeft(record))) continue
    await forgetWall(chain, folder)
    swept.push(chain)
  }
  return swept
}

const chainPattern = /^SAMPAN-[\da-f]{16}$/

function readRecords(folder: string): readonly (readonly [string, WallRecord])[] {
  let names: readonly string[]
  try {
    names = readdirSync(folder)
  } catch {
    return [] // nobody has left one, or we are not root
  }
  return names
    .filter((name) => chainPattern.test(name))
    .map((chain) => [chain, JSON.parse(readFileSync(join(folder, chain), 'utf8')) as WallRecord])
}

async function isLeft({ bootId, groups, namespaces, pid, startTicks }: WallRecord): Promise<boolean> {
  if (namespaces !== readNamespaces()) return false
  if (bootId === readBootId() && isAlive({ pid, startTicks })) return false
  const isPods = (group: number) => group >= groups.first && group <= groups.last
  const pods = await scanProcesses((stat) => (readGroups(stat.pid).some(isPods) ? stat.pid : undefined))
  return pods.length === 0
}

/** Of processes and of the network. */
const readNamespaces = (): string =>
  ['pid', 'net'].map((kind) => readlinkSync(`/proc/self/ns/${kind}`)).join(' ')
