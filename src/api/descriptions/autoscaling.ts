/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= autoscaling.v2.HorizontalPodAutoscaler Sets the number of pods of something by what they measure.
spec What to scale, between which numbers, by which measurements.
status What was measured, and what followed.
= autoscaling.v2.HorizontalPodAutoscalerSpec What is wanted of an autoscaler.
scaleTargetRef The object whose number of pods is set.
minReplicas The least number of pods; 1 unless set.
maxReplicas The greatest number of pods.
metrics What is measured; the measurement that asks for most pods decides. CPU at 80% unless set.
behavior How fast the number may rise and fall.
= autoscaling.v2.HorizontalPodAutoscalerBehavior How fast the number of pods may change.
scaleUp How fast it may rise; at once, doubled or by 4 in 15 seconds, unless set.
scaleDown How fast it may fall; to the most that was wanted within five minutes, unless set.
= autoscaling.v2.HPAScalingRules How fast the number of pods may change in one direction.
stabilizationWindowSeconds How many seconds of earlier results are heeded, so that the number does not go up and down.
selectPolicy Which policy counts when there are several: Max, Min, or Disabled for no change at all.
policies The bounds on each change.
tolerance By how much the measurement may differ from its target before anything is changed; a tenth unless set.
= autoscaling.v2.HPAScalingPolicy One bound on how fast the number of pods may change.
type Whether value counts Pods or is a Percent of them.
value By how much at most, within periodSeconds.
periodSeconds The time it is about, up to 1800 seconds.
= autoscaling.v2.CrossVersionObjectReference Names an object by its kind, whatever the version.
kind Kind of the object.
name Name of the object, in the same namespace.
apiVersion Group and version of the object.
= autoscaling.v2.MetricSpec One thing that is measured, and what it should be.
type Which of the fields below it is: Resource, ContainerResource, Pods, Object or External.
object A measurement of another object, such as the requests of an Ingress.
pods A measurement of each pod, taken as an average.
resource CPU or memory of the pods, as a whole.
containerResource CPU or memory of one container in each pod.
external A measurement of something outside of the cluster, such as the length of a queue.
= autoscaling.v2.MetricIdentifier Names a measurement.
name Its name.
selector Labels that narrow it down; all of that name unless set.
= autoscaling.v2.MetricTarget What a measurement should be.
type Which of the fields below counts: Utilization, Value or AverageValue.
value The value as a whole.
averageValue The value divided by the number of pods.
averageUtilization The percentage of what the pods request; for Resource and ContainerResource only.
= autoscaling.v2.MetricValueStatus (autoscaling.v2.MetricTarget) What a measurement is now.
= autoscaling.v2.ResourceMetricSource CPU or memory of the pods, and what it should be.
name The resource, such as cpu.
target What it should be.
= autoscaling.v2.ContainerResourceMetricSource (autoscaling.v2.ResourceMetricSource) CPU or memory of one container in each pod, and what it should be.
container The container.
= autoscaling.v2.PodsMetricSource A measurement of each pod, and what it should be.
metric The measurement.
target What its average over the pods should be.
= autoscaling.v2.ObjectMetricSource A measurement of another object, and what it should be.
describedObject The object.
target What it should be.
metric The measurement.
= autoscaling.v2.ExternalMetricSource A measurement from outside of the cluster, and what it should be.
metric The measurement.
target What it should be.
= autoscaling.v2.HorizontalPodAutoscalerStatus What an autoscaler last saw and did.
observedGeneration The metadata.generation that the controller has acted on.
lastScaleTime When the number of pods was last changed.
currentReplicas How many pods there were when it last looked.
desiredReplicas How many it then wanted.
currentMetrics What was measured.
conditions ScalingActive, AbleToScale and ScalingLimited.
= autoscaling.v2.HorizontalPodAutoscalerCondition (meta.v1.Condition) One aspect of an autoscaler's state.
= autoscaling.v2.MetricStatus (autoscaling.v2.MetricSpec) One measurement as it is now.
= autoscaling.v2.ResourceMetricStatus CPU or memory of the pods as it is now.
name The resource, such as cpu.
current What it is.
= autoscaling.v2.ContainerResourceMetricStatus (autoscaling.v2.ResourceMetricStatus) CPU or memory of one container in each pod as it is now.
container The container.
= autoscaling.v2.PodsMetricStatus A measurement of each pod as it is now.
metric The measurement.
current What its average over the pods is.
= autoscaling.v2.ObjectMetricStatus A measurement of another object as it is now.
metric The measurement.
current What it is.
describedObject The object.
= autoscaling.v2.ExternalMetricStatus A measurement from outside of the cluster as it is now.
metric The measurement.
current What it is.
= autoscaling.v1.HorizontalPodAutoscaler Sets the number of pods of something by their CPU; version 2 knows more measurements.
spec What to scale, between which numbers, at which CPU.
status What was measured, and what followed.
= autoscaling.v1.HorizontalPodAutoscalerSpec (autoscaling.v2.HorizontalPodAutoscalerSpec) What is wanted of an autoscaler.
targetCPUUtilizationPercentage What percentage of the CPU that they request the pods should use; 80 unless set.
= autoscaling.v1.HorizontalPodAutoscalerStatus (autoscaling.v2.HorizontalPodAutoscalerStatus) What an autoscaler last saw and did.
currentCPUUtilizationPercentage What percentage of the CPU that they request the pods use.
= autoscaling.v1.CrossVersionObjectReference (autoscaling.v2.CrossVersionObjectReference) Names an object by its kind, whatever the version.
= autoscaling.v1.Scale The number of pods of an object, as its scale subresource tells it, whatever its kind.
spec The number that is wanted.
status The number that there is.
= autoscaling.v1.ScaleSpec The number of pods that is wanted.
replicas How many pods are wanted.
= autoscaling.v1.ScaleStatus The number of pods that there is.
replicas How many pods there are.
selector The pods, as a label selector in text form.
= metrics.v1beta1.NodeMetrics What a node uses now.
timestamp When it was measured: the end of the window.
window The time that the numbers are an average over.
usage CPU in cores and memory in bytes.
= metrics.v1beta1.PodMetrics What a pod uses now.
timestamp When it was measured: the end of the window.
window The time that the numbers are an average over.
containers What each of its containers uses.
= metrics.v1beta1.ContainerMetrics What a container uses now.
name Name of the container.
usage CPU in cores and memory in bytes.
`
