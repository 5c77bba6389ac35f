/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= core.v1.ConfigMap Settings as keys and values, which pods take as variables or files.
immutable Whether its content can't be changed any more; such a ConfigMap can only be deleted.
data Keys and values that are text.
binaryData Keys and values that are any bytes, in base64.
= core.v1.Secret Keys and values that not everybody shall read, which pods take as variables or files.
immutable Whether its content can't be changed any more; such a Secret can only be deleted.
data Keys and values, in base64.
stringData Keys and values as plain text, for writing only: they go into data.
type What it is for, such as Opaque, kubernetes.io/tls or kubernetes.io/dockerconfigjson; some types demand certain keys.
= core.v1.SecretReference Names a Secret in any namespace.
name Name of the Secret.
namespace Namespace of the Secret.
= core.v1.LocalObjectReference Names an object in the same namespace.
name Name of the object.
= core.v1.TypedLocalObjectReference Names an object of any kind in the same namespace.
apiGroup Group of the object; the core group unless set.
kind Kind of the object.
name Name of the object.
= core.v1.TypedObjectReference Names an object of any kind.
apiGroup Group of the object; the core group unless set.
kind Kind of the object.
name Name of the object.
namespace Namespace of the object; the same one unless set.
= core.v1.ObjectReference Names an object, or a part of it.
kind Kind of the object.
namespace Namespace of the object.
name Name of the object.
uid UID of the object.
apiVersion Group and version of the object.
resourceVersion The revision of the object that is meant.
fieldPath The part of the object that is meant, such as spec.containers{web}.
= core.v1.Event Something that happened to an object, kept for an hour or so.
involvedObject The object that it happened to.
reason What happened, as one word, such as Scheduled.
message What happened, as a sentence.
source Who reported it.
firstTimestamp When it happened first.
lastTimestamp When it happened last.
count How often it has happened.
type Normal or Warning.
eventTime When it happened first, to the microsecond.
series How it goes on, when it happens again and again.
action What was done, or could not be.
related Another object that had to do with it.
reportingComponent Who reported it, such as example.org/controller.
reportingInstance Which of several that was.
= core.v1.EventSource Who reported an event.
component The program.
host The node that it runs on.
= core.v1.EventSeries An event that happens again and again.
count How often it has happened so far.
lastObservedTime When it happened last.
= events.v1.Event Something that happened to an object; the same objects as the Events of the core group.
eventTime When it happened first.
series How it goes on, when it happens again and again.
reportingController Who reported it, such as example.org/controller.
reportingInstance Which of several that was.
action What was done, or could not be, as one word.
reason Why, as one word.
regarding The object that it is about.
related Another object that had to do with it.
note What happened, as a sentence of at most 1024 bytes.
type Normal or Warning.
deprecatedSource The field source of the core group.
deprecatedFirstTimestamp The field firstTimestamp of the core group.
deprecatedLastTimestamp The field lastTimestamp of the core group.
deprecatedCount The field count of the core group.
= events.v1.EventSeries (core.v1.EventSeries) An event that happens again and again.
= coordination.v1.Lease Says who holds something, and until when: leaders are elected and nodes stay known by it.
spec The holder, and its time.
= coordination.v1.LeaseSpec Who holds a lease, and until when.
holderIdentity Who holds it.
leaseDurationSeconds After how many seconds without renewal others may take it.
acquireTime When the holder got it.
renewTime When the holder last renewed it.
leaseTransitions How often it went from one holder to another.
strategy How the holder is chosen where candidates leave that to the cluster.
preferredHolder Who should have it; the holder is asked to give it up.
= core.v1.LimitRange Bounds and defaults for the resources of single objects in a namespace.
spec The bounds.
= core.v1.LimitRangeSpec The bounds for a namespace.
limits The bounds, by what they are for.
= core.v1.LimitRangeItem Bounds for the resources of one type of object.
type What it is for: Container, Pod or PersistentVolumeClaim.
max The most that each may ask for.
min The least that each has to ask for.
default The limits of containers that set none.
defaultRequest The requests of containers that set none.
maxLimitRequestRatio By how many times a limit may exceed its request.
= core.v1.ResourceQuota Bounds what all objects of a namespace take together.
spec The bounds.
status What is taken.
= core.v1.ResourceQuotaSpec Bounds on what all objects of a namespace take together.
hard The bounds: of requests.cpu, limits.memory, pods, count/deployments.apps and so on.
scopes Only objects of all these scopes count, such as BestEffort.
scopeSelector The same, with values: pods of a certain priority class for instance.
= core.v1.ScopeSelector Chooses objects by their scopes: all requirements have to hold.
matchExpressions The requirements.
= core.v1.ScopedResourceSelectorRequirement One requirement on an object's scope.
scopeName The scope.
operator In and NotIn compare with the values; Exists and DoesNotExist ask for the scope alone.
values What In and NotIn compare with; empty for the other operators.
= core.v1.ResourceQuotaStatus What the objects of a namespace take.
hard The bounds that are in force.
used What is taken of each.
= scheduling.v1.PriorityClass A name for how important pods are.
value The number that pods get: higher ones go first, and may push others out.
globalDefault Whether it is for pods that name none; one class at most should be.
description What it is for, for people.
preemptionPolicy Whether such pods may push out others: PreemptLowerPriority, or Never.
= node.v1.RuntimeClass A way of running containers, which pods choose by name.
handler What nodes call it; can't be changed.
overhead What it takes beside the containers.
scheduling Which nodes have it.
= node.v1.Overhead What a way of running pods takes beside their containers.
podFixed The amounts for each pod.
= node.v1.Scheduling Which nodes have a way of running pods.
nodeSelector Labels that such nodes have; added to the pods.
tolerations Taints that such nodes may have; added to the pods.
`
