import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'

/** Opening has just looked at most of it; a disk goes bad in days, not in minutes. */
const firstAfterMs = 3_600_000
const everyMs = 24 * 3_600_000
/** Between steps, so that it takes a few percent of the process's time. */
const pauseMs = 50

export interface ScrubbingOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** One step; true when it was the last. */
  readonly step: (isFirst: boolean) => Promise<boolean>
  /** What a step threw. */
  readonly onDamage: (error: unknown) => void
}

/** Looks at everything once a day, until disposed of. */
export function startScrubbing({ clock, logger, step, onDamage }: ScrubbingOptions): Disposable {
  const ending = new AbortController()
  const sleep = (ms: number) => new Promise<void>((resolve) => void (cancel = clock.after(ms, resolve)))
  let cancel = () => {}
  const run = async () => {
    for (let waitMs = firstAfterMs; ; waitMs = everyMs) {
      await sleep(waitMs)
      try {
        for (let isFirst = true; !ending.signal.aborted; isFirst = false) {
          if (await step(isFirst)) break
          await sleep(pauseMs)
        }
      } catch (error) {
        if (ending.signal.aborted) return
        logger.error('damage was found in the store', { error })
        onDamage(error)
      }
    }
  }
  void run()
  return {
    [Symbol.dispose]() {
      ending.abort()
      cancel()
    },
  }
}
