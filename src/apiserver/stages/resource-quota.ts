/**
 * Refuses what a namespace's ResourceQuotas don't leave room for. What is taken is written into the quota's status before
 * the object is, with compare and swap, so that no two writers take the last place; a write that fails gives it back. What
 * is deleted, and what nobody gave back, the quota controller finds out.
 */
import type { KubeObject } from '../../api/meta.ts'
import type { Amounts } from '../../api/quota/pod-amounts.ts'
import { chargeOf, giveBack, growth, take, unspecified } from '../../api/quota/quota.ts'
import { groupResourceOf } from '../../api/resource.ts'
import type { Pod, ResourceQuota } from '../../api/schema/types.gen.ts'
import { conflict, forbidden } from '../../api/status.ts'
import { isStoreError } from '../../store/store.ts'
import type { Foundation } from '../foundation.ts'
import { objectKeyOf } from '../keys.ts'
import { encodeStored, parseStored } from '../wire.ts'
import type { AdmissionRequest, AdmissionStep } from './admit.ts'
import { namespaceObjects } from './namespace-objects.ts'

type Quota = ResourceQuota & KubeObject
const resource = { group: '', version: 'v1', plural: 'resourcequotas' }
/** Many writers of one namespace contend for its quota: each round somebody wins. */
const attemptsMax = 50

export const resourceQuota = (): AdmissionStep => {
  const quotas = namespaceObjects<Quota>(resource)
  return {
    name: 'ResourceQuota',
    admit(request) {
      const { def, machinery, object, operation, subresource } = request
      if (operation === 'delete' || subresource !== '' || !def.namespaced) return undefined
      const found = quotas.of(machinery, object.metadata.namespace ?? '')
      if (found instanceof Promise) return found.then((ready) => chargeAll(request, ready))
      return found.length === 0 ? undefined : chargeAll(request, found)
    },
  }
}

async function chargeAll(request: AdmissionRequest, found: readonly Quota[]): Promise<void> {
  const { def, dryRun, object, undo } = request
  for (const { metadata, spec } of found) {
    const charge = wanted(request, { spec })
    if (Object.keys(charge).length === 0) continue
    const why =
      def.plural === 'pods' && def.group === '' ? unspecified(spec, object as Pod & KubeObject) : undefined
    if (why !== undefined) throw refusal(request, `failed quota: ${metadata.name}: ${why}`)
    const name = metadata.name ?? ''
    await charged(request, name, charge)
    if (!dryRun) undo.push(() => returned(request, name, charge))
  }
}

function wanted({ def, object, old }: AdmissionRequest, { spec }: Pick<Quota, 'spec'>): Amounts {
  const charge = chargeOf(spec, def, object)
  return old ? growth(charge, chargeOf(spec, def, old)) : charge
}

const refusal = ({ def, object }: AdmissionRequest, why: string) =>
  forbidden(groupResourceOf(def), object.metadata.name ?? '', why)

async function charged(request: AdmissionRequest, name: string, charge: Amounts): Promise<void> {
  await rewrite(request, name, (quota) => {
    const taken = take(quota, charge)
    if ('why' in taken) throw refusal(request, taken.why)
    return taken.used
  })
}

const returned = (request: AdmissionRequest, name: string, charge: Amounts): Promise<void> =>
  rewrite(request, name, (quota) => giveBack(quota.status?.used ?? {}, charge))

/** Changes a quota's `used`. A quota that is gone limits nothing any more. */
async function rewrite(
  { def, dryRun, machinery, object }: AdmissionRequest,
  name: string,
  change: (quota: Quota) => Readonly<Record<string, string>>,
): Promise<void> {
  const quotaDef = machinery.findResource(resource.group, resource.version, resource.plural)
  if (!quotaDef) return
  const key = objectKeyOf(quotaDef, object.metadata.namespace ?? '', name)
  for (let attempt = 1; attempt <= attemptsMax; attempt++)
    if (await tryRewrite(machinery, { key, change, dryRun })) return
  throw conflict(groupResourceOf(def), object.metadata.name ?? '', `quota ${name} is too busy; try again`)
}

interface Rewrite {
  readonly key: string
  readonly change: (quota: Quota) => Readonly<Record<string, string>>
  readonly dryRun: boolean
}

async function tryRewrite(machinery: Foundation, { key, change, dryRun }: Rewrite): Promise<boolean> {
  const { entry } = await machinery.store.get(key)
  if (!entry) return true
  const quota = parseStored<Quota>(entry.value, entry.revision)
  const used = change(quota)
  if (dryRun) return true
  const changed: Quota = { ...quota, status: { ...quota.status, hard: quota.spec.hard ?? {}, used } }
  try {
    await machinery.store.update(key, encodeStored(changed), entry.revision)
    return true
  } catch (error) {
    if (isStoreError(error, 'missing')) return true
    if (isStoreError(error, 'conflict')) return false
    throw error
  }
}
