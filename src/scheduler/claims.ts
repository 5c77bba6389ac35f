/** The scheduler's view of claims and volumes, and what it says to those who make volumes. */
import { claimNamesOf, isBound, localDriver, selectedNodeAnnotation } from '../api/local-volumes.ts'
import { persistentVolumeClaims } from '../api/resources/persistentvolumeclaims.ts'
import { persistentVolumes } from '../api/resources/persistentvolumes.ts'
import { defaultClassOf, storageClasses } from '../api/resources/storageclasses.ts'
import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '../api/schema/types.gen.ts'
import type { ControllerContext } from '../client/controller.ts'
import type { Informer } from '../client/informer.ts'
import type { Volumes } from './snapshot.ts'

export interface Claims extends Volumes {
  readonly informers: readonly [Informer<PersistentVolumeClaim>, Informer<PersistentVolume>]
  readonly classes: Informer<StorageClass>
  /** Tells the makers of the pod's volumes its node. Answers whether there is anything to wait for. */
  place(pod: Pod, node: string): Promise<boolean>
}

export function openClaims({ client, informers }: ControllerContext): Claims {
  const claims = informers.for<PersistentVolumeClaim>(persistentVolumeClaims)
  const volumes = informers.for<PersistentVolume>(persistentVolumes)
  const classes = informers.for<StorageClass>(storageClasses)
  const classOf = ({ spec }: PersistentVolumeClaim) =>
    spec.storageClassName === undefined
      ? defaultClassOf(classes.list())
      : classes.get('', spec.storageClassName)
  return {
    informers: [claims, volumes],
    classes,
    claim: (namespace, name) => claims.get(namespace, name),
    volume: (name) => volumes.get('', name),
    hasToWait(claim) {
      const found = classOf(claim)
      return found?.volumeBindingMode === 'WaitForFirstConsumer' || found?.provisioner === localDriver
    },
    async place(pod, node) {
      const { namespace = '' } = pod.metadata
      const waiting = claimNamesOf(pod)
        .flatMap((name) => claims.get(namespace, name) ?? [])
        .filter((claim) => !isBound(claim))
      for (const { metadata } of waiting) {
        if (metadata.annotations?.[selectedNodeAnnotation] === node) continue
        const { name = '', resourceVersion } = metadata
        const annotations = { [selectedNodeAnnotation]: node }
        await client
          .resource<PersistentVolumeClaim>(persistentVolumeClaims)
          .patch(name, 'merge', { metadata: { resourceVersion, annotations } }, { namespace })
      }
      return waiting.length > 0
    },
  }
}
