/** A backup in parts that fit into memory, each of which a control plane can serve by itself. */
import { resources } from '../api/table.ts'
import { prefixOfKey, registryPrefix, resourcePrefix } from '../apiserver/keys.ts'
import { BackupError, type BackupEntry } from '../store/backup/backup-format.ts'
import { compareKeys } from '../store/keys.ts'

/** Restored and served, an entry takes its size some five times; and each of the small ones a few KiB. */
const batchBytesMax = 8 * 1024 * 1024
const batchEntriesMax = 5_000

/** In their order. Throws `BackupError` where they are in none: then one might be there twice. */
export async function* inBatches(
  entries: AsyncIterable<BackupEntry>,
): AsyncGenerator<readonly BackupEntry[]> {
  let batch: BackupEntry[] = []
  let sizeBytes = 0
  let last = ''
  for await (const entry of entries) {
    if (compareKeys(entry.key, last) <= 0)
      throw new BackupError(`"${entry.key}" comes after "${last}": its entries are not in order`)
    last = entry.key
    batch.push(entry)
    sizeBytes += entry.value.length
    if (sizeBytes < batchBytesMax && batch.length < batchEntriesMax) continue
    yield batch
    batch = []
    sizeBytes = 0
  }
  if (batch.length > 0) yield batch
}

/** CustomResourceDefinitions by their names. */
export type Definitions = ReadonlyMap<string, BackupEntry>

/** All of them: a server has them in its memory, too. Reads to the end, which throws `BackupError` for what is no whole backup. */
export async function definitionsIn(entries: AsyncIterable<BackupEntry>): Promise<Definitions> {
  const def = resources.find(({ plural }) => plural === 'customresourcedefinitions')
  const prefix = def && resourcePrefix(def)
  const found = new Map<string, BackupEntry>()
  for await (const entry of entries)
    if (prefix !== undefined && entry.key.startsWith(prefix))
      // A copy: it would keep the whole chunk that it was read with.
      found.set(entry.key.slice(prefix.length), { key: entry.key, value: new Uint8Array(entry.value) })
  return found
}

/** The definitions that a control plane needs to serve a batch, without those that are in it. */
export function neededDefinitions(batch: readonly BackupEntry[], definitions: Definitions): BackupEntry[] {
  const present = new Set(batch.map(({ key }) => key))
  const names = new Set(batch.map(({ key }) => definitionNameOf(key)))
  return [...names]
    .map((name) => definitions.get(name))
    .filter((entry) => entry !== undefined)
    .filter(({ key }) => !present.has(key))
}

/** The name that the definition of an object has, if it has one: `PLURAL.GROUP`. */
function definitionNameOf(key: string): string {
  const [group = '', plural = ''] = prefixOfKey(key).slice(registryPrefix.length).split('/')
  return `${plural}.${group}`
}
