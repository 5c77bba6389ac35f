import type { Clock } from './clock.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>

/** Structured, one JSON line per entry. Secrets never reach it: log names and counts, not values. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger that adds `fields` to each entry. */
  with(fields: LogFields): Logger
}

const order: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40 }

export interface LoggerOptions {
  readonly clock: Clock
  readonly level: LogLevel
  /** Takes one line without its newline. */
  readonly write: (line: string) => void
}

export function createLogger({ clock, level, write }: LoggerOptions, base: LogFields = {}): Logger {
  const log = (at: LogLevel, message: string, fields: LogFields = {}) => {
    if (order[at] < order[level]) return
    const entry = { time: clock.now().toISOString(), level: at, message, ...base, ...fields }
    write(
      JSON.stringify(entry, (_key, value: unknown) =>
        value instanceof Error ? describeError(value) : value,
      ),
    )
  }
  return {
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
    with: (fields) => createLogger({ clock, level, write }, { ...base, ...fields }),
  }
}

/** Throws everything away: for tests that don't look. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLogger,
}

/** An error and its causes on one line, outermost first. */
export function describeError(error: unknown): string {
  const parts: string[] = []
  for (let e: unknown = error, depth = 0; e !== undefined && depth < 8; depth++) {
    parts.push(e instanceof Error ? e.message || e.name : typeof e === 'string' ? e : JSON.stringify(e))
    e = e instanceof Error ? e.cause : undefined
  }
  return parts.join(': ')
}
