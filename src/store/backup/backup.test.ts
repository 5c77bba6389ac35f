import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { realClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import { bytes, text, thrown } from '../conformance/suite.ts'
import { openStore } from '../open.ts'
import { isStoreError, type Store } from '../store.ts'
import { BackupError, decodeBackup, encodeBackup, type BackupEntry } from './backup-format.ts'
import { restore } from './restore.ts'
import { takeSnapshot } from './snapshot.ts'

const folder = mkdtempSync(join(tmpdir(), 'sampan-backup-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const openers: Readonly<Record<string, () => Promise<Store>>> = {
  memory: () => openStore('memory:', { clock: realClock, logger: silentLogger }),
  sqlite: () =>
    openStore(`sqlite:${join(folder, `${++count}.db`)}`, { clock: realClock, logger: silentLogger }),
}
const noTtl = { ttlMsOf: () => undefined }

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function backupOf(store: Store): Promise<Buffer> {
  const { header, entries } = await takeSnapshot(store, realClock)
  return collect(encodeBackup(header, entries))
}

async function* streamOf(content: Uint8Array, step = 1_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += step) yield content.subarray(at, at + step)
}

async function readAll(content: Uint8Array, step?: number): Promise<BackupEntry[]> {
  const { entries } = await decodeBackup(streamOf(content, step))
  const found: BackupEntry[] = []
  for await (const entry of entries) found.push(entry)
  return found
}

async function fill(store: Store, entries: number): Promise<void> {
  const create = (i: number) => store.create(`/key/${i}`, bytes(`value ${i} `.repeat(1 + (i % 50))))
  for (let i = 0; i < entries; i += 100)
    await Promise.all(Array.from({ length: Math.min(100, entries - i) }, (_, j) => create(i + j)))
}

const contentOf = async (store: Store): Promise<Map<string, string | undefined>> =>
  new Map((await store.list({ prefix: '' })).entries.map(({ key, value }) => [key, text(value)]))

for (const from of Object.keys(openers)) {
  for (const to of Object.keys(openers)) {
    test(`10,000 entries go from ${from} to ${to} and are byte for byte the same`, async () => {
      await using source = await (openers[from] as () => Promise<Store>)()
      await using target = await (openers[to] as () => Promise<Store>)()
      await fill(source, 10_000)
      const { header, entries } = await decodeBackup(streamOf(await backupOf(source), 65_536))
      assert.equal(header.revision, 10_000)
      const restored = await restore(target, { header, entries }, noTtl)
      assert.equal(restored.entries, 10_000)
      assert.deepEqual(await contentOf(target), await contentOf(source))
    })
  }
}

test('a backup taken under load is the state at one revision', async () => {
  await using store = await (openers['sqlite'] as () => Promise<Store>)()
  await fill(store, 2_000)
  const stop = new AbortController()
  const writer = async (name: number) => {
    for (let i = 0; !stop.signal.aborted; i++) await store.create(`/load/${name}/${i}`, bytes(`${i}`))
  }
  const writing = Promise.all(Array.from({ length: 8 }, (_, i) => writer(i)))
  const content = await backupOf(store)
  stop.abort()
  await writing
  const { header, entries } = await decodeBackup(streamOf(content))
  await using target = await (openers['memory'] as () => Promise<Store>)()
  await restore(target, { header, entries }, noTtl)
  const expected = (await store.list({ prefix: '' }, { at: header.revision })).entries
  assert.deepEqual(await contentOf(target), new Map(expected.map(({ key, value }) => [key, text(value)])))
  assert((await store.current()) > header.revision, 'writes went on meanwhile')
})

for (const kind of Object.keys(openers)) {
  test(`${kind}: whoever watched the old store at any of its revisions is told to list again`, async () => {
    await using source = await (openers['memory'] as () => Promise<Store>)()
    await fill(source, 50)
    const content = await backupOf(source)
    await source.create('/after-the-backup', bytes('x'))
    const last = await source.current()
    await using target = await (openers[kind] as () => Promise<Store>)()
    const opened = await decodeBackup(streamOf(content))
    const { revision } = await restore(target, opened, noTtl)
    assert(revision > last)
    for (const seen of [1, 50, last]) {
      const watching = target.watch({ prefix: '' }, seen, AbortSignal.timeout(5_000))
      await thrown('compacted', async () => {
        for await (const _ of watching); // the first step throws
      })
    }
    const next = await target.create('/new', bytes('x'))
    assert(next > revision)
    const kept = target.watch({ prefix: '' }, revision, AbortSignal.timeout(5_000))
    for await (const batch of kept) {
      if (batch.events.length === 0) continue
      assert.equal(batch.events[0]?.key, '/new')
      break
    }
  })

  test(`${kind}: what lives for a while lives for a while again`, async () => {
    await using target = await (openers[kind] as () => Promise<Store>)()
    const entries = (async function* () {
      yield { key: '/events/a', value: bytes('x') }
      yield { key: '/other/b', value: bytes('x') }
    })()
    const header = { format: 1, createdAt: '', revision: 5, version: '' } as const
    const ttlMsOf = (key: string) => (key.startsWith('/events/') ? 1 : undefined)
    await restore(target, { header, entries }, { ttlMsOf })
    const { revision } = await target.get('/other/b')
    for await (const { events } of target.watch({ prefix: '' }, revision, AbortSignal.timeout(20_000))) {
      if (events.some(({ type, key }) => type === 'delete' && key === '/events/a')) break
    }
    assert.deepEqual([...(await contentOf(target)).keys()], ['/other/b'])
  })
}

test('a store that holds something is refused, and replaced with --force', async () => {
  await using source = await (openers['memory'] as () => Promise<Store>)()
  await fill(source, 10)
  const content = await backupOf(source)
  for (const kind of Object.keys(openers)) {
    await using target = await (openers[kind] as () => Promise<Store>)()
    await target.create('/mine', bytes('x'))
    await assert.rejects(
      async () => restore(target, await decodeBackup(streamOf(content)), noTtl),
      /not empty: .*--force/,
    )
    assert.deepEqual([...(await contentOf(target)).keys()], ['/mine'])
    await restore(target, await decodeBackup(streamOf(content)), { ...noTtl, isForced: true })
    assert.deepEqual(await contentOf(target), await contentOf(source))
  }
})

test('a backup that was cut or changed anywhere is refused, or the change means nothing; refused, it leaves an empty store', async (t) => {
  await using source = await (openers['memory'] as () => Promise<Store>)()
  await fill(source, 300)
  const content = await backupOf(source)
  const entries = await readAll(content)
  const random = seededRandom(7)
  /** zstd has bits, of the size of its window for one, that may change and what it unpacks is the same. */
  let meaningless = 0
  for (let i = 0; i < 300; i++) {
    const at = Math.floor(random.float() * content.length)
    const bad = Buffer.from(i % 3 === 0 ? content.subarray(0, at) : content)
    if (i % 3 !== 0) bad[at] = (bad[at] ?? 0) ^ (1 << Math.floor(random.float() * 8))
    const what = `${i % 3 === 0 ? 'cut' : 'flipped'} at ${at} of ${content.length}`
    const read = await readAll(bad).catch((error: unknown) => error)
    if (Array.isArray(read) && i % 3 !== 0) {
      assert.deepEqual(read, entries, what)
      meaningless++
    } else assert(read instanceof BackupError, what)
  }
  assert(meaningless < 10, `${meaningless} of 200 flips were not found`)
  for (let fromEnd = 1; fromEnd <= 16; fromEnd++) {
    const bad = Buffer.from(content)
    bad[content.length - fromEnd] = (bad[content.length - fromEnd] ?? 0) ^ 1
    for (const step of [1, content.length])
      await assert.rejects(readAll(bad, step), BackupError, `flipped ${fromEnd} from the end, step ${step}`)
  }
  t.diagnostic(`300 changes of ${content.length} bytes`)
  await using target = await (openers['memory'] as () => Promise<Store>)()
  const cut = await decodeBackup(streamOf(content.subarray(0, content.length - 3)))
  await assert.rejects(restore(target, cut, noTtl), BackupError)
  assert.equal((await contentOf(target)).size, 0)
})

test('a restore that breaks off and cannot clear up says so, and why it broke off', async () => {
  await using source = await (openers['memory'] as () => Promise<Store>)()
  await fill(source, 300)
  const content = await backupOf(source)
  const target = await (openers['memory'] as () => Promise<Store>)()
  const onProgress = (what: string, done: number) => {
    if (what === 'entries restored' && done === 100) void target[Symbol.asyncDispose]()
  }
  await assert.rejects(
    restore(target, await decodeBackup(streamOf(content)), { ...noTtl, onProgress }),
    (error) => error instanceof BackupError && /closed.*part of the backup.*--force/.test(error.message),
  )
})

test('what comes in odd pieces is read all the same', async () => {
  await using source = await (openers['memory'] as () => Promise<Store>)()
  await fill(source, 40)
  const content = await backupOf(source)
  for (const step of [1, 7, content.length]) assert.equal((await readAll(content, step)).length, 40)
})

test('an empty store has a backup too', async () => {
  await using source = await (openers['memory'] as () => Promise<Store>)()
  assert.deepEqual(await readAll(await backupOf(source)), [])
})

test('what the store refuses while it is read ends the backup without its trailer', async () => {
  await using source = await (openers['memory'] as () => Promise<Store>)()
  await fill(source, 2_000)
  const { header, entries } = await takeSnapshot(source, realClock)
  await source.create('/x', bytes('x'))
  await source.compact(await source.current())
  await assert.rejects(collect(encodeBackup(header, entries)), (error) => isStoreError(error, 'compacted'))
})
