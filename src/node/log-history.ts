/**
 * The logs of an app or a pod in a range of time: of all containers and all their attempts, of the pods that are here and of
 * those that have been, as long as their logs are kept.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { mergeSorted } from '../base/merge-sorted.ts'
import { logTime } from '../api/streams/log-lines.ts'
import type { HistoryLine, HistoryNote, HistoryOptions } from '../api/streams/log-history.ts'
import type { LogFolder } from './log-archive.ts'
import { allSegments, type LogSegment } from './log-files.ts'
import { readRecordsOf } from './log-reader.ts'

export interface HistoryRequest extends HistoryOptions {
  readonly namespace: string
  /** Of a pod or of an app. */
  readonly name: string
}

export interface HistorySource {
  /** All there are, as of now. */
  readonly folders: () => Promise<readonly LogFolder[]>
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Each holds a file open. The ones that are here come before those that have been. */
const podsMax = 256
const chunkLengthMin = 16 * 1024
/** How late a line is shown to who follows. Files are looked at because a pod that leaves takes nobody's word along. */
const followMs = 500

/** JSON, one object a line. Who follows is told when all that was there has been said. */
export async function* historyAnswer(
  { folders, clock, signal }: HistorySource,
  request: HistoryRequest,
): AsyncGenerator<Buffer> {
  const places: Places = new Map()
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const wanted = (await folders()).filter((owner) => isWanted(owner, request))
    let text = ''
    if (isFirst && wanted.length > podsMax) text += noteText({ problem: tooMany })
    for await (const line of readHistory(wanted.slice(0, podsMax), request, places)) {
      text += `${JSON.stringify(line)}\n`
      if (text.length < chunkLengthMin) continue
      yield Buffer.from(text)
      text = ''
    }
    if (isFirst && request.follow) text += noteText({ caughtUp: true })
    if (text !== '') yield Buffer.from(text)
    if (!request.follow) return
    forgetGone(places, wanted)
    await clock.sleep(followMs, signal).catch(() => {}) // aborted: the loop ends
  }
}

export const isWanted = ({ namespace, names, pod }: LogFolder, request: HistoryRequest): boolean =>
  namespace === request.namespace && (request.isExact ? pod === request.name : names.includes(request.name))

const tooMany = `logs of more than ${podsMax} pods are asked for: those of some are missing; name a pod`
const noteText = (note: HistoryNote): string => `${JSON.stringify(note)}\n`

/** How far each container has been read, by `UID/NAME`. */
export type Places = Map<
  string,
  { readonly attempt: number; readonly segment: number; readonly offset: number }
>

/** Pods come and go while somebody follows an app; logs that are gone don't come back. */
export function forgetGone(places: Places, owners: readonly Pick<LogFolder, 'uid'>[]): void {
  const uids = new Set(owners.map(({ uid }) => uid))
  for (const key of places.keys()) if (!uids.has(key.slice(0, key.indexOf('/')))) places.delete(key)
}

/** In the order of time; what is not in `places` yet. They are right when all has been read. */
export async function* readHistory(
  folders: readonly LogFolder[],
  request: HistoryRequest,
  places: Places = new Map(),
): AsyncGenerator<HistoryLine> {
  const sources: AsyncGenerator<HistoryLine>[] = []
  for (const owner of folders) {
    const names = await readdir(owner.folder).catch(() => []) // it has not run yet, or has just been removed
    for (const container of names)
      if (request.container === undefined || request.container === container)
        sources.push(readContainer({ owner, container, places }, request))
  }
  yield* mergeSorted(sources, (a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
}

interface ContainerLog {
  readonly owner: LogFolder
  readonly container: string
  readonly places: Places
}

async function* readContainer(
  { owner: { folder, pod, uid }, container, places }: ContainerLog,
  { since, until, stream: wanted }: HistoryOptions,
): AsyncGenerator<HistoryLine> {
  const [from, to] = [since && logTime(since), until && logTime(until)]
  const key = `${uid}/${container}`
  for (const segment of await allSegments(join(folder, container))) {
    const place = places.get(key)
    if (place && isBefore(segment, place)) continue
    const isBegun = place?.attempt === segment.attempt && place.segment === segment.segment
    if (!isBegun && since && (await isOlder(segment.path, since))) continue
    const { attempt } = segment
    for await (const { records, next } of readRecordsOf(segment, isBegun ? place.offset : 0)) {
      for (const { time, stream, partial, text } of records) {
        if (from !== undefined && time < from) continue
        if (to !== undefined && time >= to) return
        if (wanted !== undefined && stream !== wanted) continue
        const message = Buffer.from(text, 'latin1').toString('utf8')
        yield { time, pod, container, attempt, stream, message, ...(partial && { partial }) }
      }
      places.set(key, { attempt, segment: segment.segment, offset: next })
    }
  }
}

const isBefore = (
  { attempt, segment }: LogSegment,
  place: { readonly attempt: number; readonly segment: number },
): boolean => attempt < place.attempt || (attempt === place.attempt && segment < place.segment)

/** Nothing was written to it since. */
async function isOlder(path: string, since: Date): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined) // packed or rotated away meanwhile: its reader sees
  return stats !== undefined && stats.mtimeMs < since.getTime()
}
