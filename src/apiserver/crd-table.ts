/**
 * Every resource that is served now: the built-in ones, and those that the stored CustomResourceDefinitions make. It follows
 * their watch cache, so whoever sees a definition become Established, on whichever server, finds it served there.
 */
import type { CustomResourceDefinition } from '../api/crd/definition.ts'
import { resourceDefsOf } from '../api/crd/resource-defs.ts'
import { isTerminating, type KubeObject } from '../api/meta.ts'
import type { ResourceDef } from '../api/resource.ts'
import { customResourceDefinitions } from '../api/resources/customresourcedefinitions.ts'
import { backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/ids.ts'
import type { Logger } from '../base/logger.ts'
import type { CachedObject } from './cached-object.ts'
import type { WatchCache } from './watch-cache.ts'

/** How long a request for a resource that nobody knows waits for news of it. */
const freshnessTimeoutMs = 3_000
/** Of definitions that could not be listed. */
const reloadBackoff = { baseMs: 100, factor: 2, capMs: 5_000, jitter: 0.5 }

export interface ResourceTableOptions {
  readonly builtin: readonly ResourceDef[]
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Ends with its server. */
  readonly signal: AbortSignal
  /** Called for each resource that is new, is defined anew (`def`) or is gone (`undefined`), after `find` knows of it. */
  readonly onChange: (id: string, def: ResourceDef | undefined) => void
}

export const resourceId = ({
  group,
  version,
  plural,
}: Pick<ResourceDef, 'group' | 'version' | 'plural'>): string => `${group}/${version}/${plural}`

interface Known {
  /** As it was read. */
  readonly object: CachedObject
  /** What the definitions were made of: a change of anything else leaves them as they are. */
  readonly source: string
  readonly defs: readonly ResourceDef[]
}

export class ResourceTable {
  readonly #options: ResourceTableOptions
  readonly #builtin: ReadonlyMap<string, ResourceDef>
  /** By plural, a word of the request as it is: to make an id of it first would cost more than to compare a few. */
  readonly #builtinByPlural: ReadonlyMap<string, readonly ResourceDef[]>
  #custom: ReadonlyMap<string, ResourceDef> = new Map()
  #all: readonly ResourceDef[]
  #known: ReadonlyMap<string, Known> = new Map()
  #cache: WatchCache | undefined
  #isReloading = false

  constructor(options: ResourceTableOptions) {
    this.#options = options
    this.#builtin = new Map(options.builtin.map((def) => [resourceId(def), def]))
    this.#builtinByPlural = Map.groupBy(options.builtin, ({ plural }) => plural)
    this.#all = options.builtin
  }

  /** Built-in ones first. Another array after each change, the same one until then. */
  get all(): readonly ResourceDef[] {
    return this.#all
  }

  find(group: string, version: string, plural: string): ResourceDef | undefined {
    for (const def of this.#builtinByPlural.get(plural) ?? [])
      if (def.group === group && def.version === version) return def
    return this.#custom.get(resourceId({ group, version, plural }))
  }

  /** Whether the table has definitions to follow. */
  get definitions(): ResourceDef | undefined {
    return this.#builtin.get(resourceId(customResourceDefinitions))
  }

  /** From now on the table follows the definitions in `cache`. Rejects when the store can't be read. */
  async follow(cache: WatchCache): Promise<void> {
    this.#cache = cache
    cache.listen(() => this.#onChange(cache))
    await cache.ready()
    this.#refresh(cache)
  }

  /** Resolves when the table has every definition that was stored before the call. */
  async caughtUp(): Promise<void> {
    const cache = this.#cache
    if (!cache) return
    const revision = await cache.store.current()
    await cache.ready()
    await cache.reaches(revision, freshnessTimeoutMs)
    if (cache.liveRing) this.#refresh(cache)
  }

  #onChange(cache: WatchCache): void {
    if (cache.liveRing) this.#refresh(cache)
    else if (!this.#isReloading) void this.#reload(cache)
  }

  /** After a gap, until the definitions are there again: requests for what is known would go on with the old ones. */
  async #reload(cache: WatchCache): Promise<void> {
    const { clock, logger, random, signal } = this.#options
    this.#isReloading = true
    for (let failures = 0; !signal.aborted && !cache.liveRing;) {
      try {
        await cache.ready()
      } catch (error) {
        logger.warn('definitions of custom resources could not be listed; the old ones are served', { error })
        // An abort ends the pause early; the loop's condition sees it.
        await clock.sleep(backoffMs(failures++, reloadBackoff, random), signal).catch(() => undefined)
      }
    }
    this.#isReloading = false
    if (cache.liveRing) this.#refresh(cache)
  }

  #refresh(cache: WatchCache): void {
    const known = new Map<string, Known>()
    const custom = new Map<string, ResourceDef>()
    for (const object of cache.range(cache.prefix)) {
      const entry = this.#knownOf(object)
      known.set(object.name, entry)
      for (const def of entry.defs) if (!this.#builtin.has(resourceId(def))) custom.set(resourceId(def), def)
    }
    this.#known = known
    const previous = this.#custom
    const changed = [...custom].filter(([id, def]) => previous.get(id) !== def)
    const gone = [...previous.keys()].filter((id) => !custom.has(id))
    if (changed.length + gone.length === 0) return
    this.#custom = custom
    this.#all = [...this.#options.builtin, ...custom.values()]
    for (const [id, def] of changed) this.#options.onChange(id, def)
    for (const id of gone) this.#options.onChange(id, undefined)
  }

  /** Definitions are long, and whoever asks for a resource that nobody knows makes the table look at all of them. */
  #knownOf(object: CachedObject): Known {
    const before = this.#known.get(object.name)
    if (before?.object === object) return before
    const crd = object.parse<CustomResourceDefinition & KubeObject>()
    const source = sourceOf(crd)
    return { object, source, defs: before?.source === source ? before.defs : this.#defsOf(crd) }
  }

  /** A definition that can't be understood costs its own resource, not the server. */
  #defsOf(crd: CustomResourceDefinition): readonly ResourceDef[] {
    try {
      return resourceDefsOf(crd)
    } catch (error) {
      const { logger } = this.#options
      logger.warn('a custom resource is not served: its definition makes no sense', {
        name: crd.metadata.name,
        error,
      })
      return []
    }
  }
}

const sourceOf = ({ metadata, spec, status }: CustomResourceDefinition): string => {
  const { acceptedNames, conditions = [] } = status ?? {}
  const established = conditions.find(({ type }) => type === 'Established')?.status
  return JSON.stringify([metadata.uid, isTerminating({ metadata }), established, acceptedNames, spec])
}
