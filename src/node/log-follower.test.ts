import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { realClock } from '../base/clock.ts'
import { silentLogger } from '../base/logger.ts'
import { parseLogOptions } from '../api/streams/log-options.ts'
import { listSegments, segmentPath } from './log-files.ts'
import { openLogFollower, type LogFollowerOptions } from './log-follower.ts'
import { readLog, tailOutput, type LogSource } from './log-reader.ts'

let folder = ''
let options: LogFollowerOptions
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sampan-logs-'))
  options = {
    rawDir: join(folder, 'raw'),
    logDir: join(folder, 'log'),
    attempt: 1,
    limits: { segmentBytesMax: 10_000, segmentsMax: 3, segmentMsMax: 1e9 },
    clock: realClock,
    logger: silentLogger,
    onDiskFull: () => assert.fail('the disk is not full'),
  }
  await mkdir(options.rawDir)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const write = (text: string, stream = 'stdout') => appendFile(join(options.rawDir, stream), text)
const still = (): LogSource => ({
  logDir: options.logDir,
  attempt: 1,
  isEnded: () => true,
  onChange: () => () => {},
})

async function read(query: string, source = still(), now = new Date()): Promise<string> {
  const chunks: Buffer[] = []
  const { options: asked } = parseLogOptions(new URLSearchParams(query))
  for await (const chunk of readLog(source, { options: asked, now, signal: new AbortController().signal }))
    chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function copyAll(): Promise<void> {
  await using follower = await openLogFollower(options)
  await follower.drain({ isEnd: true })
}

test('output becomes records of both streams', async () => {
  await write('one\ntwo\n')
  await write('oops\n', 'stderr')
  await copyAll()
  const text = await readFile(segmentPath(options.logDir, 1, 0), 'utf8')
  const shown = text.split('\n').map((line) => line.replace(/^\S+ /, ''))
  assert.deepEqual(shown, ['stdout F one', 'stdout F two', 'stderr F oops', ''])
})

test('bytes that are no UTF-8 and lines longer than a record come back as written', async () => {
  const long = Buffer.concat([Buffer.alloc(70_000, 'é'), Buffer.from([0xff, 0xfe, 10])])
  await writeFile(join(options.rawDir, 'stdout'), long)
  options = { ...options, limits: { segmentBytesMax: 1e6, segmentsMax: 3, segmentMsMax: 1e9 } }
  await copyAll()
  const chunks: Buffer[] = []
  const { options: asked } = parseLogOptions(new URLSearchParams())
  for await (const chunk of readLog(still(), {
    options: asked,
    now: new Date(),
    signal: new AbortController().signal,
  }))
    chunks.push(chunk)
  assert.ok(Buffer.concat(chunks).equals(long))
})

test('an unfinished line waits for its end, and is a line at the end', async () => {
  await write('a\nhalf')
  const follower = await openLogFollower(options)
  await follower.drain()
  assert.equal(await read(''), 'a\n')
  await write(' done\nlast')
  await follower.drain({ isEnd: true })
  await follower[Symbol.asyncDispose]()
  assert.equal(await read(''), 'a\nhalf done\nlast\n')
})

test('a follower that starts again loses nothing and repeats nothing, wherever the last one was killed', async () => {
  await write('1\n2\n')
  await copyAll()
  const position = await readFile(join(options.rawDir, 'reader.json'), 'utf8')
  await write('3\n4\n')
  await copyAll()
  // As if the agent had been killed between writing the records and saving how far it got.
  await writeFile(join(options.rawDir, 'reader.json'), position)
  await write('5\n')
  await copyAll()
  assert.equal(await read(''), '1\n2\n3\n4\n5\n')
})

test('segments rotate by size and the oldest go', async () => {
  const lines = Array.from({ length: 2_000 }, (_, n) => `line ${n} ${'x'.repeat(20)}`)
  const follower = await openLogFollower(options)
  for (let n = 0; n < lines.length; n += 50) {
    await write(`${lines.slice(n, n + 50).join('\n')}\n`)
    await follower.drain()
  }
  await follower[Symbol.asyncDispose]()
  const segments = await listSegments(options.logDir, 1)
  assert.equal(segments.length, 3)
  for (const { path } of segments) assert.ok((await stat(path)).size <= 10_000)
  assert.ok((await read('')).endsWith(`${lines.slice(-100).join('\n')}\n`))
})

test('what was read of the raw file is given back to the disk', async () => {
  options = { ...options, limits: { segmentBytesMax: 1e6, segmentsMax: 2, segmentMsMax: 1e9 } }
  const line = `${'x'.repeat(999)}\n`
  const follower = await openLogFollower(options)
  await write(line.repeat(10_000))
  await follower.drain()
  const { blocks, size } = await stat(join(options.rawDir, 'stdout'))
  assert.ok(blocks * 512 < 5e6, `${blocks * 512} bytes of ${size} are still on disk`)
  await write('after\n')
  await follower.drain()
  await follower[Symbol.asyncDispose]()
  assert.equal(await read('tailLines=1'), 'after\n')
})

test('of what is written faster than it is read, no more than rotation leaves is kept, and a line says so', async () => {
  const line = `${'x'.repeat(99)}\n`
  await write(line.repeat(2_000) + 'last\n')
  await copyAll()
  const text = await read('')
  assert.match(text, /^\[sampan: 170005 bytes of output are missing here: [^\]]+\]\n/)
  assert.ok(text.endsWith('x\nlast\n'))
})

test('segments rotate by age, also when the agent was restarted meanwhile', async () => {
  let now = Date.parse('2026-01-01T00:00:00Z')
  const clock = { ...realClock, now: () => new Date(now) }
  options = { ...options, clock, limits: { ...options.limits, segmentMsMax: 1_000 } }
  for (const text of ['1\n', '2\n', '3\n']) {
    await write(text)
    await copyAll()
    now += 600
  }
  const segments = await listSegments(options.logDir, 1)
  assert.equal(segments.length, 2)
  assert.equal(await read(''), '1\n2\n3\n')
})

test('streams apart', async () => {
  await write('out\n')
  await write('err\n', 'stderr')
  await copyAll()
  assert.equal(await read('stream=Stdout'), 'out\n')
  assert.equal(await read('stream=Stderr'), 'err\n')
  assert.equal(await read('stream=All'), 'out\nerr\n')
})

test('a raw file that was truncated as the agent died is read from its start', async () => {
  await write('1\n2\n')
  await copyAll()
  await truncate(join(options.rawDir, 'stdout'), 0)
  await write('3\n')
  await copyAll()
  assert.equal(await read(''), '1\n2\n3\n')
})

test('a tail is the lines asked for, not what is written while it is read', async () => {
  const long = 'x'.repeat(40_000)
  options = { ...options, limits: { segmentBytesMax: 1e6, segmentsMax: 3, segmentMsMax: 1e9 } }
  await write(`1\n${long}\n`)
  await copyAll()
  const segment = segmentPath(options.logDir, 1, 0)
  const text = await readFile(segment, 'utf8')
  // The start of the tail is known when a reader first asks to hear of changes.
  const growing: LogSource = { ...still(), onChange: () => (appendFileSync(segment, text), () => {}) }
  assert.equal(await read('tailLines=1', growing), `${long}\n`)
  assert.equal(await read('tailLines=2', growing), `1\n${long}\n`)
})

test('tail, limit and since', async () => {
  await write('1\n2\n3\n')
  await copyAll()
  assert.equal(await read('tailLines=2'), '2\n3\n')
  assert.equal(await read('tailLines=0'), '')
  assert.equal(await read('tailLines=99'), '1\n2\n3\n')
  assert.equal(await read('limitBytes=3'), '1\n2')
  assert.equal(await read('sinceSeconds=60'), '1\n2\n3\n')
  assert.equal(await read('sinceSeconds=60', still(), new Date(realClock.now().getTime() + 120_000)), '')
  assert.match(await read('timestamps=true&tailLines=1'), /^\d{4}-\d\d-\d\dT\S+Z 3\n$/)
  assert.equal(
    await tailOutput({ logDir: options.logDir, attempt: 1 }, { linesMax: 2, bytesMax: 100 }),
    '2\n3\n',
  )
  assert.equal(
    await tailOutput({ logDir: options.logDir, attempt: 1 }, { linesMax: 2, bytesMax: 3 }),
    '\n3\n',
  )
})

test('tail reaches over segments', async () => {
  const follower = await openLogFollower({
    ...options,
    limits: { segmentBytesMax: 200, segmentsMax: 5, segmentMsMax: 1e9 },
  })
  for (let n = 0; n < 12; n++) {
    await write(`line ${n}\n`)
    await follower.drain()
  }
  await follower[Symbol.asyncDispose]()
  assert.ok((await listSegments(options.logDir, 1)).length > 2)
  assert.equal(await read('tailLines=7'), Array.from({ length: 7 }, (_, n) => `line ${n + 5}\n`).join(''))
})

test(
  'following shows lines as they come, over a rotation, and ends with the attempt',
  { timeout: 20_000 },
  async () => {
    const follower = await openLogFollower({
      ...options,
      limits: { segmentBytesMax: 150, segmentsMax: 100, segmentMsMax: 1e9 },
    })
    let isEnded = false
    const listeners = new Set<() => void>()
    const tell = () => listeners.forEach((listener) => listener())
    follower.onGrowth(tell)
    const source: LogSource = {
      ...still(),
      isEnded: () => isEnded,
      onChange: (fn) => (listeners.add(fn), () => listeners.delete(fn)),
    }
    const { options: asked } = parseLogOptions(new URLSearchParams('follow=true'))
    const log = readLog(source, { options: asked, now: new Date(), signal: new AbortController().signal })
    let seen = ''
    for (let n = 0; n < 20; n++) {
      await write(`line ${n}\n`)
      while (!seen.includes(`line ${n}\n`)) {
        const { value, done } = await log.next()
        assert.ok(!done)
        seen += value.toString()
      }
    }
    await write('last')
    await follower.drain({ isEnd: true })
    isEnded = true
    tell()
    for await (const chunk of log) seen += chunk.toString()
    assert.ok(seen.endsWith('line 19\nlast\n'))
    await follower[Symbol.asyncDispose]()
  },
)

test('what a full disk took half of is written whole when there is room again', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('mounting a small disk needs root')
  await mkdir(options.logDir)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', options.logDir])
  if (mounted.status !== 0) return t.skip(`no small disk can be mounted here: ${String(mounted.stderr)}`)
  try {
    const filler = join(options.logDir, 'filler')
    await writeFile(filler, Buffer.alloc(236 * 1024))
    let fullCount = 0
    options = {
      ...options,
      limits: { ...options.limits, segmentBytesMax: 1e6 },
      onDiskFull: () => void fullCount++,
    }
    const lines = Array.from({ length: 800 }, (_, index) => `line ${index} ${'x'.repeat(20)}\n`).join('')
    await write(lines)
    await using follower = await openLogFollower(options)
    await follower.drain({ isEnd: true })
    assert.ok(fullCount > 0)
    await rm(filler)
    await follower.drain({ isEnd: true })
    assert.equal(await read(''), lines)
  } finally {
    spawnSync('umount', ['-l', options.logDir])
  }
})
