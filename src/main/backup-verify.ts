import { isEqual } from '../api/equal.ts'
import type { KubeObject } from '../api/meta.ts'
import { resources } from '../api/table.ts'
import { registryPrefix } from '../apiserver/keys.ts'
import { isSealed } from '../apiserver/sealing/envelope.ts'
import { fileKeys, type KeyProvider } from '../apiserver/sealing/keyring.ts'
import { openSealedStore } from '../apiserver/sealing/sealed-store.ts'
import { openApiServer, type ApiServer } from '../apiserver/server.ts'
import { mastersGroup, staticAuthenticator } from '../apiserver/stages/authenticate.ts'
import { realClock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import { silentLogger } from '../base/logger.ts'
import { sampanVersion } from '../base/version.ts'
import {
  BackupError,
  decodeBackup,
  type BackupEntry,
  type BackupHeader,
} from '../store/backup/backup-format.ts'
import { restore } from '../store/backup/restore.ts'
import { openMemoryStore } from '../store/memory/memory-store.ts'
import type { Store } from '../store/store.ts'
import { textOf } from './admin-call.ts'
import { explained } from './backup.ts'
import { definitionsIn, inBatches, neededDefinitions } from './backup-batches.ts'
import { openBackupFile } from './open-backup-place.ts'
import { proofOf } from './backup-schedule.ts'
import type { DataDir } from './data-dir.ts'
import { counted, createProgress } from './progress.ts'

/** What `sampan backup verify` writes beside the backup. */
export interface Proof {
  readonly backup: string
  readonly createdAt: string
  readonly revision: number
  /** Objects that a control plane over the restored store served as they were backed up. */
  readonly objects: number
  /** Entries that are no object: compared as bytes. */
  readonly others: number
  /** Secrets whose key was not at hand: compared as bytes. */
  readonly sealed: number
  readonly provedAt: string
  readonly version: string
}

/**
 * `sampan backup verify FILE`: restores it, a batch at a time, into control planes in memory, reads everything back through their
 * API and compares it. The backup is read twice: first whether it is whole, and what it defines. Throws `CommandError` naming
 * the first difference.
 */
export async function verifyBackup(address: string, dir: DataDir, print: (line: string) => void) {
  const { place, name } = await openBackupFile(address, { clock: realClock, env: process.env })
  const counts = await explained(place.describe(name), async () => {
    using progress = createProgress(process.stderr, realClock)
    const first = await decodeBackup(place.get(name))
    const onRead = (done: number) => progress.note('entries read', done, first.header.entries)
    const definitions = await definitionsIn(counted(first.entries, onRead))
    const { header, entries } = await decodeBackup(place.get(name))
    const found = { objects: 0, others: 0, sealed: 0 }
    for await (const batch of inBatches(entries)) {
      await proveBatch(header, { batch, definitions: neededDefinitions(batch, definitions) }, dir, (what) => {
        found[what]++
        progress.note('entries compared', found.objects + found.others + found.sealed, header.entries)
      })
    }
    const provedAt = realClock.now().toISOString()
    const { createdAt, revision } = header
    const proof: Proof = { backup: name, createdAt, revision, ...found, provedAt, version: sampanVersion }
    await place.put(proofOf(name), each([Buffer.from(`${JSON.stringify(proof, null, 2)}\n`)]))
    return found
  })
  print(`${place.describe(name)}: ${counts.objects} objects came back as they were backed up`)
  if (counts.others > 0) print(`${counts.others} other entries are the same bytes`)
  if (counts.sealed > 0)
    print(
      `${counts.sealed} Secrets are encrypted with keys that ${dir.root} does not have: they are the same bytes, and were not read`,
    )
}

/** Nothing may expire between being restored and being compared. */
const undying = (): undefined => undefined

type Counts = Pick<Proof, 'objects' | 'others' | 'sealed'>

interface Restorable {
  readonly batch: readonly BackupEntry[]
  readonly definitions: readonly BackupEntry[]
}

async function proveBatch(
  header: BackupHeader,
  { batch, definitions }: Restorable,
  dir: DataDir,
  onProved: (what: keyof Counts) => void,
): Promise<void> {
  await using store = await openMemoryStore({ clock: realClock, logger: silentLogger })
  await restore(store, { header, entries: each([...definitions, ...batch]) }, { ttlMsOf: undying })
  const provider = readOnly(fileKeys(dir.pki))
  const sealed = await openSealedStore({
    store,
    prefixes: [],
    provider,
    clock: realClock,
    random: realRandom,
  })
  // One object that can't be opened makes listing its kind impossible: each is asked for by its name.
  const server = await openApiServer({
    store: sealed,
    resources,
    authenticate: staticAuthenticator([]),
    clock: realClock,
    random: realRandom,
    logger: silentLogger,
  })
  try {
    for (const { key, value } of batch) onProved(await compareOne({ server, store, sealed }, key, value))
  } finally {
    await server[Symbol.asyncDispose]()
  }
}

interface Restored {
  readonly server: ApiServer
  readonly store: Store
  readonly sealed: Store
}

async function compareOne(
  { server, store, sealed }: Restored,
  key: string,
  value: Uint8Array,
): Promise<keyof Counts> {
  const { entry } = await store.get(key)
  if (!entry || !Buffer.from(entry.value).equals(value))
    throw new BackupError(`"${key}" does not come back the same`)
  if (!key.startsWith(registryPrefix)) return 'others'
  let plain = value
  if (isSealed(value)) {
    const opened = await sealed.get(key).catch(() => undefined) // its key is not at hand: said at the end
    if (!opened?.entry) return 'sealed'
    plain = opened.entry.value
  }
  const object = JSON.parse(Buffer.from(plain).toString('utf8')) as KubeObject
  const path = pathOf(object, key)
  const response = await server.handle({ method: 'GET', path, headers: {}, user: verifier })
  const text = await textOf(response.body)
  if (response.status !== 200) throw new BackupError(`"${key}" is not served after a restore: ${text}`)
  const served = JSON.parse(text) as KubeObject
  const { resourceVersion: _, ...metadata } = served.metadata
  if (!isEqual({ ...served, metadata }, object))
    throw new BackupError(`"${key}" is served differently after a restore`)
  return 'objects'
}

const verifier = { name: 'system:sampan-backup', groups: [mastersGroup] }

/** The path of an object: the store's key has its resource, the object its version. */
function pathOf({ apiVersion, metadata }: KubeObject, key: string): string {
  const [, plural = ''] = key.slice(registryPrefix.length).split('/')
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const { namespace, name = '' } = metadata
  const isOwnNamespace = namespace === undefined || namespace === ''
  const scope = isOwnNamespace ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${root}${scope}/${plural}/${encodeURIComponent(name)}`
}

/** A verification leaves nothing behind: a first key is for its own use. */
const readOnly = (provider: KeyProvider): KeyProvider => ({
  load: () => provider.load(),
  save: async () => {},
})

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}
