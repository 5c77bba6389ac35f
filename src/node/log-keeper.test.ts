import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { realClock } from '../base/clock.ts'
import { silentLogger } from '../base/logger.ts'
import type { HistoryLine } from '../api/streams/log-history.ts'
import { formatLogRecord, logTime } from '../api/streams/log-lines.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import { archiveLogs, listArchives, ownerOf } from './log-archive.ts'
import type { LogBudget } from './log-budget.ts'
import { segmentPath } from './log-files.ts'
import { isWanted, readHistory } from './log-history.ts'
import { sweepLogs, type LogKeeperOptions } from './log-keeper.ts'

const budget: LogBudget = { retentionMs: 3_600_000, podBytesMax: 1e9, nodeBytesMax: 1e9, attemptsMax: 10 }
const begin = new Date('2026-01-01T00:00:00Z')
const at = (seconds: number) => new Date(begin.getTime() + seconds * 1_000)
let dataDir = ''
let options: LogKeeperOptions
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sampan-keeper-'))
  options = { dataDir, live: () => [], budget, clock: realClock, logger: silentLogger }
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

const podOf = (uid: string, owner = 'web-abc'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `pod-${uid}`,
    namespace: 'shop',
    uid,
    labels: { 'pod-template-hash': 'abc' },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: 'o', controller: true }],
  },
  spec: { containers: [] },
})
const logOf = (uid: string) => join(dataDir, 'pods', uid, 'log')
const folderOf = (uid: string) => ({ ...ownerOf(podOf(uid)), folder: logOf(uid), isArchived: false })

/** One line for each second given. */
async function writeSegment(uid: string, attempt: number, segment: number, seconds: readonly number[]) {
  const folder = join(logOf(uid), 'app')
  await mkdir(folder, { recursive: true })
  const records = seconds.map((second) =>
    formatLogRecord({
      time: logTime(at(second)),
      stream: 'stdout',
      partial: false,
      text: `${uid} ${second}`,
    }),
  )
  await writeFile(segmentPath(folder, attempt, segment), records.join(''))
}

const filesOf = async (folder: string) => (await readdir(join(folder, 'app'))).toSorted()
const sweep = (changed: Partial<LogBudget> = {}) =>
  sweepLogs(options, { ...budget, ...changed }, new AbortController().signal)

async function history(name: string, range: { since?: Date; until?: Date } = {}): Promise<readonly string[]> {
  const request = { namespace: 'shop', name, ...range }
  const all = [...options.live(), ...(await listArchives(dataDir))]
  const folders = all.filter((owner) => isWanted(owner, request))
  const lines: HistoryLine[] = []
  for await (const line of readHistory(folders, request)) lines.push(line)
  return lines.map(({ message }) => message)
}

test('what will not change is packed; the end of the running attempt stays as it is', async () => {
  options = { ...options, live: () => [folderOf('a')] }
  for (const segment of [0, 1, 2]) await writeSegment('a', 2, segment, [segment])
  await writeSegment('a', 1, 7, [-1])
  await sweep()
  assert.deepEqual(await filesOf(logOf('a')), ['1.7.log.gz', '2.0.log.gz', '2.1.log', '2.2.log'])
  assert.deepEqual(await history('web'), ['a -1', 'a 0', 'a 1', 'a 2'])
})

test('logs of pods that are gone are found by pod and by app, merged in time, with those that are here', async () => {
  options = { ...options, live: () => [folderOf('b')] }
  await writeSegment('a', 1, 0, [0, 2, 4])
  await archiveLogs({ dataDir, logger: silentLogger }, podOf('a'), logOf('a'))
  await archiveLogs({ dataDir, logger: silentLogger }, podOf('a'), logOf('a')) // again, after a crash
  await writeSegment('b', 1, 0, [1, 3, 5])
  await sweep()
  const all = ['a 0', 'b 1', 'a 2', 'b 3', 'a 4', 'b 5']
  assert.deepEqual(await history('web'), all)
  assert.deepEqual(await history('web-abc'), all)
  assert.deepEqual(await history('pod-a'), ['a 0', 'a 2', 'a 4'])
  assert.deepEqual(await history('other'), [])
  assert.deepEqual(await history('web', { since: at(2), until: at(5) }), ['a 2', 'b 3', 'a 4'])
})

test('what is older than the retention goes, and the note with it', async () => {
  await writeSegment('a', 1, 0, [0])
  await archiveLogs({ dataDir, logger: silentLogger }, podOf('a'), logOf('a'))
  const path = segmentPath(join(dataDir, 'logs', 'a', 'log', 'app'), 1, 0)
  await utimes(path, begin, begin)
  await sweep()
  await sweep()
  assert.deepEqual(await readdir(join(dataDir, 'logs')), [])
})

test('room is made without touching what grows', async () => {
  options = { ...options, live: () => [folderOf('b')] }
  await writeSegment('a', 1, 0, [0])
  await archiveLogs({ dataDir, logger: silentLogger }, podOf('a'), logOf('a'))
  await writeSegment('b', 1, 0, [1])
  await sweep({ nodeBytesMax: 0 })
  assert.deepEqual(await history('web'), ['b 1'])
})

test('logs that are put away while somebody looks for them are not taken for what a crash left', async () => {
  const uids = Array.from({ length: 100 }, (_, index) => `pod-${index}`)
  for (const uid of uids) await mkdir(join(logOf(uid), 'app'), { recursive: true })
  let isOver = false
  const looking = (async () => {
    while (!isOver) await listArchives(dataDir)
  })()
  for (const uid of uids) await archiveLogs({ dataDir, logger: silentLogger }, podOf(uid), logOf(uid))
  isOver = true
  await looking
  assert.equal((await listArchives(dataDir)).length, uids.length)
})
