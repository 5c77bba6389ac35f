/** Every cluster begins with a class of volumes on the nodes' own disks; claims that name none get it. */
import { localClassName, localDriver } from '../api/local-volumes.ts'
import { namespaces } from '../api/resources/namespaces.ts'
import { storageClasses } from '../api/resources/storageclasses.ts'
import type { StorageClass } from '../api/schema/types.gen.ts'
import type { ControllerSpec } from '../client/controller.ts'
import { ignoreSettled } from './service-accounts.ts'

const localClass: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name: localClassName,
    annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
  },
  provisioner: localDriver,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
}

/** Made when the control loops begin, unless there are classes already: whoever wants none of it makes one of his own. */
export const defaultStorageClassController: ControllerSpec = {
  name: 'default-storage-class',
  component: 'persistentvolume-controller',
  watches: namespaces,
  reads: [storageClasses],
  workers: 1,
  async reconcile({ name }, { client, informers }) {
    if (name !== 'kube-system' || informers.for<StorageClass>(storageClasses).list().length > 0) return
    await client.resource<StorageClass>(storageClasses).create(localClass).catch(ignoreSettled)
  },
}
