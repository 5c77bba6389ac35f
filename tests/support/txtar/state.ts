import { resolve } from 'node:path'
import type { ScriptLine } from './line.ts'

/** What commands see and change. */
export interface ScriptState {
  /** Where the archive's files are; `$WORK`. */
  readonly work: string
  readonly env: Map<string, string>
  /** The folder that `cd` has gone to. */
  folder: string
  /** What the next program reads; then nothing again. */
  stdin: string
  /** What the last program or command has written. */
  stdout: string
  stderr: string
  /** Set by `stop` and `skip`. */
  end?: { readonly how: 'stopped' | 'skipped'; readonly why: string }
}

/** Throws when what is expected doesn't hold. */
export type ScriptCommand = (
  state: ScriptState,
  args: readonly string[],
  expected: ScriptLine['expected'],
) => void | Promise<void>

/** A path as the script means it. */
export const pathIn = (state: ScriptState, path: string): string => resolve(state.folder, path)
