/**
 * A Service's clusterIP: an address that no other Service of the cluster has. Each address in use is a key in the store, made
 * before the Service and removed after it, so that two servers can't hand out the same one.
 */
import { isJsonObject } from '../../api/json.ts'
import type { KubeObject } from '../../api/meta.ts'
import type { Service } from '../../api/schema/types.gen.ts'
import { fieldError, invalid, failure } from '../../api/status.ts'
import { isStoreError } from '../../store/store.ts'
import type { Foundation } from '../foundation.ts'
import { allocationsPrefix, objectKeyOf } from '../keys.ts'
import { parseJson } from '../wire.ts'
import type { AdmissionRequest, AdmissionStep } from './admit.ts'

/** 10.96.0.0/12, as kubeadm has it. */
const rangeStart = (10 << 24) | (96 << 16)
const rangeSize = 2 ** 20
/** Low addresses are left for Services that ask for one by name (`kubernetes` has the first). */
const reservedLow = 256
/** A million addresses: so many misses in a row mean the range is full. */
const attemptsMax = 64

/** A reservation without its Service is that of a create under way until it is this old; then of one that a crash cut off. */
const orphanAgeMs = 60_000

const services = { group: '', plural: 'services', namespaced: true }

export const serviceAddresses: AdmissionStep = {
  name: 'ServiceAddresses',
  admit(request) {
    const { def, subresource } = request
    const isOurs = def.group === '' && def.plural === 'services' && subresource === ''
    return isOurs ? giveAddress(request) : undefined
  },
}

async function giveAddress(request: AdmissionRequest): Promise<void> {
  const { dryRun, object, old, operation } = request
  const held = old === undefined ? undefined : addressOf(old)
  if (operation !== 'delete') await ensureAddress(request, object as Service & KubeObject, held)
  if (dryRun) return
  const kept = operation === 'delete' ? undefined : addressOf(object)
  if (held !== undefined && (held !== kept || operation === 'delete'))
    request.committed.push(() => release(request, held, kept === undefined))
}

async function ensureAddress(
  request: AdmissionRequest,
  service: Service & KubeObject,
  held: string | undefined,
): Promise<void> {
  const spec = service.spec
  if (spec.type === 'ExternalName' || spec.clusterIP === 'None') return
  const wished = spec.clusterIP ?? ''
  if (wished !== '' && wished === held) return
  const address = wished === '' ? await allocate(request, service) : await reserve(request, service, wished)
  spec.clusterIP = address
  spec.clusterIPs = [address]
  spec.ipFamilies ??= ['IPv4']
  spec.ipFamilyPolicy ??= 'SingleStack'
  if (!request.dryRun)
    request.undo.push(() => request.machinery.store.delete(keyOf(address)).then(() => undefined))
}

async function allocate({ dryRun, machinery }: AdmissionRequest, service: KubeObject): Promise<string> {
  // As upstream shows that there would be one (kubernetes pkg/registry/core/service/ipallocator/ipallocator.go eed236c).
  if (dryRun) return textOf(rangeStart)
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const offset = reservedLow + Math.floor(machinery.random.float() * (rangeSize - reservedLow - 1))
    const address = textOf(rangeStart + offset)
    if (await claim(machinery, address, service)) return address
  }
  throw failure(
    'InternalError',
    'failed to allocate a serviceIP: range 10.96.0.0/12 is full; delete Services that are not needed',
  )
}

async function reserve(
  { dryRun, machinery }: AdmissionRequest,
  service: KubeObject,
  address: string,
): Promise<string> {
  const offset = numberOf(address) - rangeStart
  const refuse = (why: string) => {
    const error = fieldError.invalid('spec.clusterIPs', [address], `failed to allocate IP ${address}: ${why}`)
    return invalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', [error])
  }
  if (!(offset > 0 && offset < rangeSize - 1))
    throw refuse(
      `the provided IP (${address}) is not in the valid range. The range of valid IPs is 10.96.0.0/12`,
    )
  // Whether it is free is not looked at, as upstream: it may not be when it counts.
  if (dryRun || (await claim(machinery, address, service))) return address
  throw refuse('provided IP is already allocated')
}

/** False when another Service has it. A reservation whose Service is gone (a crash between the two) is taken over. */
async function claim(
  { clock, store }: Foundation,
  address: string,
  { metadata }: KubeObject,
): Promise<boolean> {
  const key = keyOf(address)
  const { namespace = '', name = '', uid = '' } = metadata
  const nowMs = clock.now().getTime()
  const value = Buffer.from(JSON.stringify({ namespace, name, uid, madeMs: nowMs }))
  try {
    await store.create(key, value)
    return true
  } catch (error) {
    if (!isStoreError(error, 'exists')) throw error
  }
  const { entry } = await store.get(key)
  if (!entry || nowMs - parseJson<Reservation>(entry.value).madeMs < orphanAgeMs) return false
  if (await isHeld(store, entry.value, address)) return false
  try {
    await store.update(key, value, entry.revision)
    return true
  } catch (error) {
    if (isStoreError(error, 'conflict') || isStoreError(error, 'missing')) return false
    throw error
  }
}

interface Reservation {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly madeMs: number
}

async function isHeld(
  store: Foundation['store'],
  reservation: Uint8Array,
  address: string,
): Promise<boolean> {
  const holder = parseJson<Reservation>(reservation)
  const { entry } = await store.get(objectKeyOf(services, holder.namespace, holder.name))
  return entry !== undefined && addressOf(parseJson<KubeObject>(entry.value)) === address
}

/**
 * After a delete that only marked the Service the address stays with it. Once the Service is gone its reservation may be taken
 * over: only our own is given back.
 */
async function release(
  { machinery, object }: AdmissionRequest,
  address: string,
  isDeletion: boolean,
): Promise<void> {
  const { store } = machinery
  const { namespace = '', name = '', uid = '' } = object.metadata
  if (isDeletion) {
    const { entry } = await store.get(objectKeyOf(services, namespace, name))
    if (entry && addressOf(parseJson<KubeObject>(entry.value)) === address) return
  }
  const { entry } = await store.get(keyOf(address))
  if (!entry || parseJson<Reservation>(entry.value).uid !== uid) return
  try {
    await store.delete(keyOf(address), entry.revision)
  } catch (error) {
    if (!isStoreError(error, 'missing') && !isStoreError(error, 'conflict')) throw error
  }
}

const keyOf = (address: string): string => `${allocationsPrefix}clusterips/${address}`

function addressOf(object: object): string | undefined {
  const spec: unknown = 'spec' in object ? object.spec : undefined
  const address = isJsonObject(spec) ? spec['clusterIP'] : undefined
  return typeof address === 'string' && address !== '' && address !== 'None' ? address : undefined
}

const textOf = (number: number): string => [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.')

const numberOf = (text: string): number => {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number) ?? []
  return parts.length === 4 && parts.every((part) => part < 256)
    ? parts.reduce((sum, part) => sum * 256 + part, 0)
    : Number.NaN
}
