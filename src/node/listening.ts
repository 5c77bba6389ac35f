/**
 * A container that declares ports and no probe tells nobody when it is up. Upstream calls it ready at once, and the first
 * requests meet a closed port; here it is ready when one of its ports takes connections, and after `listenMsMax` in any
 * case (docs/decisions/0008-ready-when-listening.md). Asked until then and never again. Pure.
 */
import type { Container } from '../api/schema/types.gen.ts'

export interface Listening {
  readonly ports: readonly number[]
  readonly dueMs: number
  readonly endMs: number
  readonly waitMs: number
}

const listenMsMax = 5_000
/** Between two questions, at first and at most: starting takes Node.js some tens of milliseconds. */
const [waitMsMin, waitMsMax] = [10, 250]
const waitFactor = 1.2 // an app that listens after 150 ms is found 15 ms later, on average

/** Undefined: there is nothing to wait for. */
export function startListening(container: Container, startedMs: number): Listening | undefined {
  if (container.readinessProbe || container.startupProbe) return undefined
  const tcp = (container.ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP')
  if (tcp.length === 0) return undefined
  const ports = tcp.map(({ containerPort }) => containerPort)
  return { ports, dueMs: startedMs, endMs: startedMs + listenMsMax, waitMs: waitMsMin }
}

/** After an answer; undefined: the wait is over. */
export function continueListening(
  listening: Listening,
  { isSuccess, nowMs }: { readonly isSuccess: boolean; readonly nowMs: number },
): Listening | undefined {
  if (isSuccess || nowMs >= listening.endMs) return undefined
  const { waitMs } = listening
  return {
    ...listening,
    dueMs: nowMs + waitMs,
    waitMs: Math.min(waitMsMax, waitMs * waitFactor),
  }
}
