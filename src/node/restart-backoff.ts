/**
 * How long a container that ended waits before it is started again. Upstream's rule (client-go flowcontrol/backoff.go,
 * kubelet's doBackOff): the first restart comes at once, then 10 s after the end, doubling up to five minutes; ten
 * minutes without a restart forget it all. Pure.
 */
export interface RestartBackoff {
  /** What the next restart waits for, counted from the container's end. */
  readonly delayMs: number
  /** When it was last raised: wall-clock, because it outlives the agent. */
  readonly raisedAtMs: number
}

export const restartBaseMs = 10_000
export const restartCapMs = 300_000
const forgetMs = 2 * restartCapMs

/** Milliseconds until the restart may happen; 0 for now. */
export function restartWaitMs(
  backoff: RestartBackoff | undefined,
  times: { readonly finishedAtMs: number; readonly nowMs: number },
): number {
  if (!backoff || times.finishedAtMs - backoff.raisedAtMs > forgetMs) return 0
  // A clock that was set back must not make a pod wait longer than its delay.
  return Math.min(backoff.delayMs, Math.max(0, times.finishedAtMs + backoff.delayMs - times.nowMs))
}

/** The back-off after a restart at `nowMs`. */
export function raiseBackoff(backoff: RestartBackoff | undefined, nowMs: number): RestartBackoff {
  if (!backoff || nowMs - backoff.raisedAtMs > forgetMs) return { delayMs: restartBaseMs, raisedAtMs: nowMs }
  return { delayMs: Math.min(restartCapMs, backoff.delayMs * 2), raisedAtMs: nowMs }
}

/** As Go prints whole seconds: `10s`, `1m20s`, `5m0s`. */
export function goSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
