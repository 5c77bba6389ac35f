/**
 * A container that declares ports and no probe tells nobody when it is up. Upstream calls it ready at once, and the first
 * requests meet a closed port; here it is ready when one of its ports takes connections, and after `listenMsMax` in any
 * case (docs/decisions/0008-ready-when-listening.md). Asked until then and never again. Pure.
 */
import type { Container } from '../api/schema/types.gen.ts'

export interface Listening {
  readonly ports: readonly number[]
  readonly startedMs: number
  readonly dueMs: number
  readonly endMs: number
  readonly waitMs: number
}

const listenMsMax = 5_000
/** Until the sandbox is made and the program is loaded, nobody listens; a question would only take the processor from them. */
const firstMs = 20
/** Between two questions: a Node.js program mostly listens some hundred milliseconds after its start, and is found 5 ms later. */
const waitMsMin = 10
/** For one that says itself when it does: it may say so of another port, or nothing. */
const patientMs = 100
const soonMs = 150
/** Later ever more rarely, so that waiting for a slow one costs little. */
const waitFactor = 1.2
const waitMsMax = 250

/** Undefined: there is nothing to wait for. */
export function startListening(container: Container, startedMs: number): Listening | undefined {
  if (container.readinessProbe || container.startupProbe) return undefined
  const tcp = (container.ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP')
  if (tcp.length === 0) return undefined
  const ports = tcp.map(({ containerPort }) => containerPort)
  return {
    ports,
    startedMs,
    dueMs: startedMs + firstMs,
    endMs: startedMs + listenMsMax,
    waitMs: waitMsMin,
  }
}

/** The same wait with fewer questions, for a program that says itself when it listens. */
export const patiently = (listening: Listening): Listening => ({ ...listening, waitMs: patientMs })

/** After an answer; undefined: the wait is over. */
export function continueListening(
  listening: Listening,
  { isSuccess, nowMs }: { readonly isSuccess: boolean; readonly nowMs: number },
): Listening | undefined {
  if (isSuccess || nowMs >= listening.endMs) return undefined
  const { startedMs, waitMs } = listening
  const isSoon = nowMs < startedMs + soonMs
  return {
    ...listening,
    dueMs: nowMs + waitMs,
    waitMs: isSoon ? waitMs : Math.min(waitMsMax, waitMs * waitFactor),
  }
}
