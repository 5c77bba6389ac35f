/** `sampan logs NAME`: what a pod or an app has logged, on all nodes, in a range of time; of deleted pods, too. */
import { linesOf } from '../base/lines.ts'
import {
  historyQuery,
  type HistoryLine,
  type HistoryNote,
  type HistoryOptions,
} from '../api/streams/log-history.ts'
import type { Kubeconfig } from '../client/kubeconfig.ts'
import { httpTransport } from '../client/transport-http.ts'
import { podPath, reasonOf, textOf } from './server-connection.ts'

export interface LogsOptions {
  readonly server: Kubeconfig
  /** Of a pod, or of an app: its Deployment, or its label `app` or `app.kubernetes.io/name`. */
  readonly name: string
  readonly namespace?: string
  readonly range: HistoryOptions
  /** Only the last so many of what is there already; up to `tailMax`. A line counts once for each 16 KiB. */
  readonly tail?: number
  /** Lines as the server sends them. */
  readonly isJson: boolean
  /** Resolves when there is room for more. */
  readonly write: (text: string) => Promise<void>
  /** Of what is missing. */
  readonly warn: (line: string) => void
  readonly signal: AbortSignal
}

const lineLengthMax = 256 * 1024
/** They are held in memory: 16 KiB each at most. */
export const tailMax = 10_000

/** Answers whether there was any line. Ends with the log, or with the signal when it follows. */
export async function logs(options: LogsOptions): Promise<boolean> {
  const { server, name, namespace, range, tail, isJson, write, warn, signal } = options
  const place = { pod: name, ...(namespace !== undefined && { namespace }) }
  const query = { history: 'true', ...Object.fromEntries(historyQuery(range)) }
  await using transport = httpTransport(server)
  const path = podPath(place, server, 'log', query)
  const response = await transport.send({ method: 'GET', path, headers: {}, signal })
  if (response.status !== 200) throw new Error(reasonOf(await textOf(response), response.status))
  let wasPartial = false
  let isEmpty = true
  const show = async ({ said, text }: Piece) => {
    await write(isJson ? `${text}\n` : shown(said, wasPartial))
    wasPartial = said.partial === true
  }
  let last = tail === undefined ? undefined : lastOf<Piece>(tail)
  const showLast = async () => {
    for (const piece of last?.all() ?? []) await show(piece)
    last = undefined
  }
  try {
    for await (const text of linesOf(response.body, lineLengthMax)) {
      const said = JSON.parse(text) as HistoryLine | HistoryNote
      if ('problem' in said) warn(said.problem)
      if ('caughtUp' in said) await showLast()
      if (!('message' in said)) continue
      isEmpty = false
      if (last) last.add({ said, text })
      else await show({ said, text })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  await showLast()
  return !isEmpty
}

interface Piece {
  readonly said: HistoryLine
  readonly text: string
}

/** The last `count` of what was added. */
function lastOf<T>(count: number) {
  const ring: T[] = []
  let next = 0
  return {
    add(item: T): void {
      if (count > 0) ring[next] = item
      next = (next + 1) % Math.max(count, 1)
    },
    all: (): readonly T[] => (ring.length < count ? ring : [...ring.slice(next), ...ring.slice(0, next)]),
  }
}

/** A piece of a line that goes on gets no second head. */
function shown({ time, pod, container, message, partial }: HistoryLine, isContinued: boolean): string {
  const head = isContinued ? '' : `${time.slice(0, timeLength)}Z ${pod}/${container} `
  return `${head}${message}${partial ? '' : '\n'}`
}

/** To the millisecond. */
const timeLength = '2026-01-01T00:00:00.000'.length
