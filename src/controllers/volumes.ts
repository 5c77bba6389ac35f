/** PersistentVolumes say whose they are; one whose claim is gone is deleted or kept, as its policy says. */
import { isTerminating } from '../api/meta.ts'
import { isVolumeOf, localHandleOf } from '../api/local-volumes.ts'
import { persistentVolumeClaims } from '../api/resources/persistentvolumeclaims.ts'
import { persistentVolumes } from '../api/resources/persistentvolumes.ts'
import type { PersistentVolume, PersistentVolumeClaim } from '../api/schema/types.gen.ts'
import type { ControllerContext, ControllerSpec } from '../client/controller.ts'
import { ignoreNotFound } from './owned.ts'

export const volumeController: ControllerSpec = {
  name: 'volumes',
  component: 'persistentvolume-controller',
  watches: persistentVolumes,
  triggers: [
    {
      resource: persistentVolumeClaims,
      keys: (claim) => [(claim as PersistentVolumeClaim).spec.volumeName ?? ''].filter(Boolean),
    },
  ],
  workers: 1,
  async reconcile({ name }, context) {
    const volume = context.informers.for<PersistentVolume>(persistentVolumes).get('', name)
    if (!volume || isTerminating(volume)) return
    if (!volume.spec.claimRef) return setPhase(volume, 'Available', context)
    if (volume.spec.claimRef.uid === undefined) return // reserved: it is its claim's turn
    if (await hasClaim(volume, context)) return setPhase(volume, 'Bound', context)
    const isOurs = localHandleOf(volume) !== undefined
    if (!isOurs || volume.spec.persistentVolumeReclaimPolicy !== 'Delete')
      return setPhase(volume, 'Released', context)
    // Its node removes the folder when it learns that the volume is gone.
    const api = context.client.resource<PersistentVolume>(persistentVolumes)
    const { uid = '' } = volume.metadata
    await ignoreNotFound(api.delete(name, { uid }))
  },
}

/** Asks the server before it says no: a cache of claims that is older than that of volumes would cost somebody his data. */
async function hasClaim(
  volume: PersistentVolume,
  { client, informers }: ControllerContext,
): Promise<boolean> {
  const { name = '', namespace = '' } = volume.spec.claimRef ?? {}
  const known = informers.for<PersistentVolumeClaim>(persistentVolumeClaims).get(namespace, name)
  if (known && isVolumeOf(volume, known)) return true
  const api = client.resource<PersistentVolumeClaim>(persistentVolumeClaims)
  const fresh = await ignoreNotFound(api.get(name, { namespace }))
  return fresh !== undefined && isVolumeOf(volume, fresh)
}

async function setPhase(
  volume: PersistentVolume,
  phase: string,
  { client }: ControllerContext,
): Promise<void> {
  if (volume.status?.phase === phase) return
  const status = { ...volume.status, phase }
  await client.resource<PersistentVolume>(persistentVolumes).updateStatus({ ...volume, status })
}
