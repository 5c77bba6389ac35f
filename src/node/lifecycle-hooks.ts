/** Runs a container's postStart or preStop hook once. As kubelet (pkg/kubelet/lifecycle/handlers.go). */
import type { LifecycleHandler } from '../api/schema/types.gen.ts'
import { askExec, getHttp, type ProbeTarget } from './prober.ts'

export interface HookLimits {
  readonly limitMs: number
  readonly signal: AbortSignal
}

/** Rejects with the reason when the hook fails, isn't through after `limitMs`, or `signal` aborts. */
export async function runHook(
  handler: LifecycleHandler,
  target: ProbeTarget,
  limits: HookLimits,
): Promise<void> {
  const { signal } = limits
  signal.throwIfAborted()
  const work = perform(handler, target, limits)
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    // A command that goes on after that ends with its container.
    await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function perform(
  { exec, httpGet, sleep, tcpSocket }: LifecycleHandler,
  target: ProbeTarget,
  { limitMs, signal }: HookLimits,
): Promise<void> {
  if (exec) {
    const { isSuccess, message } = await askExec(exec.command ?? [], limitMs, target)
    if (!isSuccess) throw new Error(message)
  } else if (httpGet) {
    await getHttp(httpGet, limitMs, target) // any answer will do: what it says is not looked at
  } else if (sleep) {
    const askedMs = sleep.seconds * 1000
    await target.clock.sleep(Math.min(askedMs, limitMs), signal)
    if (askedMs > limitMs)
      throw new Error(`the pause of ${sleep.seconds} s was cut short: the grace period is over`)
  } else if (tcpSocket) {
    throw new Error('tcpSocket does nothing in a hook and is refused: use exec, httpGet or sleep')
  } else throw new Error('the hook names nothing to do: use exec, httpGet or sleep')
}
