/** Waits until a container takes connections; `listening.ts` says how often it is asked, and until when. */
import { continueListening, patiently, type Listening } from './listening.ts'
import { isListening, type ProbeTarget } from './prober.ts'

/**
 * Calls `over` once: when one of the ports takes connections, or the wait is over. Asks by itself, for each look of the pod's worker takes
 * the processor from what starts; and a program that says when it listens is mostly asked then only.
 */
export function waitForPort(first: Listening, target: ProbeTarget, over: () => void): void {
  const { clock, handle, runtime } = target
  let cancel = () => {}
  let isAsking = false
  let wasTold = false
  const ask = async () => {
    isAsking = true
    const isSuccess = await isListening(listening.ports, target)
    isAsking = false
    const nowMs = clock.monotonicMs()
    const next = continueListening(listening, { isSuccess, nowMs })
    if (!next) {
      stop?.()
      return over()
    }
    listening = next
    if (!wasTold) return void (cancel = clock.after(next.dueMs - nowMs, () => void ask()))
    wasTold = false
    await ask()
  }
  const told = () => {
    // Where it is reached through somebody else, that may take a moment longer.
    listening = { ...listening, waitMs: first.waitMs }
    if (isAsking) return void (wasTold = true)
    cancel()
    void ask()
  }
  const stop = runtime.onListening?.(handle, first.ports, told)
  let listening = stop ? patiently(first) : first
  void ask()
}
