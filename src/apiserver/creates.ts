/** The one way an object comes into being, whatever request asked for it. */
import type { KubeObject } from '../api/meta.ts'
import { groupResourceOf, type ResourceDef } from '../api/resource.ts'
import { alreadyExists, generateNameExhausted, invalid } from '../api/status.ts'
import { validateMeta } from '../api/validate-meta.ts'
import { isStoreError } from '../store/store.ts'
import { CachedObject, passing } from './cached-object.ts'
import type { VerbContext } from './context.ts'
import { recordOwners } from './field-writer.ts'
import { idleWarnings } from './idle-kinds.ts'
import { objectKeyOf } from './keys.ts'
import { generateName, metadataForCreate, strategyContext } from './metadata.ts'
import { storedForm } from './stored-form.ts'
import { encodeStored } from './wire.ts'

/** Names tried for one `generateName`; with 27^5 suffixes a miss means something else is wrong. */
const nameAttemptsMax = 8

export interface Created {
  /** Undefined for a dry run. */
  readonly stored: CachedObject | undefined
  readonly object: KubeObject
}

export interface CreateOptions {
  readonly dryRun: boolean
  readonly namespace: string
  /** True: the body says itself who owns what, as an apply does. */
  readonly isApplied?: boolean
}

export function createObject(
  context: VerbContext,
  body: KubeObject,
  { dryRun, isApplied = false, namespace }: CreateOptions,
): Promise<Created> {
  const { def, machinery, user, warnings } = context
  const strategy = strategyContext(machinery, '')
  const { nowIso } = strategy
  const metadata = metadataForCreate(body, { def, namespace, nowIso, random: machinery.random })
  const object: KubeObject = { ...body, metadata }
  def.applyDefaults?.(object)
  if (!isApplied) recordOwners(context, { object, old: undefined, subresource: '', nowIso })
  def.prepareForCreate?.(object, strategy)
  const admission = {
    operation: 'create',
    def,
    object,
    old: undefined,
    subresource: '',
    user,
    dryRun,
    machinery,
  } as const
  return machinery.admission.around(admission, async () => {
    const errors = [
      ...validateMeta(object.metadata, def),
      ...(def.validate?.(object, undefined, strategy) ?? []),
    ]
    if (errors.length > 0) throw invalid(def, object.metadata.name ?? '', errors)
    warnings.push(...(def.warnings?.(object) ?? []), ...idleWarnings(def, object))
    if (dryRun) {
      await refuseExisting(context, object)
      return { stored: undefined, object }
    }
    return { stored: await store(context, object), object }
  })
}

/** A dry run says what the real one would. */
async function refuseExisting({ def, machinery }: VerbContext, { metadata }: KubeObject): Promise<void> {
  const { entry } = await machinery.store.get(objectKeyOf(def, metadata.namespace ?? '', metadata.name ?? ''))
  if (entry) throw alreadyThere(def, metadata.name ?? '')
}

async function store({ def, machinery }: VerbContext, object: KubeObject): Promise<CachedObject> {
  const { generateName: prefix = '', namespace = '' } = object.metadata
  for (let attempt = 1; ; attempt++) {
    const { name = '' } = object.metadata
    const key = objectKeyOf(def, namespace, name)
    const bytes = storedForm(def, encodeStored(object))
    try {
      const options = def.ttlMs === undefined ? {} : { ttlMs: def.ttlMs }
      const revision = await machinery.store.create(key, bytes, options)
      return new CachedObject(def, key, bytes, revision, passing)
    } catch (error) {
      if (!isStoreError(error, 'exists')) throw error
      const isGenerated = prefix !== '' && name.startsWith(prefix) && name !== prefix
      if (!isGenerated) throw alreadyThere(def, name)
      if (attempt === nameAttemptsMax) throw generateNameExhausted(groupResourceOf(def), name)
      Object.assign(object.metadata, { name: generateName(prefix, machinery.random) })
    }
  }
}

const alreadyThere = (def: ResourceDef, name: string) => alreadyExists(groupResourceOf(def), name)
