/**
 * What scheduler, controllers and nodes agree on about volumes on a node's own disk. A claim of the class `local` waits
 * for its first pod; the scheduler writes the node that it chose onto the claim, a controller makes a PersistentVolume
 * that is bound to that node, and the node makes the folder, named by the volume's handle.
 */
import { persistentVolumeClaims } from './resources/persistentvolumeclaims.ts'
import type { PersistentVolume, PersistentVolumeClaim, Pod } from './schema/types.gen.ts'

/** The provisioner of the class, and the CSI driver that its volumes name. */
export const localDriver = 'local.sampan.dev'
export const localClassName = 'local'
/** Upstream's name for what the scheduler says to provisioners. */
export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node'
export const hostnameLabel = 'kubernetes.io/hostname'

/** The names of the claims that a pod mounts. */
export const claimNamesOf = ({ spec }: Pod): readonly string[] => [
  ...new Set(
    (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []),
  ),
]

export const isBound = ({ spec, status }: PersistentVolumeClaim): boolean =>
  (spec.volumeName ?? '') !== '' && status?.phase === 'Bound'

/** Whether the volume was made for this very claim, not for a namesake that is gone. */
export const isVolumeOf = ({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean =>
  spec.claimRef?.namespace === metadata.namespace &&
  spec.claimRef?.name === metadata.name &&
  (spec.claimRef?.uid === undefined || spec.claimRef.uid === metadata.uid)

/** The folder's name on its node; undefined for volumes of others. */
export const localHandleOf = ({ spec }: PersistentVolume): string | undefined =>
  spec.csi?.driver === localDriver ? spec.csi.volumeHandle : undefined

/** The volume that a controller makes for a claim on `node`. Pure: the same claim gives the same volume. */
export function localVolumeFor(
  claim: PersistentVolumeClaim,
  { node, reclaimPolicy }: { readonly node: string; readonly reclaimPolicy: string },
): PersistentVolume {
  const { name = '', namespace = '', uid = '' } = claim.metadata
  const volumeName = `pvc-${uid}`
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName, annotations: { 'pv.kubernetes.io/provisioned-by': localDriver } },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.['storage'] ?? '0' },
      accessModes: [...(claim.spec.accessModes ?? ['ReadWriteOnce'])],
      persistentVolumeReclaimPolicy: reclaimPolicy,
      storageClassName: claim.spec.storageClassName ?? localClassName,
      volumeMode: 'Filesystem',
      csi: { driver: localDriver, volumeHandle: volumeName },
      claimRef: { apiVersion: 'v1', kind: persistentVolumeClaims.kind, name, namespace, uid },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: hostnameLabel, operator: 'In', values: [node] }] }],
        },
      },
    },
  }
}
