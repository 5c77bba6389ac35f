/**
 * What was logged, as the node tells it, the API server passes it on and `sampan logs` prints it: one JSON object a line,
 * in the order of time. Pure.
 */
import { fieldError, type FieldError } from '../field-errors.ts'
import type { ObjectMeta } from '../meta.ts'
import type { LogStream } from './log-lines.ts'
import { parseLogOptions, parseTime } from './log-options.ts'

export interface HistoryLine {
  /** RFC 3339 with nine digits of seconds. */
  readonly time: string
  readonly pod: string
  readonly container: string
  /** Counts the container's starts. */
  readonly attempt: number
  readonly stream: LogStream
  /** Without its newline. */
  readonly message: string
  /** More of the same line follows in the next object of this stream. */
  readonly partial?: true
}

/** In place of a line: why some are missing; or, to who follows, that all there was has been said. */
export type HistoryNote = { readonly problem: string } | { readonly caughtUp: true }

export interface HistoryOptions {
  readonly since?: Date
  readonly until?: Date
  readonly container?: string
  readonly stream?: LogStream
  readonly follow?: boolean
  /** The name is a pod's, not an app's. */
  readonly isExact?: boolean
}

export const historyContentType = 'application/x-ndjson'

/** What a pod's logs can be asked for by: its own name, what labels say the app is, and the Deployment or other owner. */
export function namesOfPod({ name = '', labels = {}, ownerReferences = [] }: ObjectMeta): readonly string[] {
  const hash = labels['pod-template-hash']
  const owners = ownerReferences
    .filter(({ controller }) => controller === true)
    .flatMap(({ name: owner }) =>
      hash !== undefined && owner.endsWith(`-${hash}`) ? [owner, owner.slice(0, -hash.length - 1)] : [owner],
    )
  const apps = [labels['app.kubernetes.io/name'], labels['app']]
  return [...new Set([name, ...owners, ...apps.filter((app) => app !== undefined)])]
}

/** As `historyQuery` writes it. */
export function parseHistoryOptions(query: URLSearchParams): {
  readonly options: HistoryOptions
  readonly errors: readonly FieldError[]
} {
  const { options, errors } = parseLogOptions(query)
  const until = parseTime(query, 'untilTime')
  const { container, sinceTime: since, stream } = options
  return {
    options: {
      ...(container !== undefined && { container }),
      ...(since && { since }),
      ...(until.time && { until: until.time }),
      ...(options.follow && { follow: true }),
      ...(query.get('exact') === 'true' && { isExact: true }),
      ...(stream === 'Stdout' && { stream: 'stdout' }),
      ...(stream === 'Stderr' && { stream: 'stderr' }),
    },
    errors: [...errors, ...until.errors, ...(options.follow && until.time ? [endless] : [])],
  }
}

const endless = fieldError.forbidden('untilTime', 'may not be given together with `follow`')

export function historyQuery(options: HistoryOptions): URLSearchParams {
  const { since, until, container, stream, follow, isExact } = options
  return new URLSearchParams({
    ...(since && { sinceTime: since.toISOString() }),
    ...(until && { untilTime: until.toISOString() }),
    ...(container !== undefined && { container }),
    ...(stream && { stream: stream === 'stdout' ? 'Stdout' : 'Stderr' }),
    ...(follow && { follow: 'true' }),
    ...(isExact && { exact: 'true' }),
  })
}
