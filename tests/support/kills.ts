/** `kill -9` of a cluster's own processes at random moments, each while it really runs, with a record of when. */
import type { Random } from '../../src/base/ids.ts'
import { dataDir } from '../../src/main/data-dir.ts'
import { isAlive, type ProcessIdentity } from '../../src/main/process-identity.ts'
import { readRunning } from '../../src/main/data-dir-hold.ts'

export const parts = ['server', 'agent', 'gateway'] as const
export type Part = (typeof parts)[number]

export interface Kill {
  readonly part: Part
  /** Of the wall clock, which processes share. */
  readonly atMs: number
}

export interface Killer {
  readonly kills: readonly Kill[]
  /** Waits for random moments until one meets the part alive, and kills it then. */
  killOne(part: Part): Promise<void>
  /** The same for all parts, in one moment. */
  killAll(): Promise<void>
}

export interface KillerOptions {
  readonly dataDir: string
  readonly random: Random
  /** A moment is at most this far away. */
  readonly windowMs: number
  /** Half of the moments are no farther than this. */
  readonly soonMs: number
}

export function createKiller({ dataDir: folder, random, windowMs, soonMs }: KillerOptions): Killer {
  const kills: Kill[] = []
  /** The one that the supervisor has recorded, if it runs: not yet ended, and no successor under its pid. */
  const alive = (part: Part): ProcessIdentity | undefined => {
    const identity = readRunning(dataDir(folder))?.processes.find(({ name }) => name === part)
    return identity && isAlive(identity) ? identity : undefined
  }
  /** At once after it was seen alive: only we kill it, so an error here is a failure of the test. */
  const hit = (part: Part, { pid }: ProcessIdentity) => {
    process.kill(pid, 'SIGKILL')
    kills.push({ part, atMs: Date.now() })
  }
  const moment = () => {
    const withinMs = random.float() < 0.5 ? soonMs : windowMs
    return new Promise((resolve) => setTimeout(resolve, random.float() * withinMs))
  }
  return {
    kills,
    async killOne(part) {
      for (;;) {
        await moment()
        const identity = alive(part)
        if (identity) return hit(part, identity)
      }
    },
    async killAll() {
      for (;;) {
        await moment()
        const identities = parts.map((part) => ({ part, identity: alive(part) }))
        if (identities.every(({ identity }) => identity)) {
          for (const { part, identity } of identities) if (identity) hit(part, identity)
          return
        }
      }
    },
  }
}

/** How often each part was killed. */
export const countByPart = (kills: readonly Kill[]): Readonly<Record<Part, number>> => {
  const of = (part: Part) => kills.filter((kill) => kill.part === part).length
  return { server: of('server'), agent: of('agent'), gateway: of('gateway') }
}
