/**
 * How far a long command has come, on stderr, because stdout is for the result: on a terminal one line that changes a few
 * times a second, elsewhere a line now and then, and none from a command that is over soon.
 */
import type { Clock } from '../base/clock.ts'

export interface Progress extends Disposable {
  /** `done` of `total`, if that is known, of what is being counted: `entries restored`. May be called as often as one likes. */
  readonly note: (what: string, done: number, total?: number) => void
}

export interface ProgressOutput {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const terminalEveryMs = 200
/** A log that fills with lines helps nobody. */
const logEveryMs = 5_000
/** Back to the line's beginning, and clear it. */
const clear = '\r\u001b[K'

export function createProgress(output: ProgressOutput, clock: Clock): Progress {
  const isTerminal = output.isTTY === true
  const everyMs = isTerminal ? terminalEveryMs : logEveryMs
  let lastMs = isTerminal ? -Infinity : clock.monotonicMs()
  let isShown = false
  return {
    note(what, done, total) {
      const nowMs = clock.monotonicMs()
      if (nowMs - lastMs < everyMs) return
      lastMs = nowMs
      isShown = isTerminal
      const line = describe(what, done, total)
      output.write(isTerminal ? `${clear}${line}` : `${line}\n`)
    },
    [Symbol.dispose]() {
      if (isShown) output.write(clear)
    },
  }
}

/** `12,000 of 50,000 entries restored (24%)` */
function describe(what: string, done: number, total: number | undefined): string {
  if (total === undefined || total <= 0) return `${grouped(done)} ${what}`
  // What is counted may grow meanwhile.
  const percent = Math.min(100, Math.floor((done / total) * 100))
  return `${grouped(done)} of ${grouped(Math.max(done, total))} ${what} (${percent}%)`
}

const grouped = (count: number): string => count.toLocaleString('en-US')

/** Passes on what is in `items`, and tells how many there were. */
export async function* counted<T>(
  items: AsyncIterable<T>,
  onCount: (done: number) => void,
  amountOf: (item: T) => number = () => 1,
): AsyncGenerator<T> {
  let done = 0
  for await (const item of items) {
    done += amountOf(item)
    onCount(done)
    yield item
  }
}
