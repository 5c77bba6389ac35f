/**
 * Claims get their volumes: one that is there and fits, or, for the class `local`, one that is made on the node that the
 * claim's first pod was given.
 *
 *   Pending ──(scheduler: selected-node)──▶ PersistentVolume made ──▶ claim names it ──▶ Bound
 */
import { isTerminating, keyOf } from '../api/meta.ts'
import {
  claimNamesOf,
  isBound,
  isVolumeOf,
  localDriver,
  localVolumeFor,
  selectedNodeAnnotation,
} from '../api/local-volumes.ts'
import { parseQuantity } from '../api/quantity.ts'
import { persistentVolumeClaims } from '../api/resources/persistentvolumeclaims.ts'
import { persistentVolumes } from '../api/resources/persistentvolumes.ts'
import { pods } from '../api/resources/pods.ts'
import { defaultClassOf, storageClasses } from '../api/resources/storageclasses.ts'
import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '../api/schema/types.gen.ts'
import { isAlreadyExists } from '../api/status.ts'
import type { ControllerContext, ControllerSpec } from '../client/controller.ts'

/** Keeps a claim that has data until no pod uses it any more (upstream's name). */
const protection = 'kubernetes.io/pvc-protection'

export const volumeClaimController: ControllerSpec = {
  name: 'volume-claims',
  component: 'persistentvolume-controller',
  watches: persistentVolumeClaims,
  triggers: [
    {
      resource: pods,
      keys: (pod) => claimNamesOf(pod as Pod).map((name) => `${pod.metadata.namespace}/${name}`),
    },
    {
      resource: persistentVolumes,
      keys(volume, { informers }) {
        const { claimRef } = (volume as PersistentVolume).spec
        if (claimRef) return [`${claimRef.namespace}/${claimRef.name}`]
        return pending(informers.for<PersistentVolumeClaim>(persistentVolumeClaims).list())
      },
    },
    {
      resource: storageClasses,
      keys: (_class, { informers }) =>
        pending(informers.for<PersistentVolumeClaim>(persistentVolumeClaims).list()),
    },
  ],
  workers: 1,
  async reconcile({ namespace, name }, context) {
    const claim = context.informers.for<PersistentVolumeClaim>(persistentVolumeClaims).get(namespace, name)
    if (!claim) return
    if (isTerminating(claim)) return release(claim, context)
    if (isBound(claim)) return
    if ((claim.spec.volumeName ?? '') !== '') return confirm(claim, context)
    const volume = findVolume(claim, context) ?? (await provision(claim, context))
    if (volume) await bind(claim, volume, context)
  },
}

const pending = (claims: readonly PersistentVolumeClaim[]): readonly string[] =>
  claims.filter((claim) => !isBound(claim)).map(keyOf)

const usersOf = (claim: PersistentVolumeClaim, { informers }: ControllerContext): readonly Pod[] =>
  informers
    .for<Pod>(pods)
    .list()
    .filter(
      (pod) =>
        pod.metadata.namespace === claim.metadata.namespace &&
        claimNamesOf(pod).includes(claim.metadata.name ?? ''),
    )

async function release(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const finalizers = claim.metadata.finalizers ?? []
  const isUsed = usersOf(claim, context).some(
    ({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed',
  )
  if (isUsed || !finalizers.includes(protection)) return
  const metadata = { ...claim.metadata, finalizers: finalizers.filter((one) => one !== protection) }
  await context.client.resource<PersistentVolumeClaim>(persistentVolumeClaims).update({ ...claim, metadata })
}

/** The volume that was made for it before we were interrupted, or one that an administrator made and that fits. */
function findVolume(claim: PersistentVolumeClaim, context: ControllerContext): PersistentVolume | undefined {
  const volumes = context.informers
    .for<PersistentVolume>(persistentVolumes)
    .list()
    .filter((volume) => !isTerminating(volume))
  const reserved = volumes.find((volume) => volume.spec.claimRef && isVolumeOf(volume, claim))
  if (reserved || hasToWait(claim, context)) return reserved
  return volumes
    .filter((volume) => !volume.spec.claimRef && fits(volume, claim))
    .toSorted((a, b) => Number(sizeOf(a) - sizeOf(b)))[0]
}

/** Its class gives volumes to those only whose pod has a node. */
function hasToWait(claim: PersistentVolumeClaim, context: ControllerContext): boolean {
  const { storageClassName = '' } = claim.spec
  const found = context.informers.for<StorageClass>(storageClasses).get('', storageClassName)
  return found?.volumeBindingMode === 'WaitForFirstConsumer' && nodeOf(claim, context) === undefined
}

/** The node that its first pod was given. */
const nodeOf = (claim: PersistentVolumeClaim, context: ControllerContext): string | undefined =>
  claim.metadata.annotations?.[selectedNodeAnnotation] ??
  usersOf(claim, context).find(({ spec }) => spec.nodeName)?.spec.nodeName

const storage = (amounts: Readonly<Record<string, string>> | undefined): bigint =>
  parseQuantity(amounts?.['storage'] ?? '0').nano
const sizeOf = ({ spec }: PersistentVolume): bigint => storage(spec.capacity)

/** A volume of one node is left alone: which claim may have it depends on where its pod runs. */
function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { accessModes = [], nodeAffinity, storageClassName = '' } = volume.spec
  return (
    !nodeAffinity &&
    storageClassName === (claim.spec.storageClassName ?? '') &&
    (claim.spec.accessModes ?? []).every((mode) => accessModes.includes(mode)) &&
    sizeOf(volume) >= storage(claim.spec.resources?.requests)
  )
}

async function provision(
  claim: PersistentVolumeClaim,
  context: ControllerContext,
): Promise<PersistentVolume | undefined> {
  const { client, events, informers } = context
  const classes = informers.for<StorageClass>(storageClasses)
  if (claim.spec.storageClassName === undefined) {
    const found = defaultClassOf(classes.list())
    // The claim's own change brings it here again.
    if (found) await setClass(claim, found.metadata.name ?? '', context)
    return undefined
  }
  const storageClass = classes.get('', claim.spec.storageClassName)
  if (storageClass?.provisioner !== localDriver) return undefined
  if (claim.spec.volumeMode === 'Block') {
    const message = 'the class makes folders, not block devices: use volumeMode Filesystem'
    events.record(claim, 'Warning', 'ProvisioningFailed', message)
    return undefined
  }
  const node = nodeOf(claim, context)
  if (!node) {
    const message = 'waiting for first consumer to be created before binding'
    events.record(claim, 'Normal', 'WaitForFirstConsumer', message)
    return undefined
  }
  const reclaimPolicy = storageClass.reclaimPolicy ?? 'Delete'
  const wanted = localVolumeFor(claim, { node, reclaimPolicy })
  const api = client.resource<PersistentVolume>(persistentVolumes)
  try {
    const made = await api.create(wanted)
    const message = `Successfully provisioned volume ${wanted.metadata.name}`
    events.record(claim, 'Normal', 'ProvisioningSucceeded', message)
    return made
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    return await api.get(wanted.metadata.name ?? '', {})
  }
}

async function setClass(
  claim: PersistentVolumeClaim,
  storageClassName: string,
  { client }: ControllerContext,
): Promise<void> {
  const spec = { ...claim.spec, storageClassName }
  await client.resource<PersistentVolumeClaim>(persistentVolumeClaims).update({ ...claim, spec })
}

/** The volume is the claim's first, then the claim the volume's: so two claims never share one. */
async function bind(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
  { client }: ControllerContext,
): Promise<void> {
  const { name, namespace, uid } = claim.metadata
  if (volume.spec.claimRef?.uid === undefined) {
    const claimRef = { apiVersion: 'v1', kind: persistentVolumeClaims.kind, name, namespace, uid }
    const spec = { ...volume.spec, claimRef } as PersistentVolume['spec']
    await client.resource<PersistentVolume>(persistentVolumes).update({ ...volume, spec })
  }
  const finalizers = [...new Set([...(claim.metadata.finalizers ?? []), protection])]
  const metadata = { ...claim.metadata, finalizers }
  const spec = { ...claim.spec, volumeName: volume.metadata.name ?? '' }
  const claims = client.resource<PersistentVolumeClaim>(persistentVolumeClaims)
  await setBound(await claims.update({ ...claim, metadata, spec }), volume, claims)
}

/** It names its volume (we were interrupted, or somebody has chosen one), and isn't said to be bound. */
async function confirm(claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const { client, informers } = context
  const volume = informers.for<PersistentVolume>(persistentVolumes).get('', claim.spec.volumeName ?? '')
  if (!volume) return
  const { claimRef } = volume.spec
  if (claimRef && !isVolumeOf(volume, claim)) return
  if (claimRef?.uid === undefined) return bind(claim, volume, context)
  await setBound(claim, volume, client.resource<PersistentVolumeClaim>(persistentVolumeClaims))
}

async function setBound(
  claim: PersistentVolumeClaim,
  { spec }: PersistentVolume,
  claims: ReturnType<typeof claimsOf>,
): Promise<void> {
  const status = {
    ...claim.status,
    phase: 'Bound',
    ...(spec.capacity && { capacity: spec.capacity }),
    ...(spec.accessModes && { accessModes: spec.accessModes }),
  }
  await claims.updateStatus({ ...claim, status })
}

const claimsOf = ({ client }: ControllerContext) =>
  client.resource<PersistentVolumeClaim>(persistentVolumeClaims)
