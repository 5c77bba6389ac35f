/**
 * Which sandbox a container gets. The node's operator sets the level for all (SAMPAN_SANDBOX); a pod may ask for a stronger one
 * by annotation, never for a weaker. A pod's `securityContext` is kept or refused with its reason, not passed over.
 */
import { chmod, lchown, mkdir, readdir } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Container, Pod } from '../api/schema/types.gen.ts'
import type { Prepared } from '../runtime/packages/prepared.ts'
import type { Bind, Sandbox } from '../runtime/runtime.ts'
import type { NodeContext } from './context.ts'
import { ContainerConfigError } from './env.ts'
import type { Mount } from './mounts.ts'
import type { PodPaths } from './pod-records.ts'
import { podIdOf } from './sandbox-ids.ts'

/** `none`: a process of the agent's user. `bubblewrap`: namespaces, a root and a user of its own, fewer system calls. */
export type SandboxLevel = 'none' | 'bubblewrap'
const levels: readonly SandboxLevel[] = ['none', 'bubblewrap']

export const sandboxAnnotation = 'sampan.dev/sandbox'

export const isSandboxLevel = (text: string | undefined): text is SandboxLevel =>
  levels.some((level) => level === text)

export interface SandboxRequest {
  readonly context: NodeContext
  readonly pod: Pod
  readonly container: Container
  readonly paths: PodPaths
  /** 127.x: distinguishes the pods of a node. */
  readonly address: string
  readonly prepared: Prepared
  readonly mounts: readonly Mount[]
  /** Names what belongs to one attempt. */
  readonly attempt: number
}

/** Undefined at level `none`. Makes what it binds. */
export async function makeSandbox(request: SandboxRequest): Promise<Sandbox | undefined> {
  const { context, pod, container, paths, prepared, mounts } = request
  if (levelOf(context, pod) === 'none') return undefined
  refuseUnsafe(pod, container)
  const ids = identityOf(request)
  const isReadOnly = container.securityContext?.readOnlyRootFilesystem === true
  const temporary = join(paths.root, 'tmp', container.name, String(request.attempt))
  await mkdir(temporary, { recursive: true })
  await chmod(temporary, 0o1777)
  await give(paths.home, ids)
  for (const mount of mounts.filter((each) => isOwn(context, each)))
    await (mount.readOnly ? giveAll : give)(mount.source, ids)
  const { networkSocket } = context
  return {
    binds: [
      ...packageBinds(prepared),
      { source: temporary, path: '/tmp', readOnly: isReadOnly },
      { source: paths.home, path: paths.home, readOnly: isReadOnly },
      ...(networkSocket === undefined ? [] : [readOnly(dirname(networkSocket))]),
      ...mounts.map(({ source, mountPath, readOnly: isFixed }) => ({
        source,
        path: mountPath,
        readOnly: isFixed,
      })),
    ],
    hostname: (pod.spec.hostname ?? pod.metadata.name ?? 'pod').slice(0, 63),
    lowPorts: (container.ports ?? []).some(({ containerPort }) => containerPort < 1024),
    ...ids,
  }
}

export function levelOf({ runtime, sandboxLevel = 'none' }: NodeContext, { metadata }: Pod): SandboxLevel {
  const wanted = metadata.annotations?.[sandboxAnnotation]
  if (wanted !== undefined && !isSandboxLevel(wanted))
    throw new ContainerConfigError(`${sandboxAnnotation} is "${wanted}"; write one of ${levels.join(', ')}`)
  const level = sandboxLevel === 'bubblewrap' || wanted === 'bubblewrap' ? 'bubblewrap' : 'none'
  if (level === 'bubblewrap' && !runtime.capabilities.sandbox)
    throw new ContainerConfigError('this node has no sandbox to give: install bubblewrap on it')
  return level
}

function refuseUnsafe({ spec }: Pod, { securityContext }: Container): void {
  const { capabilities, privileged } = securityContext ?? {}
  const added = (capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE')
  const asked = [
    ...(privileged === true ? ['privileged'] : []),
    ...added.map((name) => `the capability ${name}`),
    ...(spec.hostPID === true ? ['hostPID'] : []),
    ...(spec.hostIPC === true ? ['hostIPC'] : []),
  ]
  if (asked.length > 0)
    throw new ContainerConfigError(`a sandboxed container can not have ${asked.join(', ')}; leave that out`)
}

function identityOf({ address, container, pod }: SandboxRequest): Ids {
  const own = podIdOf(address)
  const wanted = { ...pod.spec.securityContext, ...container.securityContext }
  const { runAsUser: uid = own, runAsGroup: gid = own } = wanted
  if (uid === 0 || gid === 0)
    throw new ContainerConfigError(
      'a sandboxed container can not run as root; leave out runAsUser and runAsGroup',
    )
  return { uid, gid, groups: [own] }
}

const readOnly = (path: string): Bind => ({ source: path, path, readOnly: true })

/** The package with what it may require, and its Node.js. */
function packageBinds({ scheme, folder, name, node }: Prepared): readonly Bind[] {
  if (scheme === 'npm')
    return [readOnly(join(folder, ...name.split('/').map(() => '..'), '..')), readOnly(node.path)]
  const above: string[] = []
  for (let parent = dirname(folder); parent !== '/'; parent = dirname(parent)) {
    const modules = join(parent, 'node_modules')
    if (existsSync(modules)) above.push(modules)
  }
  return [folder, ...above, node.path].map(readOnly)
}

/** Volumes of the agent's making; what lies elsewhere on the machine keeps its owner. */
const isOwn = ({ dataDir, memoryDir }: NodeContext, { source }: Mount): boolean =>
  [dataDir, memoryDir].some((folder) => source.startsWith(`${folder}/`))

interface Ids {
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
}

/** Only root can, and needs to: everyone else's pods run as themselves. */
async function give(path: string, { uid, gid }: Ids): Promise<void> {
  if (process.getuid?.() === 0) await lchown(path, uid, gid)
}

/** For what no pod can write to: in a folder of an app's, a link could lead the agent elsewhere between two looks. */
async function giveAll(path: string, ids: Ids): Promise<void> {
  await give(path, ids)
  const below = await readdir(path, { withFileTypes: true }).catch(() => []) // a file
  for (const entry of below) {
    const inside = join(path, entry.name)
    await (entry.isDirectory() ? giveAll : give)(inside, ids)
  }
}
