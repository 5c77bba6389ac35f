/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= core.v1.Namespace A part of the cluster with names of its own; rights and quotas are mostly given by namespace.
spec What has to happen before it goes.
status Whether it is in use or going.
= core.v1.NamespaceSpec What has to happen before a namespace goes.
finalizers Who has to clean up before it goes; kubernetes stands for the deletion of everything in it.
= core.v1.NamespaceStatus Whether a namespace is in use or going.
phase Active, or Terminating once its deletion was asked for.
conditions What holds up its end.
= core.v1.NamespaceCondition (meta.v1.Condition) One aspect of a namespace's end.
= core.v1.Node A machine that runs pods.
spec What is wanted of it: its addresses for pods, its taints, whether it takes new ones.
status What it has, what it runs on, and how it is.
= core.v1.NodeSpec What is wanted of a node.
podCIDR The addresses that its pods get.
podCIDRs The same, one range for each IP family; the first is podCIDR.
providerID What the machine is called by whoever rents it out.
unschedulable Whether it takes no new pods, as kubectl cordon sets it.
taints What keeps pods away that don't tolerate it.
configSource Settings from a ConfigMap; given up upstream.
externalID Former name of the machine; no longer used.
= core.v1.Taint Keeps pods away from a node unless they tolerate it.
key Its name.
value Its value, for tolerations to compare with.
effect NoSchedule keeps new pods away, PreferNoSchedule tries to, NoExecute ends those that run as well.
timeAdded When it was put there.
= core.v1.NodeConfigSource Settings for a node from elsewhere; given up upstream.
configMap A ConfigMap with the settings.
= core.v1.ConfigMapNodeConfigSource A ConfigMap with settings for a node; given up upstream.
namespace Namespace of the ConfigMap.
name Name of the ConfigMap.
uid UID of the ConfigMap; for status only.
resourceVersion Revision of the ConfigMap; for status only.
kubeletConfigKey The key that holds the settings.
= core.v1.NodeStatus What a node has, what it runs on, and how it is.
capacity What the machine has.
allocatable What of it pods can have.
phase No longer used.
conditions Ready, and pressure on memory, disk and process IDs.
addresses What it is reached by.
daemonEndpoints Ports of the node's own programs.
nodeInfo What it runs on: kernel, operating system, versions.
images Images that are on its disk.
volumesInUse Volumes that are attached and in use.
volumesAttached Volumes that are attached.
config The settings from a ConfigMap that are in force; given up upstream.
runtimeHandlers The ways of running containers that it has.
features What its way of running containers can do.
declaredFeatures Features that it says it has, for the scheduler to heed.
= core.v1.NodeCondition (meta.v1.Condition) One aspect of a node's state.
lastHeartbeatTime When the node last told of it.
= core.v1.NodeAddress Something that a node is reached by.
type Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS.
address The name or address.
= core.v1.NodeDaemonEndpoints Ports of a node's own programs.
kubeletEndpoint Where its agent listens.
= core.v1.DaemonEndpoint A port that a program listens on.
Port Its number.
= core.v1.NodeSystemInfo What a node runs on.
machineID The ID in /etc/machine-id.
systemUUID The ID that its hardware or virtual machine has.
bootID An ID that changes each time it starts.
kernelVersion Version of the kernel.
osImage Name of the operating system, as it calls itself.
containerRuntimeVersion What runs its containers, as NAME://VERSION.
kubeletVersion Version of its agent.
kubeProxyVersion No longer used.
operatingSystem Kind of operating system, such as linux.
architecture Kind of processor, such as amd64.
swap Its swap space.
= core.v1.NodeSwapStatus Swap space of a node.
capacity Its size in bytes.
= core.v1.ContainerImage An image on a node's disk.
names What it is called.
sizeBytes Its size in bytes.
= core.v1.AttachedVolume A volume attached to a node.
name Name of the volume.
devicePath The device that it is there.
= core.v1.NodeConfigStatus Settings of a node from a ConfigMap; given up upstream.
assigned Those that the node is to use.
active Those that it uses.
lastKnownGood Those that it falls back to.
error What is wrong with them.
= core.v1.NodeRuntimeHandler A way of running containers that a node has.
name Its name; empty for the default one.
features What it can do.
= core.v1.NodeRuntimeHandlerFeatures What a way of running containers can do.
recursiveReadOnlyMounts Whether read-only mounts can hold for what is mounted below them.
userNamespaces Whether containers can have users of their own.
= core.v1.NodeFeatures What a node can do.
supplementalGroupsPolicy Whether it heeds the supplementalGroupsPolicy of pods.
= core.v1.NodeSelector Chooses nodes: one of the terms has to hold.
nodeSelectorTerms The terms.
= core.v1.NodeSelectorTerm Chooses nodes: all requirements have to hold. One without any chooses none.
matchExpressions Requirements on labels.
matchFields Requirements on fields; metadata.name is the only one.
= core.v1.NodeSelectorRequirement One requirement on a node.
key The label or field it is about.
operator In, NotIn, Gt and Lt compare with the values; Exists and DoesNotExist ask for the label alone.
values What to compare with: one number for Gt and Lt, none for Exists and DoesNotExist.
`
