/** What the test and the thread of a target tell each other. */
import type { FuzzOutcome } from './engine.ts'

export interface WorkerInput {
  readonly target: string
  readonly seeds: readonly Uint8Array[]
  readonly seed: number
  readonly isGuided: boolean
  readonly executionsMax: number
  readonly secondsMax: number
  /** A counter, the length of the present input, and from `inputAt` its bytes: for the case that the thread hangs. */
  readonly now: SharedArrayBuffer
}

/** `seconds` of processor time: of the thread alone, however busy the machine is. */
export type WorkerAnswer = FuzzOutcome & { readonly seconds: number }

export const inputAt = 8
/** No target takes longer ones. */
export const inputBytesMax = 4_096
