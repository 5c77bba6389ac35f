/** The keys that objects are sealed with, and where they are kept. */
import { createSecretKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../../base/ids.ts'
import { isStoreError, type Store } from '../../store/store.ts'
import { writeSynced } from '../../base/write-synced.ts'
import type { SealingKey } from './envelope.ts'
import { openByToken, sealByToken } from './token-seal.ts'

/**
 * Where the keys come from: a file, the store itself, or a key management service that unwraps them. The first key seals,
 * all of them open.
 */
export interface KeyProvider {
  /** Empty when none was ever saved. */
  load(): Promise<readonly SealingKey[]>
  /** Durable when it resolves; throws when somebody else has saved since the last `load`. */
  save(keys: readonly SealingKey[]): Promise<void>
  /** Whether somebody else has saved since the last `load` or `save`; absent where nobody else can. */
  isStale?(): Promise<boolean>
  /** Whether what `load` found last is yet to be saved where it belongs. */
  isMissing?(): boolean
}

/** One line for each key, the newest first: its id and 32 bytes in base64. Lines that begin with # say what the file is. */
export const formatKeys = (keys: readonly SealingKey[]): string =>
  [
    '# The keys by which Secrets lie sealed in the store. Without them the Secrets are lost: keep a copy in a safe place.',
    ...keys.map(({ id, key }) => `${id} ${key.export().toString('base64')}`),
    '',
  ].join('\n')

/** Throws when a line is not what `formatKeys` writes; names `origin`, never the line. */
export function parseKeys(text: string, origin: string): readonly SealingKey[] {
  return text
    .split('\n')
    .map((line, i) => ({ line: line.trim(), number: i + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, number }) => {
      const [id = '', encoded = ''] = line.split(/\s+/)
      const bytes = Buffer.from(encoded, 'base64')
      if (!/^[!-~]{1,64}$/.test(id) || bytes.length !== 32)
        throw new Error(`line ${number} of ${origin} is no key: restore the file from a backup`)
      return { id, key: createSecretKey(bytes) }
    })
}

export function createSealingKey(random: Random): SealingKey {
  return { id: `k${random.suffix(8)}`, key: createSecretKey(Buffer.from(random.token(32), 'base64url')) }
}

/** `encryption.keys` in the directory of the certificates: for a store that one server has to itself. */
export function fileKeys(directory: string): KeyProvider {
  const path = join(directory, 'encryption.keys')
  return {
    async load() {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return ''
        throw error
      })
      return parseKeys(text, path)
    },
    save: (keys) => writeSynced(path, formatKeys(keys)),
  }
}

export const storedKeysKey = '/sampan/encryption-keys'

export interface StoredKeysOptions {
  readonly store: Store
  /** The server token, by which the keys are sealed. */
  readonly token: () => string
  /** Holds them too, so that they come along when the cluster moves to another store; where the store has none, these count. */
  readonly copy: KeyProvider
  readonly random: Random
}

/** In a store that several servers share. */
export function storedKeys({ store, token, copy, random }: StoredKeysOptions): KeyProvider {
  const associated = storedKeysKey
  let revision = 0
  /** Whether this server's copy has been looked at, and whether it had keys that the store lacks. */
  let isCopyKnown = false
  let hasMore = false
  return {
    isMissing: () => revision === 0 || hasMore,
    async isStale() {
      const { entry } = await store.get(storedKeysKey)
      return (entry?.revision ?? 0) !== revision
    },
    async load() {
      const { entry } = await store.get(storedKeysKey)
      revision = entry?.revision ?? 0
      const copied = await copy.load()
      if (!entry) return copied
      const stored = parseKeys(await openByToken(entry.value, { token: token(), associated }), storedKeysKey)
      // The store may be an older one that the cluster has come back to: a key that is only here must not be lost.
      const more = isCopyKnown ? [] : copied.filter(({ id }) => !stored.some((key) => key.id === id))
      hasMore = more.length > 0
      isCopyKnown ||= !hasMore
      const keys = [...stored, ...more]
      if (formatKeys(copied) !== formatKeys(keys)) await copy.save(keys)
      return keys
    },
    async save(keys) {
      const value = await sealByToken(formatKeys(keys), { token: token(), associated, random })
      revision =
        revision === 0
          ? await store.create(storedKeysKey, value)
          : await store.update(storedKeysKey, value, revision)
      await copy.save(keys)
      isCopyKnown = true
      hasMore = false
    },
  }
}

/** The provider's keys; a first one is made where there are none. */
export async function loadOrCreateKeys(
  provider: KeyProvider,
  random: Random,
): Promise<readonly SealingKey[]> {
  const present = await provider.load()
  try {
    const keys = present.length > 0 ? present : [createSealingKey(random)]
    if (present.length === 0 || provider.isMissing?.()) await provider.save(keys)
    return keys
  } catch (error) {
    // Another server was faster.
    if (isStoreError(error, 'exists') || isStoreError(error, 'conflict')) return provider.load()
    throw error
  }
}
