/** What a fuzz target is, and what its code may throw. */
import { isStatusError } from '../../src/api/status.ts'

export interface FuzzTarget {
  readonly name: string
  /** What the input is, for the mutators. */
  readonly format: 'bytes' | 'text' | 'json'
  /** Words that mean something here. */
  readonly dictionary: readonly string[]
  readonly bytesMax: number
  /** Inputs at work at the same time, where one is mostly waiting; they are not guided by coverage. Default: 1. */
  readonly parallel?: number
  open(): Promise<FuzzRun>
}

export interface FuzzRun extends AsyncDisposable {
  /**
   * Judges one input: throws, or rejects, when a property doesn't hold or an error got out that is none of the defined
   * ones. The text says what kind of answer it was; a new kind keeps the input.
   */
  run(input: Uint8Array): string | Promise<string>
}

/** A target without anything to open. */
export const pure = (run: (input: Uint8Array) => string): (() => Promise<FuzzRun>) => {
  return async () => ({ run, async [Symbol.asyncDispose]() {} })
}

/** The result, or undefined for a refusal that the API defines: a StatusError below 500, or one of `others`. */
export function orRefused<T>(
  attempt: () => T,
  others: readonly (new (...args: never) => Error)[] = [],
): T | undefined {
  try {
    return attempt()
  } catch (error) {
    if (isRefusal(error) || others.some((kind) => error instanceof kind)) return undefined
    throw error
  }
}

export const isRefusal = (error: unknown): boolean => isStatusError(error) && (error.status.code ?? 500) < 500

export const textOf = (input: Uint8Array): string => Buffer.from(input).toString('utf8')

/** As `assert.deepEqual` for what is JSON, in a tenth of its time. */
export function assertSame(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${a} is not ${b}`)
}
