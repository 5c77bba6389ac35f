/** What goes wrong, when, and for how long: chosen by a seed. The faults themselves are a world's. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/base/ids.ts'

/** Something that goes wrong, and is mended again. */
export interface Fault {
  readonly name: string
  /** Two faults of one part don't overlap. */
  readonly part: string
  /** How long it lasts at most. */
  readonly msMax: number
  /** Answers what mends it; undefined when it can't happen now. */
  begin(random: Random): Promise<(() => Promise<void>) | undefined>
}

export interface NemesisReport {
  /** How often each fault took place. */
  readonly counts: ReadonlyMap<string, number>
  /** When each of them began and ended, to be read beside a history. */
  readonly events: readonly { readonly at: number; readonly what: string }[]
}

const lastsMsMin = 300
const quietMsMax = 1_000
/** So often a second fault begins before the first one is over. */
const overlaps = 0.5

/** Until the time is over; then everything is mended. */
export async function runNemesis(
  faults: readonly Fault[],
  { random, seconds }: { readonly random: Random; readonly seconds: number },
): Promise<NemesisReport> {
  const counts = new Map<string, number>()
  const events: { at: number; what: string }[] = []
  const busy = new Set<string>()
  const endMs = performance.now() + seconds * 1_000
  // Each fault has its turn before one of them has a second.
  let waiting: Fault[] = []
  const next = (): Fault | undefined => {
    if (waiting.length === 0) waiting = shuffled(faults, random)
    const at = waiting.findIndex(({ part }) => !busy.has(part))
    return at < 0 ? undefined : waiting.splice(at, 1)[0]
  }
  const one = async (fault: Fault, lastsMs: number) => {
    busy.add(fault.part)
    try {
      const mend = await fault.begin(random)
      if (!mend) return
      events.push({ at: performance.now(), what: `${fault.name} begins` })
      counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1)
      await pause(Math.min(lastsMs, Math.max(0, endMs - performance.now())))
      await mend()
      events.push({ at: performance.now(), what: `${fault.name} is mended` })
    } finally {
      busy.delete(fault.part)
    }
  }
  while (performance.now() < endMs) {
    const running = Array.from({ length: random.float() < overlaps ? 2 : 1 }, async () => {
      const fault = next()
      if (fault) await one(fault, lastsMsMin + random.float() * (fault.msMax - lastsMsMin))
    })
    await Promise.all(running)
    await pause(random.float() * quietMsMax)
  }
  return { counts, events }
}

function shuffled<T>(all: readonly T[], random: Random): T[] {
  return all
    .map((one) => ({ one, at: random.float() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ one }) => one)
}
