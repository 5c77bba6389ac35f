/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= core.v1.PersistentVolumeClaim Asks for storage that outlives pods; a volume is bound to it.
spec How much storage, and of which kind.
status Which storage it got.
= core.v1.PersistentVolumeClaimSpec How much storage is wanted, and of which kind.
accessModes Who is to use it at the same time: ReadWriteOnce one node, ReadWriteOncePod one pod, ReadOnlyMany and ReadWriteMany several nodes.
selector Only volumes with such labels; none is made for it then.
resources How much storage.
volumeName The volume that is bound to it; may be set to ask for a certain one.
storageClassName The StorageClass that makes the volume; empty means none, unset the default one.
volumeMode Filesystem for a folder, Block for a raw device.
dataSource Where its first content comes from: a snapshot or another claim of the namespace.
dataSourceRef Where its first content comes from: an object of any kind, in other namespaces too where that is allowed.
volumeAttributesClassName The VolumeAttributesClass with further properties of the volume; can be changed later.
= core.v1.VolumeResourceRequirements How much storage is wanted.
limits The most that it may be.
requests The least that it has to be; storage is the only resource.
= core.v1.PersistentVolumeClaimStatus Which storage a claim got.
phase Pending until it is bound, Bound, or Lost when its volume is gone.
accessModes Who can use it at the same time.
capacity How large it is.
conditions Single steps of enlarging or changing it.
allocatedResources The size that it is being brought to.
allocatedResourceStatuses How far that is.
currentVolumeAttributesClassName The VolumeAttributesClass that is in force.
modifyVolumeStatus How far the change to another VolumeAttributesClass is.
= core.v1.ModifyVolumeStatus How far the change of a volume to another class is.
targetVolumeAttributesClassName The VolumeAttributesClass it is changed to.
status Pending, InProgress, or Infeasible where the driver refuses it.
= core.v1.PersistentVolumeClaimCondition (meta.v1.Condition) One step of enlarging or changing a claim's volume.
= core.v1.PersistentVolume A piece of storage that a claim can be bound to.
spec Where and what it is, and what becomes of it later.
status Whether it is free or bound.
= core.v1.PersistentVolumeSpec (core.v1.Volume) Where and what a volume is, and what becomes of it later.
capacity How large it is.
hostPath A folder of a node itself; for one node and for trying things out.
local A disk or folder of one node; nodeAffinity says which.
csi A volume of a CSI driver.
accessModes Who can use it at the same time.
claimRef The claim that it is bound to; may be set to keep it for a certain one.
persistentVolumeReclaimPolicy What becomes of it when its claim is deleted: Retain keeps it, Delete removes it with its content.
storageClassName The StorageClass it belongs to; claims of that class find it.
mountOptions Options for mounting it, such as ro.
volumeMode Filesystem for a folder, Block for a raw device.
nodeAffinity The nodes that can reach it.
volumeAttributesClassName The VolumeAttributesClass it has.
= core.v1.VolumeNodeAffinity The nodes that can reach a volume.
required Nodes that don't fit can't.
= core.v1.PersistentVolumeStatus Whether a volume is free or bound.
phase Pending, Available, Bound, Released when its claim is gone, or Failed when it could not be removed.
message Why it is so, for people.
reason Why it is so, as one word.
lastPhaseTransitionTime When the phase last changed.
= storage.v1.StorageClass A way of making volumes for claims, which they choose by name.
provisioner Who makes the volumes.
parameters What to tell it.
reclaimPolicy What becomes of a volume when its claim is deleted: Delete, or Retain.
mountOptions Options for mounting the volumes.
allowVolumeExpansion Whether claims may be enlarged.
volumeBindingMode Immediate makes a volume at once, WaitForFirstConsumer when a pod that uses it has been placed.
allowedTopologies Where volumes may be made; anywhere unless set.
= core.v1.TopologySelectorTerm Chooses places: all requirements have to hold.
matchLabelExpressions The requirements.
= core.v1.TopologySelectorLabelRequirement One requirement on a place.
key The label of nodes it is about.
values One of these the label must have.
`
