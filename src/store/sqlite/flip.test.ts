import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'

import { realClock } from '../../base/clock.ts'
import { seededRandom, type Random } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import { bytes, text } from '../conformance/suite.ts'
import { isStoreError, type Revision, type Store, type StoreEvent } from '../store.ts'
import { closeEngine, openEngine, type Engine } from './engine.ts'
import { get, list, replay } from './read.ts'
import { translateSqliteError } from './sqlite-errors.ts'
import { openSqliteStore } from './sqlite-store.ts'
import { testSeed } from '../../base/test-seed.ts'

/** Of each kind; each is a store opened and read whole. */
const flips = Number(process.env['SAMPAN_TEST_FLIPS'] ?? 250)
const folder = mkdtempSync(join(tmpdir(), 'sampan-flip-'))
after(() => rmSync(folder, { recursive: true }))
const open = (file: string) => openSqliteStore(file, { clock: realClock, logger: silentLogger })

interface Sample {
  /** The files as they were while the store was open: `''` is the database itself. */
  readonly files: ReadonlyMap<string, Buffer>
  readonly facts: Facts
}

/** What was acknowledged. */
interface Facts {
  readonly revision: Revision
  readonly present: string
  readonly middle: Revision
  readonly presentThen: string
  readonly events: string
}

test(`a flipped bit in the database is named, or harmless (${flips} flips)`, async (t) => {
  const { sample } = await sampleOf('closed', 'closed')
  const outcomes = flipMany(t, sample, '')
  assert((outcomes.get('corrupt') ?? 0) > 0 && (outcomes.get('intact') ?? 0) > 0)
})

test(`a flipped bit in the log is named, or harmless (${flips} flips)`, async (t) => {
  const { sample } = await sampleOf('open', 'open')
  const outcomes = flipMany(t, sample, '-wal')
  assert((outcomes.get('corrupt') ?? 0) > flips * 0.9, 'nearly every byte of a log counts')
})

test('a flipped bit in the database beneath a log is named, or harmless', async (t) => {
  const { sample } = await sampleOf('both', 'open')
  flipMany(t, sample, '')
})

test('a flipped bit in the head claims nothing', async (t) => {
  const { sample } = await sampleOf('head', 'open')
  const random = seededRandom(1)
  for (let i = 0; i < 20; i++) assert.equal(outcomeOf(flipped(sample, '-head', random)), 'intact')
  t.diagnostic('20 flips')
})

test("without the head, every flip before the log's last transaction is named", async () => {
  const { sample } = await sampleOf('headless', 'open')
  const files = new Map(sample.files)
  files.delete('-head')
  const frames = Math.floor(((files.get('-wal')?.length ?? 0) - 32) / 4_120)
  for (let frame = 0; frame < frames - 12; frame += 7) {
    const at = 32 + frame * 4_120 + 100
    const damaged = { ...sample, files: new Map(files) }
    const wal = Buffer.from(files.get('-wal') ?? '')
    wal[at] = (wal[at] ?? 0) ^ 4
    damaged.files.set('-wal', wal)
    assert.equal(outcomeOf(damaged), 'corrupt', `frame ${frame} of ${frames}`)
  }
})

test('a log cut between two frames is an earlier crash: the store opens as it was then', async () => {
  const { sample, history } = await sampleOf('cut', 'open')
  const wal = sample.files.get('-wal') ?? Buffer.alloc(0)
  const frames = Math.floor((wal.length - 32) / 4_120)
  const seen = new Set<Revision>()
  for (let kept = 0; kept <= frames; kept += 5) {
    const file = place({
      ...sample,
      files: new Map(sample.files).set('-wal', wal.subarray(0, 32 + kept * 4_120)),
    })
    const [revision, present] = opened(file, (engine) => [
      engine.state.revision,
      presentOf(engine, engine.state.revision),
    ])
    seen.add(revision)
    assert.equal(present, history.get(revision), `at revision ${revision}`)
  }
  assert(seen.size > 10)
})

test('a write torn in its last frame is named while the head knows of it', async () => {
  const { sample } = await sampleOf('torn', 'open')
  const wal = sample.files.get('-wal') ?? Buffer.alloc(0)
  for (const missing of [1, 2_000, 4_119]) {
    const files = new Map(sample.files).set('-wal', wal.subarray(0, wal.length - missing))
    assert.equal(outcomeOf({ ...sample, files }), 'corrupt')
  }
})

let count = 0

/** Files and facts of a store with entries of all sizes; `history` is what was present at each revision. */
async function sampleOf(
  name: string,
  state: 'open' | 'closed',
): Promise<{ sample: Sample; history: ReadonlyMap<Revision, string> }> {
  const file = join(folder, `${name}.db`)
  if (name === 'both') await (await fill(file, 'first'))[Symbol.asyncDispose]()
  const store = await fill(file, name)
  if (state === 'closed') await store[Symbol.asyncDispose]()
  const files = new Map<string, Buffer>()
  for (const suffix of ['', '-wal', '-head'])
    if (existsSync(file + suffix)) files.set(suffix, readFileSync(file + suffix))
  if (state === 'open') await store[Symbol.asyncDispose]()
  const history = new Map<Revision, string>()
  const facts = opened(file, (engine) => {
    for (let at = 0; at <= engine.state.revision; at++) history.set(at, presentOf(engine, at))
    return factsOf(engine, Math.floor(engine.state.revision / 2))
  })
  return { sample: { files, facts }, history }
}

async function fill(file: string, name: string): Promise<Store> {
  const store = await open(file)
  for (let i = 0; i < 60; i++) {
    const ttl = i % 6 === 0 ? { ttlMs: 10 ** 9 + i } : {}
    await store.create(`/${name}/${i}`, bytes(`${name} ${i} `.repeat(i % 9 === 0 ? 900 : 5)), ttl)
  }
  for (let i = 0; i < 60; i += 4) {
    const { entry } = await store.get(`/${name}/${i}`)
    await store.update(`/${name}/${i}`, bytes(`again ${i}`), entry?.revision ?? 0)
  }
  for (let i = 1; i < 60; i += 10) await store.delete(`/${name}/${i}`)
  return store
}

function factsOf(engine: Engine, middle: Revision): Facts {
  const { revision } = engine.state
  const events: StoreEvent[] = []
  for (let from = 0; from < revision;) {
    const chunk = replay(engine, { prefix: '' }, from, revision)
    events.push(...chunk.events)
    from = chunk.revision
  }
  return {
    revision,
    present: presentOf(engine, revision),
    middle,
    presentThen: presentOf(engine, middle),
    events: JSON.stringify(events.map((event) => [event.type, event.key, text(event.value), event.revision])),
  }
}

function presentOf(engine: Engine, at: Revision): string {
  const found: (readonly [string, string, Revision, Revision])[] = []
  for (let after: string | undefined; ;) {
    const { entries, more } = list(engine, { prefix: '', after, at, limit: Infinity, isCounted: false })
    for (const { key, value, revision, createRevision } of entries) {
      found.push([key, text(value) ?? '', revision, createRevision])
      after = key
    }
    if (!more) break
  }
  for (const [key, , revision] of found) {
    assert.equal(get(engine, key, at).entry?.revision, revision)
  }
  return JSON.stringify(found)
}

/** What `read` makes of the database; throws StoreErrors as a store would. */
function opened<T>(file: string, read: (engine: Engine) => T): T {
  try {
    const engine = openEngine({ file, fileBytesMax: undefined }, realClock)
    try {
      return read(engine)
    } finally {
      closeEngine(engine)
    }
  } catch (error) {
    throw translateSqliteError(error, file) ?? error
  }
}

function flipMany(t: TestContext, sample: Sample, suffix: string): Map<string, number> {
  const random = seededRandom(testSeed)
  const outcomes = new Map<string, number>()
  const outcomeAt = (i: number) => {
    try {
      return outcomeOf(flipped(sample, suffix, random))
    } catch (error) {
      throw new Error(`SEED=${testSeed}, flip ${i}`, { cause: error })
    }
  }
  for (let i = 0; i < flips; i++) {
    const outcome = outcomeAt(i)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  t.diagnostic(`SEED=${testSeed}: ${[...outcomes].map(([outcome, n]) => `${outcome} ${n}`).join(', ')}`)
  return outcomes
}

function flipped(sample: Sample, suffix: string, random: Random): Sample {
  const content = Buffer.from(sample.files.get(suffix) ?? '')
  const at = Math.floor(random.float() * content.length)
  content[at] = (content[at] ?? 0) ^ (1 << Math.floor(random.float() * 8))
  return { ...sample, files: new Map(sample.files).set(suffix, content) }
}

function place({ files }: Sample): string {
  const file = join(folder, `copy-${++count}.db`)
  for (const [suffix, content] of files) writeFileSync(file + suffix, content)
  return file
}

/** 'corrupt', with the file and the next step named, or 'intact': everything acknowledged is served as it was. */
function outcomeOf(sample: Sample): 'corrupt' | 'newer' | 'intact' {
  const file = place(sample)
  try {
    assert.deepEqual(
      opened(file, (engine) => factsOf(engine, sample.facts.middle)),
      sample.facts,
    )
    return 'intact'
  } catch (error) {
    if (!isStoreError(error, 'corrupt') && !isStoreError(error, 'newer')) throw error
    assert(error.message.includes(file) && /restore a backup/.test(error.message), error.message)
    return error.code === 'newer' ? 'newer' : 'corrupt'
  } finally {
    for (const suffix of ['', '-wal', '-head', '-shm']) rmSync(file + suffix, { force: true })
  }
}
