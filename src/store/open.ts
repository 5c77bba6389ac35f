import type { Clock } from '../base/clock.ts'
import { realRandom } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import { invalidError } from './errors.ts'
import { openMemoryStore } from './memory/memory-store.ts'
import { openSqliteStore } from './sqlite/sqlite-store.ts'
import type { Store, StoreError } from './store.ts'

export interface OpenContext {
  readonly clock: Clock
  readonly logger: Logger
  /**
   * Called once, if the engine no longer has the history that this process has seen: a backup of it was restored, or a failover lost
   * writes. The store refuses everything from then on; only a process that knows nothing of the lost writes can go on.
   */
  readonly onGivenUp?: (error: StoreError) => void
}

/** The drivers of servers are loaded when they are asked for: whoever uses SQLite has no need of them. */
const openPostgres = async (rest: string, context: OpenContext): Promise<Store> => {
  const { openPostgresStore } = await import('./postgres/postgres-store.ts')
  return openPostgresStore(rest, { ...context, random: realRandom })
}

const openEtcd = async (url: { readonly rest: string; readonly isSecure: boolean }, context: OpenContext) => {
  const { parseEtcdUrl } = await import('./etcd/etcd-url.ts')
  const { openEtcdStore } = await import('./etcd/etcd-store.ts')
  return openEtcdStore(parseEtcdUrl(url), { ...context, random: realRandom })
}

/** What may stand before the colon of a store's URL. */
const backends: Readonly<Record<string, (rest: string, context: OpenContext) => Promise<Store>>> = {
  memory: (_rest, context) => openMemoryStore(context),
  sqlite: (path, context) => openSqliteStore(sqlitePath(path), context),
  etcd: (rest, context) => openEtcd({ rest, isSecure: false }, context),
  etcds: (rest, context) => openEtcd({ rest, isSecure: true }, context),
  postgres: openPostgres,
  postgresql: openPostgres,
}

/**
 * Opens the store that `url` names: `memory:`, `sqlite:` and the path of a file, which is created if need be,
 * `postgres://user:password@host:5432/database`, or `etcd://host:2379,host2:2379/prefix` (`etcd/etcd-url.ts` has the rest).
 * Throws `invalid` for another URL, otherwise what the backend throws.
 */
export async function openStore(url: string, context: OpenContext): Promise<Store> {
  const colon = url.indexOf(':')
  const scheme = url.slice(0, Math.max(0, colon))
  const open = Object.hasOwn(backends, scheme) ? backends[scheme] : undefined
  if (!open) {
    throw invalidError(
      `No store is called "${scheme || url}:". The URL begins with one of ${Object.keys(backends).join(':, ')}:, for example sqlite:/var/lib/sampan/store.db.`,
    )
  }
  return open(url.slice(colon + 1), context)
}

/** `sqlite:/a/b.db`, `sqlite:///a/b.db` and `sqlite:b.db` are all understood. */
function sqlitePath(rest: string): string {
  const path = rest.startsWith('//') ? rest.slice(2) : rest
  if (path === '') throw invalidError('The URL "sqlite:" names no file; write sqlite:/path/of/store.db.')
  return path
}
