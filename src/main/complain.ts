import { describeError } from '../base/logger.ts'
import { CommandError } from './command-error.ts'

/** Ends a command that failed: what happened goes to stderr, for whoever debugs with the place in the source. */
export function complain(error: unknown): void {
  const isExpected = error instanceof CommandError
  process.stderr.write(`sampan: ${isExpected ? error.message : describeError(error)}\n`)
  if (!isExpected && error instanceof Error && process.env['SAMPAN_LOG_LEVEL'] === 'debug') {
    process.stderr.write(`${error.stack}\n`)
  }
  process.exitCode = 1
}
