import type { Clock } from '../../base/clock.ts'
import { closedError } from '../errors.ts'
import { StoreError } from '../store.ts'
import type { Session } from './session.ts'

/** What may wait for a session; the API server's own limits on requests in flight are far below. */
const waitersMax = 10_000

/** A few sessions, lent one at a time. */
export interface Pool extends AsyncDisposable {
  /** Runs `work` on a session that nobody else uses. Throws what `connect` and `work` throw; `unavailable` if no session was free in time. */
  use<T>(work: (session: Session) => Promise<T>): Promise<T>
}

export interface PoolOptions {
  readonly clock: Clock
  readonly sessionsMax: number
  readonly waitMsMax: number
  readonly connect: (signal: AbortSignal) => Promise<Session>
}

interface Waiter {
  readonly take: (session: Session | undefined) => void
  readonly fail: (error: Error) => void
}

export function createPool({ clock, sessionsMax, waitMsMax, connect }: PoolOptions): Pool {
  const free: Session[] = []
  const waiters: Waiter[] = []
  const ending = new AbortController()
  /** Sessions lent or being opened, each to one caller. */
  let lent = 0
  let onIdle = () => {}

  const freeSession = (): Session | undefined => {
    for (let session = free.pop(); session; session = free.pop()) if (!session.isLost) return session
    return undefined
  }
  /** The right to one session; it may have to be opened. */
  const acquire = (): Session | undefined | Promise<Session | undefined> => {
    if (lent < sessionsMax) {
      lent++
      return freeSession()
    }
    if (waiters.length >= waitersMax) throw overloadedError()
    return new Promise((resolve, reject) => {
      const late = clock.after(waitMsMax, () => waiter.fail(overloadedError()))
      const leave = () => {
        late()
        const place = waiters.indexOf(waiter)
        if (place >= 0) waiters.splice(place, 1)
      }
      const waiter: Waiter = {
        take: (session) => (leave(), resolve(session)),
        fail: (error) => (leave(), reject(error)),
      }
      waiters.push(waiter)
    })
  }
  const release = (session: Session | undefined) => {
    const kept = session?.isLost ? undefined : session
    const next = waiters[0]
    if (next) return next.take(kept)
    lent--
    if (kept && !ending.signal.aborted) free.push(kept)
    else if (kept) void kept.close()
    if (lent === 0) onIdle()
  }
  return {
    async use(work) {
      if (ending.signal.aborted) throw closedError()
      const acquired = acquire()
      let session = acquired instanceof Promise ? await acquired : acquired
      try {
        session ??= await connect(ending.signal)
        return await work(session)
      } finally {
        release(session)
      }
    },
    async [Symbol.asyncDispose]() {
      ending.abort()
      for (const waiter of waiters.splice(0)) waiter.fail(closedError())
      if (lent > 0) await new Promise<void>((resolve) => (onIdle = resolve))
      await Promise.all(free.splice(0).map((session) => session.close()))
    },
  }
}

const overloadedError = (): StoreError =>
  new StoreError(
    'unavailable',
    'All connections to PostgreSQL are busy and more wait than can be answered in time; nothing was changed. Try again in a moment.',
  )
