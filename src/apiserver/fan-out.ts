/**
 * Wakes a resource's watchers: at once where they are few, otherwise some at a time with rests between, so that neither
 * the writers nor the other readers wait for thousands of sockets. What changes during a round waits for the
 * next one: the more watchers there are, the more changes each of them gets in one write.
 *
 *   idle ─ wake ─▶ ring some ─▶ rest as long as that took ─▶ ring some … ─▶ all rung ─ changed meanwhile? ─▶ again, or idle
 */
import type { Clock } from '../base/clock.ts'

/** Must be quick and must not throw. */
export type Ring = () => void

/** A write to a socket takes some 20 µs: 64 hold the thread for about a millisecond. */
const ringsAtOnce = 64
/** Below it a rest is not worth a timer. */
const restMsMin = 0.5
/** A machine that is busy with other things must not put off thousands of watchers until the ring has left them behind. */
const restMsMax = 5

export class FanOut {
  readonly #clock: Clock
  readonly #rings = new Set<Ring>()
  /** Those of the present round that have not been rung yet. */
  #left: SetIterator<Ring> = new Set<Ring>().values()
  /** Ringing or resting. */
  #isBusy = false
  #isDue = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Until the returned function is called. */
  add(ring: Ring): () => void {
    this.#rings.add(ring)
    return () => void this.#rings.delete(ring)
  }

  /** Each ring is called at least once after this. */
  wake(): void {
    // Few are never put off: a reader of two resources would see a change of one too long after a later one of the other.
    if (this.#rings.size <= ringsAtOnce) {
      for (const ring of this.#rings) ring()
      return
    }
    this.#isDue = true
    if (!this.#isBusy) this.#begin()
  }

  #begin(): void {
    this.#isDue = false
    this.#isBusy = this.#rings.size > 0
    // A set's iterator also comes to what is added meanwhile: at worst somebody is woken for nothing.
    this.#left = this.#rings.values()
    if (this.#isBusy) this.#ringSome()
  }

  #ringSome(): void {
    const startMs = this.#clock.monotonicMs()
    let rung = 0
    for (const ring of this.#left) {
      ring()
      if (++rung === ringsAtOnce) break
    }
    // Those woken have written when the loop comes round.
    setImmediate(() => {
      const spentMs = this.#clock.monotonicMs() - startMs
      const goOn = () => (rung === ringsAtOnce ? this.#ringSome() : this.#end())
      if (spentMs < restMsMin) goOn()
      else this.#clock.after(Math.min(spentMs, restMsMax), goOn)
    })
  }

  #end(): void {
    this.#isBusy = false
    if (this.#isDue) this.#begin()
  }
}
