/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= core.v1.Volume Storage that a pod's containers may mount: a name, and one of many sources.
name Name of the volume, by which containers mount it; unique within the pod.
hostPath A file or folder of the node itself: it stays when the pod goes, and gives away what the node holds.
emptyDir An empty folder that lives as long as the pod.
gcePersistentDisk A disk of Google Compute Engine; replaced by its CSI driver.
awsElasticBlockStore A disk of Amazon EBS; replaced by its CSI driver.
gitRepo A git repository, cloned at the start; given up upstream for its risks.
secret The keys of a Secret as files.
nfs A folder of an NFS server.
iscsi A disk over iSCSI.
glusterfs A Glusterfs volume; given up upstream.
persistentVolumeClaim A PersistentVolumeClaim of the pod's namespace.
rbd A Ceph block device; given up upstream.
flexVolume A volume of a driver installed on the node; replaced by CSI.
cinder A disk of OpenStack Cinder; replaced by its CSI driver.
cephfs A folder of CephFS; given up upstream.
flocker A Flocker dataset; given up upstream.
downwardAPI Facts about the pod as files.
fc A disk over Fibre Channel.
azureFile An Azure file share; replaced by its CSI driver.
configMap The keys of a ConfigMap as files.
vsphereVolume A vSphere disk; replaced by its CSI driver.
quobyte A Quobyte volume; given up upstream.
azureDisk An Azure disk; replaced by its CSI driver.
photonPersistentDisk A disk of Photon; given up upstream.
projected Several sources joined in one folder.
portworxVolume A Portworx volume; replaced by its CSI driver.
scaleIO A ScaleIO volume; given up upstream.
storageos A StorageOS volume; given up upstream.
csi A volume that a CSI driver makes for this pod.
ephemeral A claim made for this pod and deleted with it.
image The files of an OCI image, read-only.
= core.v1.HostPathVolumeSource A file or folder of the node.
path Path on the node.
type What has to be there, or is to be made: Directory, DirectoryOrCreate, File, FileOrCreate, Socket, CharDevice, BlockDevice; unchecked unless set.
= core.v1.EmptyDirVolumeSource A folder that lives as long as its pod.
medium Memory keeps it in RAM, where it counts as the containers' memory; on the node's disk unless set.
sizeLimit How large it may become.
= core.v1.SecretVolumeSource Which Secret, and which of its keys go to which files.
secretName Name of the Secret, in the pod's namespace.
items Only these keys, at these paths; all keys by their names unless set.
defaultMode Permissions of the files; 0644 unless set.
optional Whether the pod starts without it when it doesn't exist.
= core.v1.ConfigMapVolumeSource Which ConfigMap, and which of its keys go to which files.
name Name of the ConfigMap, in the pod's namespace.
items Only these keys, at these paths; all keys by their names unless set.
defaultMode Permissions of the files; 0644 unless set.
optional Whether the pod starts without it when it doesn't exist.
= core.v1.KeyToPath A key, and the file it goes to.
key The key.
path Path of the file within the volume; no absolute one, and none with two dots.
mode Permissions of this file; those of the volume unless set.
= core.v1.DownwardAPIVolumeSource Which facts about the pod go to which files.
items The files.
defaultMode Permissions of the files; 0644 unless set.
= core.v1.DownwardAPIVolumeFile A file with one fact about the pod.
path Path of the file within the volume.
fieldRef A field of the pod: name, namespace, uid, labels or annotations.
resourceFieldRef A request or limit of a container.
mode Permissions of this file; those of the volume unless set.
= core.v1.ProjectedVolumeSource What is joined in one folder.
sources The sources.
defaultMode Permissions of the files; 0644 unless set.
= core.v1.VolumeProjection One source of a projected volume.
secret Keys of a Secret.
downwardAPI Facts about the pod.
configMap Keys of a ConfigMap.
serviceAccountToken A token of the pod's service account, renewed before it expires.
clusterTrustBundle Certificates to trust.
podCertificate A key and a certificate made for the pod, renewed before it expires.
= core.v1.SecretProjection Keys of a Secret within a projected volume.
name Name of the Secret, in the pod's namespace.
items Only these keys, at these paths; all keys by their names unless set.
optional Whether it may be missing.
= core.v1.ConfigMapProjection Keys of a ConfigMap within a projected volume.
name Name of the ConfigMap, in the pod's namespace.
items Only these keys, at these paths; all keys by their names unless set.
optional Whether it may be missing.
= core.v1.DownwardAPIProjection Facts about the pod within a projected volume.
items The files.
= core.v1.ServiceAccountTokenProjection A token within a projected volume.
audience Who is to accept the token; the API server unless set.
expirationSeconds How many seconds a token is good for, at least 600; an hour unless set. The node renews it in time.
path Path of the file within the volume.
= core.v1.ClusterTrustBundleProjection Certificates to trust, within a projected volume.
name Name of one ClusterTrustBundle; not together with signerName.
signerName All bundles of this signer that labelSelector chooses.
labelSelector Chooses among the signer's bundles; none unless set.
optional Whether they may be missing.
path Path of the file within the volume.
= core.v1.PodCertificateProjection A key and a certificate for the pod, within a projected volume.
signerName Who is to sign the certificate.
keyType The kind of key to make, such as ED25519 or ECDSAP256.
maxExpirationSeconds For how many seconds the certificate is to be good at most; a day unless set.
credentialBundlePath Path of one file with the key and the certificates.
keyPath Path of a file with the key alone.
certificateChainPath Path of a file with the certificates alone.
userAnnotations Notes for the signer, passed on with each request.
= core.v1.PersistentVolumeClaimVolumeSource A claim that the pod uses.
claimName Name of the claim, in the pod's namespace.
readOnly Whether it is mounted so that it can't be written.
= core.v1.EphemeralVolumeSource A claim made for the pod.
volumeClaimTemplate What the claim looks like; it is named POD-VOLUME and belongs to the pod.
= core.v1.PersistentVolumeClaimTemplate What the claims made from it look like.
metadata Labels and annotations of the claims.
spec What the claims ask for.
= core.v1.ImageVolumeSource The files of an OCI image.
reference The image.
pullPolicy When to ask the registry: Always, IfNotPresent or Never.
= core.v1.CSIVolumeSource A volume that a CSI driver makes for the pod.
driver Name of the driver.
readOnly Whether it can't be written.
fsType Its file system, such as ext4; the driver's default unless set.
volumeAttributes What to tell the driver.
nodePublishSecretRef A Secret with credentials for the driver.
= core.v1.CSIPersistentVolumeSource Which driver, its name of the volume, and what it needs to know.
driver Name of the driver.
volumeHandle The driver's name of the volume.
readOnly Whether it can't be written.
fsType Its file system, such as ext4.
volumeAttributes What the driver said about the volume when it made it.
controllerPublishSecretRef Credentials for attaching it to a node.
nodeStageSecretRef Credentials for preparing it on a node.
nodePublishSecretRef Credentials for mounting it into a pod.
controllerExpandSecretRef Credentials for enlarging it.
nodeExpandSecretRef Credentials for enlarging its file system on a node.
= core.v1.NFSVolumeSource Where an NFS server and its folder are.
server Name or address of the server.
path The folder it exports.
readOnly Whether it is mounted so that it can't be written.
= core.v1.LocalVolumeSource A disk or folder of one node.
path Path on the node of a folder or a block device.
fsType The file system to make on a block device that has none.
= core.v1.ISCSIVolumeSource Which iSCSI target, and how to log in there.
targetPortal Address and port of the target.
iqn Qualified name of the target.
lun Number of the unit.
iscsiInterface Name of the interface to use; default unless set.
fsType Its file system, such as ext4.
readOnly Whether it is mounted so that it can't be written.
portals Further addresses of the target, for several paths to it.
chapAuthDiscovery Whether CHAP is used when targets are looked for.
chapAuthSession Whether CHAP is used in sessions.
secretRef A Secret with the names and passwords of CHAP.
initiatorName The initiator to appear as.
= core.v1.ISCSIPersistentVolumeSource (core.v1.ISCSIVolumeSource) Which iSCSI target, and how to log in there.
= core.v1.FCVolumeSource Which Fibre Channel target, and which of its units.
targetWWNs World wide names of the target; together with lun.
lun Number of the unit.
fsType Its file system, such as ext4.
readOnly Whether it is mounted so that it can't be written.
wwids World wide identifiers of the volume, instead of target and unit.
= core.v1.AWSElasticBlockStoreVolumeSource A disk of Amazon EBS.
volumeID Amazon's ID of the disk.
fsType Its file system, such as ext4.
partition Number of the partition; the whole disk unless set.
readOnly Whether it is mounted so that it can't be written.
= core.v1.GCEPersistentDiskVolumeSource (core.v1.AWSElasticBlockStoreVolumeSource) A disk of Google Compute Engine.
pdName Google's name of the disk.
= core.v1.AzureDiskVolumeSource An Azure disk.
diskName Azure's name of the disk.
diskURI Where the disk is stored.
cachingMode How the host caches it: None, ReadOnly or ReadWrite.
fsType Its file system, such as ext4.
readOnly Whether it is mounted so that it can't be written.
kind Shared, Dedicated or Managed, by the storage account that it is in.
= core.v1.AzureFileVolumeSource An Azure file share.
secretName The Secret with the storage account's name and key.
shareName Azure's name of the share.
readOnly Whether it is mounted so that it can't be written.
= core.v1.AzureFilePersistentVolumeSource (core.v1.AzureFileVolumeSource) An Azure file share.
secretNamespace Namespace of that Secret; the claim's unless set.
= core.v1.CephFSVolumeSource A folder of CephFS.
monitors Addresses of the monitors.
path The folder within CephFS; its root unless set.
user The user to appear as; admin unless set.
secretFile File on the node with the user's key.
secretRef A Secret with the user's key, instead of the file.
readOnly Whether it is mounted so that it can't be written.
= core.v1.CephFSPersistentVolumeSource (core.v1.CephFSVolumeSource) A folder of CephFS.
= core.v1.RBDVolumeSource A Ceph block device.
monitors Addresses of the monitors.
image Name of the image.
fsType Its file system, such as ext4.
pool The pool that the image is in; rbd unless set.
user The user to appear as; admin unless set.
keyring File on the node with the user's key.
secretRef A Secret with the user's key, instead of the file.
readOnly Whether it is mounted so that it can't be written.
= core.v1.RBDPersistentVolumeSource (core.v1.RBDVolumeSource) A Ceph block device.
= core.v1.CinderVolumeSource A disk of OpenStack Cinder.
volumeID OpenStack's ID of the disk.
fsType Its file system, such as ext4.
readOnly Whether it is mounted so that it can't be written.
secretRef A Secret with credentials for OpenStack.
= core.v1.CinderPersistentVolumeSource (core.v1.CinderVolumeSource) A disk of OpenStack Cinder.
= core.v1.GlusterfsVolumeSource A Glusterfs volume.
endpoints The Endpoints object that lists the servers.
path Name of the volume.
readOnly Whether it is mounted so that it can't be written.
= core.v1.GlusterfsPersistentVolumeSource (core.v1.GlusterfsVolumeSource) A Glusterfs volume.
endpointsNamespace Namespace of that object; the claim's unless set.
= core.v1.FlexVolumeSource A volume of a driver installed on the node.
driver Name of the driver.
fsType Its file system, such as ext4.
secretRef A Secret handed to the driver.
readOnly Whether it is mounted so that it can't be written.
options What else to tell the driver.
= core.v1.FlexPersistentVolumeSource (core.v1.FlexVolumeSource) A volume of a driver installed on the node.
= core.v1.FlockerVolumeSource A Flocker dataset, by its name or its UUID.
datasetName Name of the dataset.
datasetUUID UUID of the dataset.
= core.v1.GitRepoVolumeSource A git repository, cloned at the start.
repository URL of the repository.
revision The commit to check out.
directory Folder to clone into, within the volume.
= core.v1.PhotonPersistentDiskVolumeSource A disk of Photon.
pdID Photon's ID of the disk.
fsType Its file system, such as ext4.
= core.v1.PortworxVolumeSource A Portworx volume.
volumeID Portworx's ID of the volume.
fsType Its file system, such as ext4.
readOnly Whether it is mounted so that it can't be written.
= core.v1.QuobyteVolumeSource A Quobyte volume.
registry Addresses of the registries, separated by commas.
volume Name of the volume.
readOnly Whether it is mounted so that it can't be written.
user The user to appear as.
group The group to appear as.
tenant The tenant that owns the volume.
= core.v1.ScaleIOVolumeSource A ScaleIO volume.
gateway Address of the gateway.
system Name of the storage system.
secretRef A Secret with credentials for it.
sslEnabled Whether the gateway is spoken to over TLS.
protectionDomain The protection domain that the volume is in.
storagePool The storage pool that the volume is in.
storageMode ThickProvisioned or ThinProvisioned.
volumeName Name of the volume.
fsType Its file system; xfs unless set.
readOnly Whether it is mounted so that it can't be written.
= core.v1.ScaleIOPersistentVolumeSource (core.v1.ScaleIOVolumeSource) A ScaleIO volume.
= core.v1.StorageOSVolumeSource A StorageOS volume.
volumeName Name of the volume.
volumeNamespace StorageOS' own namespace of the volume; the pod's unless set.
fsType Its file system, such as ext4.
readOnly Whether it is mounted so that it can't be written.
secretRef A Secret with credentials for it.
= core.v1.StorageOSPersistentVolumeSource (core.v1.StorageOSVolumeSource) A StorageOS volume.
= core.v1.VsphereVirtualDiskVolumeSource A vSphere disk.
volumePath Path of the disk.
fsType Its file system, such as ext4.
storagePolicyName The storage policy's name.
storagePolicyID The storage policy's ID.
`
