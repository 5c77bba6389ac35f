/** Sentences for `descriptions.ts`, which says the format. */
export const text = `
= core.v1.Container One program of a pod: its image, what it is started with, and how its health is told.
name Name of the container, unique within the pod.
image The image to run: an OCI reference, or npm:NAME@VERSION and the other schemes that Sampan knows.
command What to start instead of the image's entry point; no shell takes part. $(NAME) stands for a variable of env.
args Arguments instead of those of the image. $(NAME) stands for a variable of env.
workingDir Folder to start in; the image's own unless set.
ports Ports that the program listens on, for readers and for names; leaving one out closes nothing.
envFrom ConfigMaps and Secrets all of whose keys become environment variables; env goes before them.
env Environment variables, one by one.
resources How much CPU, memory and so on it is sure of and may take at most.
resizePolicy Whether a change of its resources needs a restart, resource by resource.
restartPolicy For this container alone: Always makes an init container a sidecar.
restartPolicyRules What a certain exit code leads to, asked in order before restartPolicy.
volumeMounts Volumes of the pod, and where the container sees them.
volumeDevices Block volumes of the pod, and as which device the container sees them.
livenessProbe Tells whether the program still works; it is restarted when that fails.
readinessProbe Tells whether it can serve now; while that fails services send it nothing.
startupProbe Holds the other probes back until the program has started; if it never does it is restarted.
lifecycle What to do right after the start and before the end.
terminationMessagePath File whose content becomes the message of the container's last state; /dev/termination-log unless set.
terminationMessagePolicy Whether, with that file empty, the end of the log of a failed container serves instead.
imagePullPolicy When to ask the registry: Always, IfNotPresent or Never; Always for the tag latest, otherwise IfNotPresent, unless set.
securityContext User, capabilities and the like; where the pod's securityContext says the same, this one counts.
stdin Whether standard input stays open, for kubectl attach and run -i.
stdinOnce Whether standard input is closed for good once the first client has left.
tty Whether it gets a terminal; wants stdin too.
= core.v1.EphemeralContainer (core.v1.Container) A container added to a running pod to look into it; it has no probes, ports and guarantees.
targetContainerName The container whose processes it is to see.
= core.v1.ContainerPort A port that a container listens on.
name A name that services and probes may say instead of the number; unique within the pod.
hostPort The port of the node that leads here, if any.
containerPort The port on the pod's address.
protocol TCP, UDP or SCTP; TCP unless set.
hostIP The address of the node that hostPort is opened on; all of them unless set.
= core.v1.ContainerResizePolicy What a change of one resource means for a running container.
resourceName The resource: cpu or memory.
restartPolicy NotRequired changes it in place, RestartContainer starts the container anew.
= core.v1.ContainerRestartRule What to do when a container ends in a certain way.
action What to do: Restart, or RestartAllContainers for the whole pod.
exitCodes The exit codes it is about.
= core.v1.ContainerRestartRuleOnExitCodes A set of exit codes.
operator In for the codes listed, NotIn for all others.
values The exit codes.
= core.v1.EnvVar An environment variable.
name Name of the variable.
value Its value; $(OTHER) stands for a variable defined before, $$ for a single dollar sign.
valueFrom Where the value is taken from instead; not together with value.
= core.v1.EnvVarSource Where a variable's value comes from; one of these.
fieldRef A field of the pod, such as metadata.name or status.podIP.
resourceFieldRef A request or limit of a container.
configMapKeyRef A key of a ConfigMap.
secretKeyRef A key of a Secret.
fileKeyRef A key in a file of variables that a volume holds.
= core.v1.EnvFromSource An object all of whose keys become environment variables.
prefix Put before each key.
configMapRef The ConfigMap.
secretRef The Secret.
= core.v1.ConfigMapEnvSource A ConfigMap whose keys become variables.
name Name of the ConfigMap, in the pod's namespace.
optional Whether the container starts without it when it doesn't exist.
= core.v1.SecretEnvSource A Secret whose keys become variables.
name Name of the Secret, in the pod's namespace.
optional Whether the container starts without it when it doesn't exist.
= core.v1.ConfigMapKeySelector One key of a ConfigMap.
name Name of the ConfigMap, in the same namespace.
key The key in its data.
optional Whether it may be missing.
= core.v1.SecretKeySelector One key of a Secret.
name Name of the Secret, in the same namespace.
key The key in its data.
optional Whether it may be missing.
= core.v1.FileKeySelector One variable in a file.
volumeName The volume, among those of the pod, that holds the file.
path Path of the file within the volume.
key Name of the variable in the file.
optional Whether it may be missing.
= core.v1.ObjectFieldSelector One field of an object.
apiVersion The version of the schema in which the path is written; v1 unless set.
fieldPath Path of the field, such as metadata.labels['app'].
= core.v1.ResourceFieldSelector One request or limit of a container.
containerName The container; left out in environment variables, where it is the container itself.
resource Which one, such as limits.cpu or requests.memory.
divisor The unit of the number that comes out, such as 1Mi; 1 unless set.
= core.v1.ResourceRequirements What a container, or a pod as a whole, is sure of and what it may take at most.
limits At most this much; beyond it CPU is throttled, and memory ends the program.
requests This much is set aside on the node; the limit counts where nothing is requested.
claims Claims of devices, named in the pod's resourceClaims, that are used.
= core.v1.ResourceClaim A claim of devices that a container uses.
name Its name in the pod's resourceClaims.
request Only this request of the claim; all of it unless set.
= core.v1.VolumeMount Where a container sees a volume.
name Name of the volume, in the pod's volumes.
readOnly Whether it can't be written there.
recursiveReadOnly Whether a read-only mount holds for what is mounted below it too: Disabled, IfPossible or Enabled.
mountPath Where the container finds it.
subPath A folder or file within the volume to mount instead of its root.
mountPropagation Whether later mounts below it pass between node and container: None, HostToContainer or Bidirectional.
subPathExpr Like subPath, with $(NAME) standing for the container's environment variables.
= core.v1.VolumeDevice As which device a container sees a block volume.
name Name of the claim's volume, in the pod's volumes.
devicePath Path of the device in the container.
= core.v1.Probe A check that is made again and again.
exec Runs a command in the container; exit code 0 is a success.
httpGet Asks over HTTP; status codes from 200 to 399 are a success.
tcpSocket Opens a TCP connection.
grpc Asks the gRPC health service.
initialDelaySeconds How many seconds after the start of the container the first check is made.
timeoutSeconds After how many seconds without an answer a check has failed; 1 unless set.
periodSeconds How many seconds lie between two checks; 10 unless set.
successThreshold How many successes in a row are needed after a failure; 1 for liveness and startup.
failureThreshold How many failures in a row count; 3 unless set.
terminationGracePeriodSeconds How many seconds the container has to end when this probe fails, instead of the pod's own.
= core.v1.ExecAction A command in a container.
command Program and arguments; no shell takes part unless it is the program.
= core.v1.HTTPGetAction A GET request.
path The path to ask for; / unless set.
port Number or name of the port.
host Name or address to connect to; the pod's address unless set.
scheme HTTP or HTTPS, whose certificate is not checked; HTTP unless set.
httpHeaders Headers to send along.
= core.v1.HTTPHeader One header of a request.
name Its name.
value Its value.
= core.v1.TCPSocketAction A TCP connection.
port Number or name of the port.
host Name or address to connect to; the pod's address unless set.
= core.v1.GRPCAction A question to the gRPC health service.
port The port to ask at.
service The service to ask about; the empty name unless set.
= core.v1.SleepAction A pause.
seconds How many seconds it lasts.
= core.v1.Lifecycle What happens at a container's start and end.
postStart Done right after the start; if it fails the container is restarted.
preStop Done before the container is asked to end, within its grace period.
stopSignal The signal that asks it to end, such as SIGINT; the image's own or SIGTERM unless set.
= core.v1.LifecycleHandler What to do at a container's start or end; one of these.
exec Runs a command in the container.
httpGet Sends a GET request to the container.
tcpSocket Kept for old objects; it does nothing.
sleep Waits.
= core.v1.SecurityContext What a container's processes may do, and as whom they run.
capabilities Single rights of root to add or to drop.
privileged Whether it may do on the node whatever root may.
seLinuxOptions The SELinux label of the container.
windowsOptions Settings that only Windows knows.
runAsUser The user ID that the program starts with; the image's own unless set.
runAsGroup The primary group ID that the program starts with.
runAsNonRoot Whether the container is refused if it would start as root.
readOnlyRootFilesystem Whether its root file system can't be written; volumes can.
allowPrivilegeEscalation Whether a process may gain more rights than its parent has, by setuid programs for instance.
procMount How much of /proc is hidden: Default or Unmasked.
seccompProfile Which system calls are let through.
appArmorProfile The AppArmor profile of the container.
= core.v1.Capabilities Single rights of root, by the names that Linux gives them without CAP_.
add Rights to add to those of the runtime.
drop Rights to take away; ALL stands for every one.
= core.v1.ContainerStatus State of a container, as its node last reported.
name Name of the container.
state What it is doing now.
lastState How it ended last time, once it has been restarted.
ready Whether it can serve now.
restartCount How often it was restarted.
image The image that runs.
imageID The image that runs, by its digest where it has one.
containerID The runtime and its name of the container, as RUNTIME://ID.
started Whether its start is complete: its postStart and its startupProbe have succeeded.
allocatedResources What the node has set aside for it.
resources Requests and limits that are in force now.
volumeMounts Its mounts, as they turned out.
user The user that its first process started with.
allocatedResourcesStatus Health of the devices it was given.
stopSignal The signal that asks it to end.
= core.v1.ContainerState What a container is doing; one of these. None at all counts as waiting.
waiting It is yet to start, or to start again.
running It runs.
terminated It has ended.
= core.v1.ContainerStateWaiting A container that is yet to start.
reason What it waits for, as one word, such as ImagePullBackOff.
message What it waits for, for people.
= core.v1.ContainerStateRunning A container that runs.
startedAt When it was started, or started again.
= core.v1.ContainerStateTerminated A container that has ended.
exitCode Its exit code.
signal The signal that ended it, if one did.
reason Why it ended, as one word: Completed, Error, OOMKilled.
message What it left in its termination message.
startedAt When it had started.
finishedAt When it ended.
containerID The runtime and its name of the container, as RUNTIME://ID.
= core.v1.ContainerUser The user that a container's first process has.
linux User and groups on Linux.
= core.v1.LinuxContainerUser User and groups of a process, by number.
uid Its user.
gid Its primary group.
supplementalGroups Its further groups.
= core.v1.ResourceStatus Health of what one resource of a container consists of.
name The resource, or claim:NAME/REQUEST.
resources Each of its parts.
= core.v1.ResourceHealth Health of one device.
resourceID The device.
health Healthy, Unhealthy or Unknown.
message More about its health, for people.
= core.v1.VolumeMountStatus A mount, as it turned out.
name Name of the volume.
mountPath Where the container finds it.
readOnly Whether it can't be written there.
recursiveReadOnly Whether that holds for what is mounted below it too.
volumeStatus More about the volume itself.
= core.v1.VolumeStatus More about a mounted volume, by its type.
image What is known of an image that was mounted.
= core.v1.ImageVolumeStatus An image that was mounted as a volume.
imageRef The image by its digest.
`
