/** From a container's spec to a started program: volumes, image, environment, command, mounts, in upstream's order. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { describeError } from '../base/logger.ts'
import { ioLimitsOf } from '../api/io-limits.ts'
import { isRunOnce } from '../api/run-once.ts'
import { milliValueOf, parseQuantity, valueOf } from '../api/quantity.ts'
import type { ConfigMap, Container, Pod, Secret } from '../api/schema/types.gen.ts'
import { resolveEntry } from '../runtime/packages/entry.ts'
import type { Prepared } from '../runtime/packages/prepared.ts'
import type { Handle, WorkloadSpec } from '../runtime/runtime.ts'
import { askAhead } from './ask-ahead.ts'
import { nextAttempt } from './attempts.ts'
import { checkCustomCommand } from './command-policy.ts'
import type { ContainerLaunch, ContainerRun } from './container-run.ts'
import type { NodeContext } from './context.ts'
import { envReferences, expandAll, makeEnv } from './env.ts'
import { prepareImage, type PreparedImage } from './image.ts'
import { runHook } from './lifecycle-hooks.ts'
import { mountCommand, type Mount } from './mounts.ts'
import type { PodPaths } from './pod-records.ts'
import type { PodVolumes } from './pod-volumes.ts'
import { graceSecondsOf } from './pod-stop.ts'
import { confirmRunOnce, requireLease } from './run-once.ts'
import { makePermission } from './permission.ts'
import { makeSandbox } from './sandbox.ts'
import { levelOf, noSandbox, usableLevels } from './sandbox-level.ts'
import type { ProbeTarget } from './prober.ts'
import { terminationFile, terminationPathDefault } from './termination-message.ts'
import { VolumeError } from './volumes.ts'

export interface StartInput {
  readonly context: NodeContext
  readonly pod: Pod
  readonly container: Container
  readonly run: ContainerRun
  readonly paths: PodPaths
  readonly volumes: PodVolumes
  readonly podIP: string | undefined
  /** 127.x: where it really listens. */
  readonly address: string
  readonly record: (type: 'Normal' | 'Warning', reason: string, message: string) => void
  /** How its hook reaches into it. */
  readonly inside: (handle: Handle) => ProbeTarget
  readonly signal: AbortSignal
}

/** Throws what stands in the way: NoLeaseError, VolumeError, ImagePullError, ContainerConfigError, RuntimeError, or an API error. */
export async function startContainer(input: StartInput): Promise<void> {
  const { context, pod, container, run } = input
  requireLease(context, pod)
  const resources = limitsOf(pod, container, context.allocatable)
  const expectation = run.expectStart(resources)
  try {
    await startExpected(input, resources)
  } catch (error) {
    await expectation?.cancel()
    throw error
  }
}

type Resources = Required<WorkloadSpec>['resources']

async function startExpected(input: StartInput, resources: Resources): Promise<void> {
  const { context, pod, container, run, paths, volumes, podIP, record, signal } = input
  askAhead(context, pod)
  await volumes.update(pod, podIP)
  const image = await pullImage(input)
  const { env, warnings } = await readEnv(input)
  if (!context.customCommands) checkCustomCommand(container, env)
  for (const warning of warnings) record('Warning', 'InvalidEnvironmentVariableNames', warning)
  mkdirSync(paths.home, { recursive: true, mode: 0o777 })
  const command = expandAll(container.command, env)
  const args = expandAll(container.args, env)
  const entry = await resolveEntry(image.prepared, {
    ...(command && { command }),
    ...(args && { args }),
    workspace: paths.home,
    basePath: context.basePath,
  })
  const mounts = withTermination(input, wantedMounts(context, await volumes.mountsOf(container, env)))
  const cwd = workingDir(container, entry.cwd)
  signal.throwIfAborted()
  const attempt = nextAttempt(run.record)
  const own = {
    PATH: entry.path,
    HOME: paths.home,
    HOSTNAME: hostnameOf(pod),
    ...portVariable(container),
    ...env,
  }
  const { argv } = entry
  const { prepared } = image
  const launch: ContainerLaunch = {
    ...(await placeAtLevel({ ...input, prepared, mounts, attempt, argv, cwd, env: own })),
    address: input.address,
    node: entry.node,
    ...(container.stdin === true && { stdin: true }),
    ...(isRunOnce(pod) && { lease: context.runOnceLease.fence }),
    resources,
    imageID: image.imageID,
    packages: [image.prepared.folder, image.prepared.node.path],
  }
  await confirmRunOnce(context, pod, signal)
  record('Normal', 'Created', `Created container: ${container.name}`)
  await run.start(launch)
  record('Normal', 'Started', `Started container ${container.name}`)
  await postStart(input)
}

/** The longest a hook may take that has no other bound: until its pod ends. */
const postStartMsMax = 60 * 60_000

/** The container counts as started when its hook is through; a hook that fails ends it, and the restart policy goes on. */
async function postStart({
  container,
  context,
  inside,
  pod,
  record,
  run,
  signal,
}: StartInput): Promise<void> {
  const hook = container.lifecycle?.postStart
  const { handle } = run
  if (!hook || !handle) return
  try {
    await runHook(hook, inside(handle), { limitMs: postStartMsMax, signal })
  } catch (error) {
    if (signal.aborted) throw error
    record('Warning', 'FailedPostStartHook', `PostStartHook failed: ${describeError(error)}`)
    record('Normal', 'Killing', `FailedPostStartHook`)
    await run.stop({
      signal: container.lifecycle?.stopSignal ?? 'SIGTERM',
      graceMs: graceSecondsOf(pod) * 1000,
    })
    context.logger.debug('a container was stopped because its postStart hook failed', { error })
  }
}

async function pullImage({
  context,
  pod,
  container,
  run,
  record,
  signal,
}: StartInput): Promise<PreparedImage> {
  const { clock, packages } = context
  const startMs = clock.monotonicMs()
  const { imageID } = run.record
  let isPulling = false
  const prepared = await prepareImage(packages, {
    pod,
    container,
    ...(imageID !== undefined && { imageID }),
    signal,
    onProgress({ step }) {
      if (isPulling || step === 'ready' || step === 'resolving') return
      isPulling = true
      record('Normal', 'Pulling', `Pulling image "${container.image}"`)
    },
  })
  const seconds = ((clock.monotonicMs() - startMs) / 1000).toFixed(3)
  const message = isPulling
    ? `Successfully pulled image "${container.image}" in ${seconds}s`
    : `Container image "${container.image}" already present on machine`
  record('Normal', 'Pulled', message)
  return prepared
}

async function readEnv({ context, pod, container, podIP }: StartInput) {
  const { apiServer, networkSocket, objects, hostIP, allocatable } = context
  const namespace = pod.metadata.namespace ?? 'default'
  const names = envReferences(container)
  const configMaps = new Map<string, ConfigMap | undefined>()
  const secrets = new Map<string, Secret | undefined>()
  for (const name of names.configMaps) configMaps.set(name, await objects.configMap(namespace, name))
  for (const name of names.secrets) secrets.set(name, await objects.secret(namespace, name))
  // Links are a convenience: a node that has lost its API server restarts its containers without them.
  const services =
    pod.spec.enableServiceLinks === false ? [] : await objects.services(namespace).catch(() => [])
  return makeEnv({
    pod,
    container,
    hostIP,
    allocatable,
    services,
    apiServer,
    networkSocket,
    configMaps,
    secrets,
    ...(podIP !== undefined && { podIP }),
  })
}

interface Placement extends StartInput {
  readonly prepared: Prepared
  readonly mounts: readonly Mount[]
  readonly attempt: number
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: { readonly PATH: string } & Readonly<Record<string, string>>
}

/** The command with what holds it off from its machine. */
async function placeAtLevel(
  placement: Placement,
): Promise<Pick<ContainerLaunch, 'argv' | 'cwd' | 'env' | 'permission' | 'sandbox'>> {
  const { argv, container, context, cwd, env, pod } = placement
  const { runtime, sandboxPolicy: policy = noSandbox } = context
  const level = levelOf({ policy, usable: usableLevels(runtime.capabilities), pod, container })
  if (level === 'bubblewrap') return { argv, cwd, env, sandbox: await makeSandbox(placement) }
  if (level === 'none') return { ...place(placement), env }
  const { permission, temporary } = makePermission(placement)
  return { ...place(placement), env: { TMPDIR: temporary, ...env }, permission }
}

const tokenMountPath = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The token that every pod gets is no reason not to run where nothing can be mounted: most programs never look for it. */
const wantedMounts = ({ mountSupport }: NodeContext, mounts: readonly Mount[]): readonly Mount[] =>
  mountSupport.usable ? mounts : mounts.filter(({ mountPath }) => mountPath !== tokenMountPath)

/** What the container leaves as its last words is read from a file of its own. */
function withTermination(
  { container, context, paths, run }: StartInput,
  mounts: readonly Mount[],
): readonly Mount[] {
  const { terminationMessagePath: wanted = terminationPathDefault } = container
  const mountPath = resolve('/', wanted)
  // For the path that everyone has, nobody is given mounts who needs none otherwise.
  const isWanted =
    mountPath === terminationPathDefault ? mounts.length > 0 && existsSync(mountPath) : isAbsolute(wanted)
  if (!isWanted || !context.mountSupport.usable || mounts.some((mount) => mount.mountPath === mountPath))
    return mounts
  const source = join(paths.raw(container.name, nextAttempt(run.record)), terminationFile)
  mkdirSync(dirname(source), { recursive: true, mode: 0o711 })
  writeFileSync(source, '', { flag: 'a' })
  chmodSync(source, 0o666) // whoever the program runs as, as upstream
  return [...mounts, { source, mountPath, readOnly: false, isFile: true }]
}

/** The command, wrapped when the container has mounts. */
function place({ attempt, context, container, paths, mounts, argv, cwd, env }: Placement) {
  if (mounts.length === 0) return { argv, cwd }
  const { mountSupport } = context
  if (!mountSupport.usable)
    throw new VolumeError(`volume mounts need mount namespaces on this node: ${mountSupport.reason}`)
  const scratch = join(paths.root, 'mounts', container.name, String(attempt))
  const { user } = mountSupport
  const wrapped = mountCommand({ mounts, argv, cwd, path: env.PATH, scratch, user, exists: existsSync })
  // The script changes to `cwd` itself: it may exist only once the volumes are there.
  return { argv: wrapped, cwd: paths.home }
}

const workingDir = ({ workingDir: wanted }: Container, fallback: string): string =>
  wanted ? (isAbsolute(wanted) ? wanted : `/${wanted}`) : fallback

export const hostnameOf = ({ metadata, spec }: Pod): string =>
  (spec.hostname ?? metadata.name ?? '').slice(0, 63)

/** Apps made for hosting platforms listen on $PORT; one declared port is what they would be told there. */
function portVariable({ ports }: Container): Record<string, string> {
  const [only, ...others] = ports ?? []
  return only && others.length === 0 ? { PORT: String(only.containerPort) } : {}
}

/** Without a limit of its own a container may have what there is for pods, not what the machine needs itself. */
function limitsOf(
  { metadata }: Pod,
  { resources }: Container,
  allocatable: NodeContext['allocatable'],
): Resources {
  const io = ioLimitsOf(metadata.annotations)
  const { cpu, memory = allocatable['memory'] } = resources?.limits ?? {}
  const cpuRequest = resources?.requests?.['cpu']
  return {
    ...(cpu !== undefined && { cpuMillis: milliValueOf(parseQuantity(cpu)) }),
    ...(cpuRequest !== undefined && { cpuRequestMillis: milliValueOf(parseQuantity(cpuRequest)) }),
    ...(memory !== undefined && { memoryBytes: valueOf(parseQuantity(memory)) }),
    ...(io && { io }),
  }
}
