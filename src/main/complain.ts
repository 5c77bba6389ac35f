import { describeError } from '../base/logger.ts'
import { CommandError } from './command-error.ts'

/** Ends a command that failed: what happened goes to stderr, for whoever debugs with the place in the source. */
export function complain(error: unknown): void {
  const isExpected = error instanceof CommandError
  process.stderr.write(`sampan: ${isExpected ? error.message : explained(error)}\n`)
  if (!isExpected && error instanceof Error && process.env['SAMPAN_LOG_LEVEL'] === 'debug') {
    process.stderr.write(`${error.stack}\n`)
  }
  process.exitCode = 1
}

/** By name, as the client's modules are not loaded for every command. */
const isUnanswered = (error: unknown): error is Error =>
  error instanceof Error &&
  (error.name === 'TransportError' || ('code' in error && error.code === 'ECONNREFUSED'))

function explained(error: unknown): string {
  if (!isUnanswered(error)) return describeError(error)
  // Its message has its cause in it.
  return `${error.message}. Start Sampan there with \`sampan up\`, or name another server: --kubeconfig or $KUBECONFIG where a command takes them, else --data-dir`
}
