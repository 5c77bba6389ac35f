import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { realClock, type Clock } from '../base/clock.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { silentLogger, type Logger } from '../base/logger.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import { parseSchedule } from './backup-flags.ts'
import type { BackupPlace } from './backup-place.ts'
import { openBackupPlace } from './open-backup-place.ts'
import { openScheduledBackups } from './backup-schedule.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-schedule-'))
after(() => rmSync(folder, { recursive: true }))
const hourMs = 3_600_000

interface Logged {
  readonly logger: Logger
  /** The next line, letting time pass until it comes. */
  readonly next: () => Promise<string>
}

function logged(clock: ReturnType<typeof fakeClock>): Logged {
  const lines: string[] = []
  const log = (message: string) => void lines.push(message)
  return {
    logger: { ...silentLogger, info: log, error: log },
    next: async () => {
      for (;;) {
        const line = lines.shift()
        if (line !== undefined) return line
        await clock.advance(60_000)
        await new Promise((resolve) => setImmediate(resolve)) // files are written in real time
      }
    },
  }
}

/** When each was made, by its name. */
const timesIn = (directory: string): number[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('Z.backup'))
    .toSorted()
    .map((name) => Date.parse(name.slice(7, -7).replace(/T(\d\d)-(\d\d)-/, 'T$1:$2:')))

async function scheduled(clock: Clock, place: BackupPlace, logger: Logger, keep: number) {
  const store = await openMemoryStore({ clock: realClock, logger: silentLogger })
  await store.create('/a', Buffer.from('x'))
  const running = openScheduledBackups({ store, place, everyMs: hourMs, keep, clock, logger })
  return {
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

test('backs up at once and each hour, keeps the newest, and leaves alone what others put there', async () => {
  const directory = join(folder, 'a')
  const place = await openBackupPlace(directory, { clock: realClock, env: {} })
  const clock = fakeClock()
  const { logger, next } = logged(clock)
  await using _ = await scheduled(clock, place, logger, 2)
  assert.equal(await next(), 'backed up')
  const [first = ''] = readdirSync(directory)
  writeFileSync(join(directory, `${first}.proved.json`), '{}')
  writeFileSync(join(directory, 'mine.backup'), 'x')
  for (let hour = 1; hour <= 3; hour++) {
    assert.equal(await next(), 'backed up')
  }
  const names = readdirSync(directory).toSorted()
  assert.equal(names.length, 3)
  assert.equal(names[0], 'mine.backup')
  assert(!names.some((name) => name.startsWith(first)), 'the first went, with its proof')
})

test('halves that killed servers have left go; one that may be under way, and those of others, stay', async () => {
  const directory = join(folder, 'halves')
  const place = await openBackupPlace(directory, { clock: realClock, env: {} })
  const clock = fakeClock()
  const { logger, next } = logged(clock)
  await using _ = await scheduled(clock, place, logger, 1)
  await next()
  const half = (atMs: number) =>
    `sampan-${new Date(atMs).toISOString().slice(0, 19).replaceAll(':', '-')}Z.backup.unfinished`
  const nowMs = clock.now().getTime()
  const kept = [half(nowMs + 1_000 * hourMs), 'mine.backup.unfinished']
  for (const name of [half(nowMs - hourMs), half(nowMs - 1_000 * hourMs), ...kept])
    writeFileSync(join(directory, name), 'x')
  assert.equal(await next(), 'backed up')
  const found = readdirSync(directory).filter((name) => name.endsWith('.unfinished'))
  assert.deepEqual(found.toSorted(), kept.toSorted())
})

test('after a restart the next one is due an hour after the last', async () => {
  const directory = join(folder, 'b')
  const place = await openBackupPlace(directory, { clock: realClock, env: {} })
  const clock = fakeClock()
  {
    const { logger, next } = logged(clock)
    await using _ = await scheduled(clock, place, logger, 5)
    await next()
  }
  const { logger, next } = logged(clock)
  await using _ = await scheduled(clock, place, logger, 5)
  assert.equal(await next(), 'backed up')
  const [first = 0, second = 0] = timesIn(directory)
  assert(second - first >= hourMs, `${second - first} ms later`)
})

test('a failure is logged and tried again in a minute', async () => {
  const file = join(folder, 'no-folder')
  writeFileSync(file, '')
  const place = await openBackupPlace(join(file, 'x'), { clock: realClock, env: {} })
  const clock = fakeClock()
  const { logger, next } = logged(clock)
  await using _ = await scheduled(clock, place, logger, 5)
  assert.match(await next(), /failed; trying again in a minute/)
  rmSync(file)
  while ((await next()) !== 'backed up'); // a second failure may have been under way
})

test('flags are read, and refused when they make no sense', () => {
  const flags = { backupDir: '/b', backupEvery: '30m', backupKeep: '3' }
  assert.deepEqual(parseSchedule(flags), { place: '/b', everyMs: 1_800_000, keep: 3 })
  assert.throws(() => parseSchedule({ ...flags, backupKeep: '0' }), /--backup-keep "0"/)
  assert.throws(
    () => parseSchedule({ ...flags, backupEvery: 'soon' }),
    /--backup-every "soon" is no duration/,
  )
})
