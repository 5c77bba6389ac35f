import type { Clock } from '../base/clock.ts'

/**
 * Which nodes are heard of. Only our own clock is read: what counts is when *we* last saw a node's sign of life change,
 * not what time it carries, so a machine whose clock is wrong is as healthy as any other.
 *
 *   heard ──silentAfterMs──▶ suspect ──confirmMs──▶ silent
 *     ▲                         │                     │
 *     └────── a new sign ───────┴─────────────────────┘
 */
export interface NodeHealth {
  /** Notes what a node shows of itself. Something else than before is a sign of life. */
  hear(name: string, sign: string): void
  /** `suspect`: silent for long, by our clock. It is asked again after `confirmMs`, for it may be us who slept. */
  stateOf(name: string): NodeState
  /** No node is heard of: the fault is more likely on our side, or the API's, than everywhere at once. */
  isOutage(): boolean
  forget(name: string): void
}

export type NodeState =
  | { readonly is: 'heard' | 'suspect'; readonly askAgainMs: number }
  | { readonly is: 'silent'; readonly silentMs: number }

export interface HealthTiming {
  readonly silentAfterMs: number
  readonly confirmMs: number
}

interface Sign {
  readonly text: string
  atMs: number
  suspectSinceMs?: number
}

export function nodeHealth(clock: Clock, { silentAfterMs, confirmMs }: HealthTiming): NodeHealth {
  const signs = new Map<string, Sign>()
  const isLate = ({ atMs }: Sign) => clock.monotonicMs() - atMs >= silentAfterMs
  const isOutage = () => [...signs.values()].every(isLate)
  return {
    hear(name, text) {
      const old = signs.get(name)
      if (old?.text === text) return
      const atMs = clock.monotonicMs()
      // The end of an outage: the others get their full time to be heard again.
      if (old && isOutage()) for (const [other, sign] of signs) signs.set(other, { text: sign.text, atMs })
      signs.set(name, { text, atMs })
    },
    stateOf(name) {
      const sign = signs.get(name)
      const nowMs = clock.monotonicMs()
      if (!sign || !isLate(sign)) {
        const silentMs = sign ? nowMs - sign.atMs : 0
        return { is: 'heard', askAgainMs: silentAfterMs - silentMs }
      }
      sign.suspectSinceMs ??= nowMs
      const suspectMs = nowMs - sign.suspectSinceMs
      if (suspectMs < confirmMs) return { is: 'suspect', askAgainMs: confirmMs - suspectMs }
      return { is: 'silent', silentMs: nowMs - sign.atMs }
    },
    isOutage,
    forget: (name) => void signs.delete(name),
  }
}
