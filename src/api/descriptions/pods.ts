/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= core.v1.Pod One or more containers that run together on one node and share an address; the smallest thing that is scheduled.
spec The containers to run, and how and where.
status How far it got: phase, addresses, and the state of each container.
= core.v1.PodSpec What a pod runs, and what it asks of its node.
volumes Storage that the pod's containers may mount.
initContainers Containers that run one after the other, each to its end, before the others start; with restartPolicy Always one is a sidecar, which goes on beside them.
containers The containers that make up the pod; at least one, and none can be added later.
ephemeralContainers Containers added to a running pod to look into it; set through the ephemeralcontainers subresource only.
restartPolicy Whether a container that ended is started again: Always, OnFailure or Never.
terminationGracePeriodSeconds How many seconds the containers have to end after they were asked to, before they are killed; 30 unless set.
activeDeadlineSeconds After how many seconds on its node the pod is stopped and counts as failed.
dnsPolicy Where names are resolved: by the cluster (ClusterFirst), as the node does (Default), or by dnsConfig alone (None).
nodeSelector Labels that a node must have for the pod to run there.
serviceAccountName The service account that the pod acts as towards the API.
serviceAccount Older name of serviceAccountName; use that.
automountServiceAccountToken Whether a token of the service account is mounted; unset, the service account decides.
nodeName The node that runs the pod; the scheduler fills it in. Whoever sets it passes the scheduler by.
hostNetwork Whether the pod uses the network of its node as it is; its ports must then be free there.
hostPID Whether the containers see all processes of the node.
hostIPC Whether the containers share the node's System V and POSIX message queues and memory.
shareProcessNamespace Whether the containers of the pod see each other's processes.
securityContext Users, groups and the like for all containers; a container's own securityContext goes before it.
imagePullSecrets Secrets with credentials of registries, for the images of this pod.
hostname The pod's name on its own network; its metadata.name unless set.
subdomain With a headless service of this name, the pod is found as HOSTNAME.SUBDOMAIN.NAMESPACE.svc.
affinity Rules on nodes and on other pods, required or preferred, for where the pod goes.
schedulerName Which scheduler places the pod; default-scheduler unless set.
tolerations Taints of nodes that don't keep the pod away.
hostAliases Lines for the containers' /etc/hosts.
priorityClassName The PriorityClass that gives the pod its priority.
priority The number behind priorityClassName, filled in at creation: higher ones go first and may push others out.
dnsConfig Name servers, search domains and options beside those of dnsPolicy.
readinessGates Further conditions that must be True before the pod counts as ready.
runtimeClassName The RuntimeClass that says how the node is to run the containers.
enableServiceLinks Whether the services of the namespace appear as environment variables; true unless set.
preemptionPolicy Whether the pod may push out pods of lower priority when it finds no room.
overhead What the runtime itself takes beside the containers; filled in from the RuntimeClass.
topologySpreadConstraints How evenly pods like this one are to be spread over zones, nodes or other domains.
setHostnameAsFQDN Whether the host name inside of the pod is the full domain name instead of its first part.
os The operating system that the containers are for; some fields make sense for one of them only.
hostUsers Whether the containers use the node's user IDs; false maps them into a range of their own, so that root is nobody outside.
schedulingGates While any is left the scheduler does not consider the pod; they can be taken away, not added.
resourceClaims Claims of devices that must be fulfilled before the pod starts; containers name them in resources.claims.
resources Requests and limits for all containers of the pod together.
hostnameOverride The host name exactly as the pod sees it, with nothing made of it for DNS.
schedulingGroup The group of pods that are to be scheduled together with this one.
= core.v1.PodSchedulingGroup The group that a pod is scheduled with.
podGroupName Name of the PodGroup, in the pod's namespace.
= core.v1.PodStatus How far a pod got, as its node last reported.
observedGeneration The metadata.generation that the node has acted on.
phase The whole in a word: Pending, Running, Succeeded, Failed or Unknown.
conditions Single steps and states, among them PodScheduled, Initialized, ContainersReady and Ready.
message Why the pod is in this state, for people.
reason Why the pod is in this state, as one word, such as Evicted.
nominatedNodeName The node where room is being made for the pod.
hostIP Address of the node that runs the pod.
hostIPs All addresses of that node, one for each IP family.
podIP Address of the pod within the cluster; empty until it has one.
podIPs All addresses of the pod, one for each IP family.
startTime When the node took the pod on, before images were fetched.
initContainerStatuses States of the init containers, in their order.
containerStatuses States of the containers.
qosClass How safe the pod is when memory runs short: Guaranteed, Burstable or BestEffort, derived from requests and limits.
ephemeralContainerStatuses States of the containers added for looking into the pod.
resize Replaced by the conditions PodResizePending and PodResizeInProgress.
resourceClaimStatuses Which ResourceClaim objects fulfil the pod's claims.
extendedResourceClaimStatus The claim that was made for extended resources which devices stand behind.
allocatedResources What the node has set aside for the pod as a whole.
resources Requests and limits of the pod as a whole that are in force now.
nodeAllocatableResourceClaimStatuses What claims take from the node's own resources.
= core.v1.NodeAllocatableResourceClaimStatus What one claim takes from the node's own resources.
resourceClaimName Name of the ResourceClaim.
containers The containers that use the claim.
resources Amounts by resource.
= core.v1.PodExtendedResourceClaimStatus The claim made for a pod's extended resources.
requestMappings Which request of the claim stands for which resource of which container.
resourceClaimName Name of the ResourceClaim.
= core.v1.ContainerExtendedResourceRequest Ties an extended resource of a container to a request of a claim.
containerName The container.
resourceName The extended resource that it asked for.
requestName The request in the claim that provides it.
= core.v1.PodResourceClaim A claim of devices under the name that containers use.
name The name within the pod.
resourceClaimName A ResourceClaim that exists, in the pod's namespace.
resourceClaimTemplateName The template from which a ResourceClaim is made for this pod alone.
= core.v1.PodResourceClaimStatus Which object fulfils a claim of the pod.
name The claim's name within the pod.
resourceClaimName The ResourceClaim made for it; absent if none was needed.
= core.v1.PodCondition (meta.v1.Condition) One aspect of a pod's state, such as whether it is ready.
= core.v1.PodReadinessGate A condition that has to be True before the pod is ready.
conditionType The type of the condition, looked up in status.conditions.
= core.v1.PodSchedulingGate Something that has to happen before the pod may be scheduled.
name Says who waits for what; who put the gate up takes it away.
= core.v1.PodIP An address of a pod.
ip The address.
= core.v1.HostIP An address of a node.
ip The address.
= core.v1.HostAlias Names for one address in /etc/hosts.
ip The address.
hostnames The names that lead to it.
= core.v1.PodOS The operating system of a pod.
name Either linux or windows.
= core.v1.PodDNSConfig How the pod resolves names, beside its dnsPolicy.
nameservers Addresses of name servers, asked before those of the policy; at most three.
searches Domains tried behind a name that is not fully qualified.
options Options for the resolver; one that the policy sets as well is replaced.
= core.v1.PodDNSConfigOption One option of /etc/resolv.conf.
name The option, such as ndots.
value Its value, where it takes one.
= core.v1.PodSecurityContext Users, groups and kernel settings that all containers of a pod share.
seLinuxOptions The SELinux label of the containers.
windowsOptions Settings that only Windows knows.
runAsUser The user ID that programs start with; the image's own unless set.
runAsGroup The primary group ID that programs start with.
runAsNonRoot Whether a container that would start as root is refused.
supplementalGroups Further groups of the first process in each container.
supplementalGroupsPolicy Whether groups of the image's /etc/group are added (Merge) or not (Strict).
fsGroup A group that owns mounted volumes, where their type can do it, and that all processes belong to.
sysctls Kernel parameters within the pod's namespaces.
fsGroupChangePolicy Whether ownership of a volume is set each time (Always) or only if its root differs (OnRootMismatch).
seccompProfile Which system calls are let through.
appArmorProfile The AppArmor profile of the containers.
seLinuxChangePolicy Whether a volume gets its SELinux label by mounting (MountOption) or by walking all its files (Recursive).
= core.v1.Sysctl One kernel parameter.
name The parameter, such as net.core.somaxconn.
value What it is set to.
= core.v1.SELinuxOptions An SELinux label, in its four parts.
user The user part.
role The role part.
type The type part.
level The level part.
= core.v1.SeccompProfile Which profile filters system calls.
type RuntimeDefault, Unconfined, or Localhost for a file on the node.
localhostProfile The file on the node, relative to its folder of profiles; for type Localhost only.
= core.v1.AppArmorProfile Which AppArmor profile confines a container.
type RuntimeDefault, Unconfined, or Localhost for a profile loaded on the node.
localhostProfile Name of the profile loaded on the node; for type Localhost only.
= core.v1.WindowsSecurityContextOptions What only containers on Windows can be told about security.
gmsaCredentialSpecName Name of the GMSA credential specification to use.
gmsaCredentialSpec The GMSA credential specification itself.
runAsUserName The Windows user that programs start as.
hostProcess Whether the containers run directly on the node; all of a pod do or none.
= core.v1.Affinity Rules that draw a pod to nodes and other pods, or keep it away.
nodeAffinity Rules on the nodes themselves.
podAffinity Pods that this one is to be near to.
podAntiAffinity Pods that this one is to keep away from.
= core.v1.NodeAffinity Which nodes a pod must or would rather run on.
requiredDuringSchedulingIgnoredDuringExecution Nodes that don't fit are ruled out; a pod that already runs stays when a node's labels change.
preferredDuringSchedulingIgnoredDuringExecution Nodes that fit are preferred, by the sum of the weights that apply.
= core.v1.PreferredSchedulingTerm A wish for nodes, and how much it counts.
weight How much it counts, from 1 to 100.
preference The nodes it is for.
= core.v1.PodAffinity Pods that a pod must or would rather be near to.
requiredDuringSchedulingIgnoredDuringExecution Places where no such pod runs are ruled out; a pod that already runs stays when that changes.
preferredDuringSchedulingIgnoredDuringExecution Places near such pods are preferred, by the sum of the weights that apply.
= core.v1.PodAntiAffinity Pods that a pod must or would rather keep away from.
requiredDuringSchedulingIgnoredDuringExecution Places where such a pod runs are ruled out; a pod that already runs stays when that changes.
preferredDuringSchedulingIgnoredDuringExecution Places near such pods are avoided, by the sum of the weights that apply.
= core.v1.PodAffinityTerm Describes pods, and what counts as being near to them.
labelSelector The pods, by their labels; absent, it matches none.
namespaces Namespaces in which they are looked for; with none given here or by selector, the pod's own.
topologyKey A label of nodes: nodes with the same value of it are one place.
namespaceSelector Further namespaces, by their labels; an empty selector means all of them.
matchLabelKeys Labels whose values on the incoming pod are added to the selector: only pods with the same values match.
mismatchLabelKeys Labels whose values on the incoming pod are added to the selector: only pods with other values match.
= core.v1.WeightedPodAffinityTerm A wish about nearness to pods, and how much it counts.
weight How much it counts, from 1 to 100.
podAffinityTerm The pods, and what counts as near.
= core.v1.TopologySpreadConstraint How evenly matching pods are to be spread over the values of a node label.
maxSkew By how many pods the fullest place may exceed the emptiest.
topologyKey The label of nodes whose values are the places.
whenUnsatisfiable DoNotSchedule lets the pod wait, ScheduleAnyway only prefers the more even places.
labelSelector The pods that are counted.
minDomains With fewer places than this, the emptiest counts as having no pods.
nodeAffinityPolicy Whether nodes that the pod's own node rules exclude are left out of the count (Honor) or not (Ignore).
nodeTaintsPolicy Whether nodes with taints that the pod doesn't tolerate are left out of the count (Honor) or not (Ignore).
matchLabelKeys Labels whose values on the incoming pod are added to the selector.
= core.v1.Toleration Lets a pod run on nodes with a taint that matches.
key The taint's key; empty, with operator Exists, for all of them.
operator Equal compares the value, Exists takes any, Lt and Gt compare numbers.
value The value to compare with.
effect The effect it is about; empty for all effects.
tolerationSeconds How many seconds a pod stays once a NoExecute taint appears; for ever unless set.
= core.v1.PodTemplateSpec What the pods made from it look like.
metadata Labels and annotations of the pods; the labels have to match the selector of whoever makes them.
spec The containers to run, and how and where.
= core.v1.PodTemplate A template of pods, stored by itself.
template What the pods look like.
= core.v1.Binding Puts a pod on a node; the scheduler sends it to the pod's binding subresource.
target The node.
= policy.v1.Eviction Asks for a pod to be deleted, unless a disruption budget forbids it at this time.
deleteOptions How the pod is to be deleted.
`
