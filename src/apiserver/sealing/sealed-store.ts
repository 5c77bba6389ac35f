/**
 * A store that seals the values under some prefixes on their way in and opens them on their way out; the API server
 * above it sees plain objects only, whatever engine is below. What was stored before it was sealed is read as it is.
 */
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/ids.ts'
import {
  isStoreError,
  StoreError,
  type Entry,
  type Range,
  type Revision,
  type Store,
  type StoreEvent,
  type WatchBatch,
} from '../../store/store.ts'
import { isSealed, keyIdOf, seal, unseal, type SealingKey } from './envelope.ts'
import { createSealingKey, loadOrCreateKeys, type KeyProvider } from './keyring.ts'

export interface SealedStoreOptions {
  /** Not owned. */
  readonly store: Store
  /** The values under these are sealed. */
  readonly prefixes: readonly string[]
  readonly provider: KeyProvider
  readonly clock: Clock
  readonly random: Random
}

export interface SealedStore extends Store {
  /** Not owned: what is really stored. */
  readonly sealing: Sealing
}

/** What is sealed, and by which key. */
export interface Sealing {
  /** Seals all new values with a new key from now on; `reseal` brings the others along. The keys before it are kept: see `keysMax`. */
  rotate(): Promise<void>
  /** Seals whatever lies there plain or under an older key. The objects keep their content and get new revisions. */
  reseal(signal: AbortSignal): Promise<{ readonly resealed: number }>
  status(): Promise<SealingStatus>
}

export interface SealingStatus {
  /** The newest first: it seals. */
  readonly keys: readonly { readonly id: string; readonly objects: number }[]
  /** Objects under the prefixes that lie there plain. */
  readonly plain: number
  /** Objects whose key is not there. */
  readonly lost: number
}

/** Another server may have made a new key; asking for it more often would let one lost key load the store. */
const reloadEveryMs = 2_000
const pageMax = 500
/**
 * Keys that are kept, whether or not anything is sealed with them: a server that stalls between its look at the keys and its
 * write seals with the one it saw, however late that write arrives, and no look at what is stored tells of it beforehand. So a key
 * is forgotten by the thousandth rotation after it only (60 KB, years even of daily ones), and then only if nothing is sealed with it.
 */
export const keysMax = 1_000

/** Throws what the provider throws. Makes the first key. */
export async function openSealedStore(options: SealedStoreOptions): Promise<SealedStore> {
  const { store, provider, random, clock } = options
  const keys = new Keys(provider, await loadOrCreateKeys(provider, random), clock)
  const isOurs = (key: string) => options.prefixes.some((prefix) => key.startsWith(prefix))
  const closed = async (key: string, value: Uint8Array) =>
    isOurs(key) ? seal(await keys.newest(), key, value, random) : value
  const open = async (entry: Entry): Promise<Entry> => {
    if (!isSealed(entry.value)) return entry
    try {
      return { ...entry, value: await keys.open(entry.key, entry.value) }
    } catch (cause) {
      if (!isStoreError(cause, 'sealed')) throw cause
      throw new StoreError('sealed', cause.message, { key: entry.key, revision: entry.revision, cause })
    }
  }
  return {
    sealing: createSealing(options, keys),
    capabilities: store.capabilities,
    current: () => store.current(),
    async get(key, readOptions) {
      const { entry, revision } = await store.get(key, readOptions)
      return { entry: entry && (await open(entry)), revision }
    },
    async list(range, listOptions) {
      const page = await store.list(range, listOptions)
      if (!page.entries.some(({ value }) => isSealed(value))) return page
      return { ...page, entries: await Promise.all(page.entries.map(open)) }
    },
    create: async (key, value, writeOptions) => store.create(key, await closed(key, value), writeOptions),
    update: async (key, value, expected, writeOptions) =>
      store.update(key, await closed(key, value), expected, writeOptions),
    async delete(key, expected) {
      const { entry, revision } = await store.delete(key, expected)
      // It is gone, whether or not anybody can read what it was.
      return { revision, entry: { ...entry, value: await keys.openIfPossible(key, entry.value) } }
    },
    watch: (range, from, signal) => openWatch(store, keys, range, from, signal),
    compact: (before) => store.compact(before),
    compacted: () => store.compacted(),
    skipTo: (to, onProgress) => store.skipTo(to, onProgress),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

/** A value that can't be opened is passed on sealed: one of them must not end the watch behind all caches. */
async function* openWatch(
  store: Store,
  keys: Keys,
  range: Range,
  from: Revision,
  signal: AbortSignal,
): AsyncGenerator<WatchBatch> {
  const open = async (event: StoreEvent): Promise<StoreEvent> => {
    const { key, value, previous } = event
    if (!isSealed(value) && !(previous && isSealed(previous))) return event
    return {
      ...event,
      value: await keys.openIfPossible(key, value),
      previous: previous && (await keys.openIfPossible(key, previous)),
    }
  }
  for await (const { events, revision } of store.watch(range, from, signal)) {
    yield { events: await Promise.all(events.map(open)), revision }
  }
}

class Keys {
  readonly #provider: KeyProvider
  readonly #clock: Clock
  #keys: ReadonlyMap<string, SealingKey>
  #primary: SealingKey
  #loadedMs: number
  #loading: Promise<void> | undefined
  #following: Promise<void> | undefined

  constructor(provider: KeyProvider, keys: readonly SealingKey[], clock: Clock) {
    this.#provider = provider
    this.#clock = clock
    this.#keys = new Map()
    this.#primary = { ...keys[0] } as SealingKey
    this.#loadedMs = clock.monotonicMs()
    this.#take(keys)
  }

  get primary(): SealingKey {
    return this.#primary
  }

  get all(): readonly SealingKey[] {
    return [...this.#keys.values()]
  }

  async save(keys: readonly SealingKey[]): Promise<void> {
    await this.#provider.save(keys)
    this.#take(keys)
  }

  async reload(): Promise<void> {
    this.#take(await this.#provider.load())
    this.#loadedMs = this.#clock.monotonicMs()
  }

  /** What to seal with now, as all servers see it: a rotation is for what is written after it, wherever. */
  async newest(): Promise<SealingKey> {
    await this.#follow()
    return this.#primary
  }

  /** Throws `sealed`. */
  async open(storeKey: string, value: Uint8Array): Promise<Uint8Array> {
    const id = keyIdOf(value)
    // Once more, because the first may have been asked before the key was saved.
    for (let turn = 0; turn < 2 && !this.#keys.has(id); turn++) await this.#follow()
    if (!this.#keys.has(id)) await this.#reloadSometimes()
    const key = this.#keys.get(id)
    if (key) return unseal(key, storeKey, value)
    throw new StoreError(
      'sealed',
      `"${storeKey}" is sealed with the key ${id}, which is not among this server's encryption keys. Put that key back (pki/encryption.keys in the data directory) from a backup, and start Sampan again.`,
      { key: storeKey },
    )
  }

  async openIfPossible(storeKey: string, value: Uint8Array): Promise<Uint8Array> {
    if (!isSealed(value)) return value
    try {
      return await this.open(storeKey, value)
    } catch (error) {
      if (error instanceof StoreError) return value // whoever reads the object itself is told
      throw error
    }
  }

  /** Loads what another server has saved. */
  async #follow(): Promise<void> {
    if (!this.#provider.isStale) return
    const follow = async () => {
      if (await this.#provider.isStale?.()) await this.reload()
    }
    this.#following ??= follow().finally(() => (this.#following = undefined))
    return this.#following
  }

  async #reloadSometimes(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#loadedMs < reloadEveryMs) return this.#loading
    this.#loading ??= this.reload().finally(() => (this.#loading = undefined))
    return this.#loading
  }

  #take(keys: readonly SealingKey[]): void {
    this.#keys = new Map(keys.map((key) => [key.id, key]))
    this.#primary = keys[0] ?? this.#primary
  }
}

function createSealing({ store, prefixes, random }: SealedStoreOptions, keys: Keys): Sealing {
  async function* entries(): AsyncGenerator<Entry> {
    for (const prefix of prefixes) {
      for (let after: string | undefined; ;) {
        const page = await store.list({ prefix, ...(after !== undefined && { after }) }, { limit: pageMax })
        yield* page.entries
        after = page.entries.at(-1)?.key
        if (!page.more || after === undefined) break
      }
    }
  }
  const status = async (): Promise<SealingStatus> => {
    const uses = new Map(keys.all.map(({ id }) => [id, 0]))
    let [plain, lost] = [0, 0]
    for await (const { value } of entries()) {
      if (!isSealed(value)) plain++
      else {
        const id = keyIdOf(value)
        const used = uses.get(id)
        if (used === undefined) lost++
        else uses.set(id, used + 1)
      }
    }
    return { keys: [...uses].map(([id, objects]) => ({ id, objects })), plain, lost }
  }
  /** Of the keys before the newest: old revisions that are still kept for watchers are sealed with that. */
  const withoutOldestUnused = async (): Promise<readonly SealingKey[]> => {
    const isUnused = new Set(
      (await status()).keys.slice(1).flatMap(({ id, objects }) => (objects ? [] : [id])),
    )
    const oldest = keys.all.findLast(({ id }) => isUnused.has(id))
    return keys.all.filter((key) => key !== oldest)
  }
  return {
    status,
    async rotate() {
      await keys.reload()
      const kept = keys.all.length < keysMax ? keys.all : await withoutOldestUnused()
      try {
        await keys.save([createSealingKey(random), ...kept])
      } catch (error) {
        // Another server was faster: its key is as new as ours would have been.
        if (!isStoreError(error, 'conflict') && !isStoreError(error, 'exists')) throw error
        await keys.reload()
      }
    },
    async reseal(signal) {
      let resealed = 0
      await keys.newest()
      for await (const { key, value, revision } of entries()) {
        if (signal.aborted) break
        if (isSealed(value) && keyIdOf(value) === keys.primary.id) continue
        const plain = await keys.openIfPossible(key, value)
        if (isSealed(plain)) continue // its key is lost: stays as it is
        try {
          await store.update(key, seal(await keys.newest(), key, plain, random), revision)
          resealed++
        } catch (error) {
          // Written or deleted meanwhile; what is written now is sealed with the newest key.
          const isMoot = error instanceof StoreError && ['conflict', 'missing'].includes(error.code)
          if (!isMoot) throw error
        }
      }
      return { resealed }
    },
  }
}
