import { abortReason } from '../../base/clock.ts'
import { deferred } from '../../base/deferred.ts'

/**
 * Work that several callers want at once is done once, and at most `concurrencyMax` works run at a time. A caller that
 * aborts leaves; when the last has left, the work itself is aborted.
 */
export interface SharedWork<T, P> {
  join(key: string, work: Work<T, P>, signal: AbortSignal, onProgress: (progress: P) => void): Promise<T>
  /** Something is under way, or waits for its turn. */
  readonly isBusy: boolean
  /** Aborts all work and waits for its end. */
  close(): Promise<void>
}

export type Work<T, P> = (signal: AbortSignal, onProgress: (progress: P) => void) => Promise<T>

interface Flight<T, P> {
  readonly result: Promise<T>
  readonly aborter: AbortController
  readonly listeners: Set<(progress: P) => void>
}

export function createSharedWork<T, P>(concurrencyMax: number): SharedWork<T, P> {
  const flights = new Map<string, Flight<T, P>>()
  const queue: (() => void)[] = []
  let running = 0

  const begin = async (work: Work<T, P>, flight: Omit<Flight<T, P>, 'result'>): Promise<T> => {
    await Promise.resolve() // the caller listens before the work says anything
    if (running >= concurrencyMax) {
      const turn = deferred()
      queue.push(() => turn.resolve())
      await turn.promise
    } else {
      running++
    }
    try {
      flight.aborter.signal.throwIfAborted()
      return await work(flight.aborter.signal, (progress) => flight.listeners.forEach((l) => l(progress)))
    } finally {
      const next = queue.shift()
      if (next) next()
      else running--
    }
  }

  const launch = (key: string, work: Work<T, P>): Flight<T, P> => {
    const parts = { aborter: new AbortController(), listeners: new Set<(progress: P) => void>() }
    const flight: Flight<T, P> = {
      ...parts,
      result: begin(work, parts).finally(() => {
        if (flights.get(key) === flight) flights.delete(key)
      }),
    }
    flight.result.catch(() => {}) // the callers have it; when all of them have left, nobody wants it
    flights.set(key, flight)
    return flight
  }

  return {
    async join(key, work, signal, onProgress) {
      signal.throwIfAborted()
      const flight = flights.get(key) ?? launch(key, work)
      const listener = (progress: P) => onProgress(progress)
      flight.listeners.add(listener)
      const left = deferred<never>()
      const onAbort = () => left.reject(abortReason(signal))
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        return await Promise.race([flight.result, left.promise])
      } finally {
        signal.removeEventListener('abort', onAbort)
        flight.listeners.delete(listener)
        if (signal.aborted && flight.listeners.size === 0) {
          if (flights.get(key) === flight) flights.delete(key) // who comes later begins anew
          flight.aborter.abort(abortReason(signal))
        }
      }
    },
    get isBusy() {
      return flights.size > 0
    },
    async close() {
      const all = [...flights.values()]
      for (const flight of all) flight.aborter.abort(new Error('the package cache is closing'))
      await Promise.allSettled(all.map((f) => f.result))
    },
  }
}
