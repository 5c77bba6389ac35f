/** An error for the person at the terminal: what happened, why, what to do next. Printed without a stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** Exit code of a process that must not be started again: its configuration is at fault (sysexits.h, EX_CONFIG). */
export const configExitCode = 78
