/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= apps.v1.Deployment Keeps a number of equal pods running, and replaces them bit by bit when their template changes.
spec How many pods, what they look like, and how a change is rolled out.
status How far that is.
= apps.v1.DeploymentSpec What is wanted of a Deployment.
replicas How many pods are wanted; 1 unless set.
selector The pods that belong to it; it has to match the template's labels and can't be changed.
template What the pods look like; a change of it starts a rollout.
strategy How old pods are replaced by new ones.
minReadySeconds How many seconds a new pod has to be ready before it counts as available.
revisionHistoryLimit How many old ReplicaSets are kept to roll back to; 10 unless set.
paused Whether changes of the template wait instead of being rolled out.
progressDeadlineSeconds After how many seconds without progress a rollout is reported as stuck; 600 unless set.
= apps.v1.DeploymentStrategy Bit by bit, or all at once.
type RollingUpdate goes bit by bit, Recreate ends all old pods first.
rollingUpdate How many pods at a time; for RollingUpdate only.
= apps.v1.RollingUpdateDeployment How many pods at a time a rollout may touch.
maxUnavailable How many of the wanted pods, as a number or a percentage, may be missing meanwhile; 25% unless set.
maxSurge How many pods more than wanted, as a number or a percentage, there may be meanwhile; 25% unless set.
= apps.v1.DeploymentStatus How far a Deployment is.
observedGeneration The metadata.generation that the controller has acted on.
replicas How many pods it has, old and new.
updatedReplicas How many of them are of the present template.
readyReplicas How many of them are ready.
availableReplicas How many of them have been ready for minReadySeconds.
unavailableReplicas How many pods it still lacks until all are available.
terminatingReplicas How many of its pods are being ended.
conditions Available, Progressing and ReplicaFailure.
collisionCount How often the name of a new ReplicaSet was taken; it goes into the next name.
= apps.v1.DeploymentCondition (meta.v1.Condition) One aspect of a Deployment's state.
= apps.v1.ReplicaSet Keeps a number of equal pods running; usually made by a Deployment, one for each template.
spec How many pods, and what new ones look like.
status How many there are.
= apps.v1.ReplicaSetSpec What is wanted of a ReplicaSet.
replicas How many pods are wanted; 1 unless set.
minReadySeconds How many seconds a new pod has to be ready before it counts as available.
selector The pods that belong to it; it has to match the template's labels and can't be changed.
template What new pods look like; those that exist stay as they are.
= apps.v1.ReplicaSetStatus How many pods a ReplicaSet has.
replicas How many pods it has.
fullyLabeledReplicas How many of them have all labels of the template.
readyReplicas How many of them are ready.
availableReplicas How many of them have been ready for minReadySeconds.
terminatingReplicas How many of its pods are being ended.
observedGeneration The metadata.generation that the controller has acted on.
conditions ReplicaFailure, when pods can't be made or deleted.
= apps.v1.ReplicaSetCondition (meta.v1.Condition) One aspect of a ReplicaSet's state.
= apps.v1.StatefulSet Runs pods that each have a lasting name, NAME-0, NAME-1 and so on, and storage of their own.
spec How many pods, what they look like, and what storage each gets.
status How far that is.
= apps.v1.StatefulSetSpec What is wanted of a StatefulSet.
replicas How many pods are wanted; 1 unless set.
selector The pods that belong to it; it has to match the template's labels and can't be changed.
template What the pods look like; their names and volume claims are added.
volumeClaimTemplates Claims that each pod gets for itself, named TEMPLATE-POD, and finds again when it is made anew.
serviceName The headless service under which each pod gets a DNS name; it is made apart.
podManagementPolicy OrderedReady makes and ends pods one after the other, Parallel all at once.
updateStrategy How pods are replaced when the template changes.
revisionHistoryLimit How many old templates are kept to roll back to; 10 unless set.
minReadySeconds How many seconds a new pod has to be ready before it counts as available.
persistentVolumeClaimRetentionPolicy What becomes of the claims of pods that go; they stay unless set.
ordinals Where the pods' numbers begin.
= apps.v1.StatefulSetUpdateStrategy How a StatefulSet's pods are replaced when the template changes.
type RollingUpdate replaces them from the highest number down, OnDelete only when somebody deletes them.
rollingUpdate Details of RollingUpdate.
= apps.v1.RollingUpdateStatefulSetStrategy How far, and how many at a time, a StatefulSet's pods are replaced.
partition Only pods with this number or a higher one are replaced; 0 unless set.
maxUnavailable How many pods, as a number or a percentage, may be missing meanwhile; 1 unless set.
= apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy What becomes of a StatefulSet's claims.
whenDeleted Retain or Delete, once the StatefulSet is deleted.
whenScaled Retain or Delete, once there are fewer pods.
= apps.v1.StatefulSetOrdinals The numbers of a StatefulSet's pods.
start The first number; 0 unless set.
= apps.v1.StatefulSetStatus How far a StatefulSet is.
observedGeneration The metadata.generation that the controller has acted on.
replicas How many pods it has.
readyReplicas How many of them are ready.
currentReplicas How many of them are of currentRevision.
updatedReplicas How many of them are of updateRevision.
currentRevision The template that pods had before the rollout under way.
updateRevision The template that pods are being brought to.
collisionCount How often the name of a new ControllerRevision was taken; it goes into the next name.
conditions Single aspects of its state.
availableReplicas How many of its pods have been ready for minReadySeconds.
= apps.v1.StatefulSetCondition (meta.v1.Condition) One aspect of a StatefulSet's state.
= apps.v1.DaemonSet Runs one pod on every node that fits, on those that join later too.
spec What the pods look like; their nodeSelector and affinity say which nodes.
status On how many nodes that is so.
= apps.v1.DaemonSetSpec What the pods look like, and how they are replaced.
selector The pods that belong to it; it has to match the template's labels and can't be changed.
template What the pods look like; their nodeSelector and affinity say which nodes.
updateStrategy How pods are replaced when the template changes.
minReadySeconds How many seconds a new pod has to be ready before it counts as available.
revisionHistoryLimit How many old templates are kept to roll back to; 10 unless set.
= apps.v1.DaemonSetUpdateStrategy How a DaemonSet's pods are replaced when the template changes.
type RollingUpdate goes from node to node, OnDelete replaces a pod only when somebody deletes it.
rollingUpdate How many at a time; for RollingUpdate only.
= apps.v1.RollingUpdateDaemonSet How many nodes at a time a rollout may touch.
maxUnavailable On how many nodes, as a number or a percentage, the pod may be missing meanwhile; 1 unless set.
maxSurge On how many nodes, as a number or a percentage, a new pod may start beside the old one; 0 unless set.
= apps.v1.DaemonSetStatus On how many nodes a DaemonSet's pods run.
currentNumberScheduled On how many of the nodes that should run the pod it is.
numberMisscheduled On how many nodes it runs that should not run it.
desiredNumberScheduled How many nodes should run it.
numberReady On how many of them it is ready.
observedGeneration The metadata.generation that the controller has acted on.
updatedNumberScheduled On how many of them it is of the present template.
numberAvailable On how many of them it has been ready for minReadySeconds.
numberUnavailable On how many of them it is not yet available.
collisionCount How often the name of a new ControllerRevision was taken; it goes into the next name.
conditions Single aspects of its state.
= apps.v1.DaemonSetCondition (meta.v1.Condition) One aspect of a DaemonSet's state.
= apps.v1.ControllerRevision An earlier template of a StatefulSet or DaemonSet, kept to roll back to.
data The part of the owner that the revision holds.
revision Its number; later ones are higher.
= batch.v1.Job Runs pods until a number of them has succeeded.
spec What to run, how often, and when to give up.
status How far that is.
= batch.v1.JobSpec What is wanted of a Job.
parallelism How many pods may run at the same time; 1 unless set.
completions How many pods have to succeed; unset, the success of any one ends a Job that runs several in parallel.
activeDeadlineSeconds After how many seconds the Job is ended and counts as failed.
podFailurePolicy What certain failures of pods lead to, asked before backoffLimit.
successPolicy When the Job counts as done although not all its indexes are.
backoffLimit After how many failures the Job counts as failed; 6 unless set.
backoffLimitPerIndex After how many failures one index counts as failed.
maxFailedIndexes With how many failed indexes the whole Job counts as failed.
selector The pods that belong to it; made by the server unless manualSelector is true.
manualSelector Whether selector and the template's labels are left as they were written.
template What the pods look like; their restartPolicy is OnFailure or Never.
ttlSecondsAfterFinished How many seconds after its end the Job is deleted; never unless set.
completionMode NonIndexed counts any successes; Indexed wants one for each number from 0, which the pod finds in JOB_COMPLETION_INDEX.
suspend Whether no pods are started and those that run are ended.
podReplacementPolicy Whether a new pod is made once the old one is being ended (TerminatingOrFailed) or only after it failed.
managedBy The controller that is to run this Job instead of the built-in one.
= batch.v1.PodFailurePolicy What failures of a Job's pods lead to.
rules Asked in order; the first that matches decides.
= batch.v1.PodFailurePolicyRule What one kind of failure leads to.
action FailJob ends the Job, FailIndex the index, Ignore counts nothing, Count counts as usual.
onExitCodes Exit codes that it applies to.
onPodConditions Conditions of the pod that it applies to.
= batch.v1.PodFailurePolicyOnExitCodesRequirement A set of exit codes.
containerName Only those of this container; of any unless set.
operator In for the codes listed, NotIn for all others but 0.
values The exit codes.
= batch.v1.PodFailurePolicyOnPodConditionsPattern A condition of a pod.
type The type of the condition.
status The status it must have; True unless set.
= batch.v1.SuccessPolicy When a Job counts as done although not all its indexes are.
rules Asked in order; the first that is met decides.
= batch.v1.SuccessPolicyRule Successes that are enough.
succeededIndexes The indexes that have to succeed, such as 0,2-4.
succeededCount How many of them have to succeed; all of them unless set.
= batch.v1.JobStatus How far a Job is.
conditions Complete, Failed and Suspended, with what leads up to them.
startTime When it began, or went on after it had been suspended.
completionTime When it was done; absent if it failed.
active How many of its pods are waiting or running and not being ended.
succeeded How many of its pods have succeeded.
failed How many of its pods have failed.
terminating How many of its pods are being ended.
completedIndexes The indexes that have succeeded, such as 0,2-4.
failedIndexes The indexes that have failed for good.
uncountedTerminatedPods Pods that have ended and are not yet in the numbers.
ready How many of the active pods are ready.
= batch.v1.UncountedTerminatedPods Pods that have ended and are not yet counted, by their UIDs.
succeeded Those that succeeded.
failed Those that failed.
= batch.v1.JobCondition (meta.v1.Condition) One aspect of a Job's state.
= batch.v1.JobTemplateSpec What the Jobs made from it look like.
metadata Labels and annotations of the Jobs.
spec What they run.
= batch.v1.CronJob Makes Jobs by the clock.
spec When, and what the Jobs look like.
status What is under way, and when it last was.
= batch.v1.CronJobSpec When Jobs are made, and what they look like.
schedule Minute, hour, day of the month, month and day of the week, as cron writes them; or a word such as @hourly.
timeZone The time zone that the schedule is meant in, such as Europe/Berlin; the controller's own unless set.
startingDeadlineSeconds How many seconds late a Job may still be made when its time was missed; any unless set.
concurrencyPolicy While the last Job still runs: Allow makes another, Forbid skips it, Replace ends the old one.
suspend Whether no more Jobs are made; those that run go on.
jobTemplate What the Jobs look like.
successfulJobsHistoryLimit How many Jobs that succeeded are kept; 3 unless set.
failedJobsHistoryLimit How many Jobs that failed are kept; 1 unless set.
= batch.v1.CronJobStatus What a CronJob has under way.
active Its Jobs that run.
lastScheduleTime When a Job was last due.
lastSuccessfulTime When a Job last succeeded.
= core.v1.ReplicationController Keeps a number of equal pods running; older than ReplicaSet and Deployment, which replace it.
spec How many pods, and what new ones look like.
status How many there are.
= core.v1.ReplicationControllerSpec What is wanted of a ReplicationController.
replicas How many pods are wanted; 1 unless set.
minReadySeconds How many seconds a new pod has to be ready before it counts as available.
selector Labels that the pods belonging to it have; those of the template unless set.
template What new pods look like.
= core.v1.ReplicationControllerStatus (apps.v1.ReplicaSetStatus) How many pods a ReplicationController has.
= core.v1.ReplicationControllerCondition (meta.v1.Condition) One aspect of a ReplicationController's state.
= policy.v1.PodDisruptionBudget Bounds how many pods of a group may be taken away at the same time on purpose, by a drain for instance.
spec Which pods, and how many have to stay.
status How many may go at this time.
= policy.v1.PodDisruptionBudgetSpec What is wanted of a disruption budget.
minAvailable How many, as a number or a percentage, have to stay; not together with maxUnavailable.
selector The pods; an empty selector means all of the namespace.
maxUnavailable How many, as a number or a percentage, may be missing; not together with minAvailable.
unhealthyPodEvictionPolicy Whether pods that are not ready may always go (AlwaysAllow) or only while enough others are (IfHealthyBudget).
= policy.v1.PodDisruptionBudgetStatus How many pods may go at this time.
observedGeneration The metadata.generation that the numbers are about.
disruptedPods Pods whose eviction was granted and not yet seen, with the time of it.
disruptionsAllowed How many more may go.
currentHealthy How many are healthy.
desiredHealthy How many have to stay healthy.
expectedPods How many there should be.
conditions DisruptionAllowed: whether any more may go.
`
