/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= kind What every object has.
apiVersion Group and version of the schema that the object is written in, such as apps/v1; just v1 for the oldest kinds.
kind Name of the kind, in CamelCase: it says, with apiVersion, which schema applies.
metadata Name, namespace, labels and whatever else all objects have in common.
spec The state that is wanted.
status The state as it was last observed; written by the cluster, ignored in what users send.
= list (kind) What every list has.
metadata Which revision the list shows, and how to go on when this is one page of it.
items The objects, in the order of their namespaces and names.
= meta.v1.ObjectMeta What the cluster keeps about any object, whatever its kind.
name Identifies the object among those of its kind and namespace; it can't be changed.
generateName A beginning to which the server adds random letters when no name is given.
namespace The namespace that the object lives in, fixed at creation; empty for kinds that belong to the whole cluster.
selfLink Former URL of the object; no longer filled in.
uid Given by the server at creation and never used again: tells this object from a later one of the same name.
resourceVersion Changes with each write; send it back to have a write refused if somebody else was faster.
generation Counts the changes of what is wanted; status.observedGeneration says which one has been acted on.
creationTimestamp When the server created the object.
deletionTimestamp When the object is to be gone; present only after its deletion was asked for, and never taken back.
deletionGracePeriodSeconds How many seconds the object was given to end in an orderly way; it can only become less.
labels Short words by which selectors find the object and others group it.
annotations Notes of people and tools about the object, of any content; nothing is selected by them.
ownerReferences Objects that this one belongs to: when all of them are gone, it is deleted too.
finalizers Who has to clean up before the object goes; each takes its own name out, and the last one lets it go.
managedFields Who set which field and when: server-side apply finds conflicts by it.
= meta.v1.ManagedFieldsEntry The fields that one manager set by one way of writing.
manager Name of the program or workflow that set the fields.
operation Apply for server-side apply, Update for every other way of writing.
apiVersion The version of the kind in which the fields are named here.
time When the set of fields or one of their values last changed.
fieldsType The notation of fieldsV1; always FieldsV1.
fieldsV1 The fields, as a tree of their names.
subresource The subresource that was written, such as status; empty for the object itself.
= meta.v1.FieldsV1 A set of fields as a tree: f: begins a field, k: an item by its keys, v: one by its value, i: one by its position.
= meta.v1.OwnerReference Names an object that owns this one; it is in the same namespace, or belongs to the whole cluster.
apiVersion Group and version of the owner.
kind Kind of the owner.
name Name of the owner.
uid UID of the owner: another object that takes over its name is not the owner.
controller Whether the owner is the one that manages this object; at most one owner is.
blockOwnerDeletion Whether a foreground deletion of the owner waits until this object is gone.
= meta.v1.ListMeta What a list says about itself.
selfLink Former URL of the list; no longer filled in.
resourceVersion The revision that the list shows; a watch can begin there.
continue Send it back to get the next page; empty on the last one. It expires after some minutes.
remainingItemCount How many objects come after this page, where the server knows.
shardInfo Which part of the collection this is, if only a part was asked for.
= meta.v1.ShardInfo The part of a collection that a list shows.
selector The expression that chose the part.
= meta.v1.LabelSelector Chooses objects by their labels: all requirements together have to hold. One that is empty chooses everything.
matchLabels Labels that have to be there with just these values.
matchExpressions Requirements with operators, all of which have to hold.
= meta.v1.LabelSelectorRequirement One requirement on one label.
key The label it is about.
operator In and NotIn compare with the values; Exists and DoesNotExist ask for the label alone.
values What In and NotIn compare with; empty for the other operators.
= meta.v1.FieldSelectorRequirement (meta.v1.LabelSelectorRequirement) One requirement on one field.
key The field it is about.
operator In and NotIn compare with the values; Exists and DoesNotExist ask for the field alone.
= meta.v1.Condition One aspect of an object's state, as it was last observed.
type Which aspect, in CamelCase.
status True, False, or Unknown where nobody can tell.
observedGeneration The metadata.generation that this was found out about; older than the object's means out of date.
lastTransitionTime When status last changed from one value to another.
lastUpdateTime When the condition was last written.
lastProbeTime When the aspect was last looked at.
reason Why it is so, as one word for programs.
message Why it is so, as a sentence for people.
= meta.v1.DeleteOptions How an object is to be deleted.
gracePeriodSeconds How many seconds it has to end; 0 means at once. The kind has a default of its own.
preconditions What has to hold of the object, or the deletion is refused.
orphanDependents Replaced by propagationPolicy: true meant to leave alone what the object owns.
propagationPolicy What becomes of what it owns: Background deletes it afterwards, Foreground before, Orphan leaves it.
dryRun With All everything is checked and nothing is deleted.
ignoreStoreReadErrorWithClusterBreakingPotential Removes an object that can no longer be read from the store, with no finalizer heard.
= meta.v1.Preconditions What has to hold before something is deleted.
uid The UID that the object must have.
resourceVersion The revision that the object must still be at.
= meta.v1.Status The outcome of a request that does not answer with an object; every error is one.
metadata Empty, but for the sake of its form.
status Success or Failure.
message What happened, for people.
reason What kind of failure it is, as one word for programs, such as NotFound.
details What the failure is about.
code The HTTP status code of the answer.
= meta.v1.StatusDetails What a failure is about.
name Name of the object concerned.
group Its group.
kind Its kind or resource.
uid Its UID.
causes The single faults, where there are several.
retryAfterSeconds After how many seconds it is worth trying again.
= meta.v1.StatusCause One single fault in what was sent.
reason What kind of fault, as one word for programs.
message What is wrong, for people.
field Path of the field that is at fault, such as spec.replicas.
= meta.v1.Time A point in time by RFC 3339, to the second, such as 2026-03-01T12:00:00Z.
= meta.v1.MicroTime A point in time by RFC 3339, to the microsecond.
= resource.Quantity An amount such as 500m, 2 or 1.5Gi: m is a thousandth, k, M, G and so on are powers of 1000, Ki, Mi, Gi of 1024.
= intstr.IntOrString A number, or a text such as a percentage or the name of a port.
= runtime.RawExtension An object of any kind, kept as it is.
`
