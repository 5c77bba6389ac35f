/**
 * The logs of an app or a pod in a range of time: of all containers and all their attempts, of the pods that are here and of
 * those that have been, as long as their logs are kept.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { mergeSorted } from '../base/merge-sorted.ts'
import { logTime } from '../api/streams/log-lines.ts'
import type { HistoryLine, HistoryOptions, HistoryProblem } from '../api/streams/log-history.ts'
import type { LogFolder } from './log-archive.ts'
import { allSegments } from './log-files.ts'
import { readRecordsOf } from './log-reader.ts'

export interface HistoryRequest extends HistoryOptions {
  readonly namespace: string
  /** Of a pod or of an app. */
  readonly name: string
}

/** Each holds a file open. The ones whose pods ended first are left out. */
const sourcesMax = 256
const chunkLengthMin = 16 * 1024

/** Whose logs are asked for. `isAll`: false where there were too many. */
export function foldersOf(
  all: readonly LogFolder[],
  { namespace, name }: HistoryRequest,
): { readonly folders: readonly LogFolder[]; readonly isAll: boolean } {
  const folders = all.filter((one) => one.namespace === namespace && one.names.includes(name))
  return { folders: folders.slice(0, sourcesMax), isAll: folders.length <= sourcesMax }
}

/** JSON, one object a line. */
export async function* historyAnswer(
  all: readonly LogFolder[],
  request: HistoryRequest,
): AsyncGenerator<Buffer> {
  const { folders, isAll } = foldersOf(all, request)
  const tooMany = `logs of more than ${sourcesMax} pods are asked for: those of some are missing; name a pod`
  if (!isAll) yield Buffer.from(`${JSON.stringify({ problem: tooMany } satisfies HistoryProblem)}\n`)
  let text = ''
  for await (const line of readHistory(folders, request)) {
    text += `${JSON.stringify(line)}\n`
    if (text.length < chunkLengthMin) continue
    yield Buffer.from(text)
    text = ''
  }
  if (text !== '') yield Buffer.from(text)
}

/** In the order of time. */
export async function* readHistory(
  folders: readonly LogFolder[],
  request: HistoryRequest,
): AsyncGenerator<HistoryLine> {
  const sources: AsyncGenerator<HistoryLine>[] = []
  for (const owner of folders) {
    const names = await readdir(owner.folder).catch(() => []) // it has not run yet, or has just been removed
    for (const container of names)
      if (request.container === undefined || request.container === container)
        sources.push(readContainer(owner, container, request))
  }
  yield* mergeSorted(sources, (a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
}

async function* readContainer(
  { folder, pod }: LogFolder,
  container: string,
  { since, until, stream: wanted }: HistoryOptions,
): AsyncGenerator<HistoryLine> {
  const [from, to] = [since && logTime(since), until && logTime(until)]
  for (const segment of await allSegments(join(folder, container))) {
    if (since && (await isOlder(segment.path, since))) continue
    for await (const { records } of readRecordsOf(segment, 0)) {
      for (const { time, stream, partial, text } of records) {
        if (from !== undefined && time < from) continue
        if (to !== undefined && time >= to) return
        if (wanted !== undefined && stream !== wanted) continue
        const message = Buffer.from(text, 'latin1').toString('utf8')
        const { attempt } = segment
        yield { time, pod, container, attempt, stream, message, ...(partial && { partial }) }
      }
    }
  }
}

/** Nothing was written to it since. */
async function isOlder(path: string, since: Date): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined) // packed or rotated away meanwhile: its reader sees
  return stats !== undefined && stats.mtimeMs < since.getTime()
}
