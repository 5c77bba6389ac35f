/** What a container at level `bubblewrap` gets. Its `securityContext` is kept or refused with its reason, not passed over. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { claimNamesOf } from '../api/local-volumes.ts'
import type { Container, Pod } from '../api/schema/types.gen.ts'
import type { Prepared } from '../runtime/packages/prepared.ts'
import type { Bind, Sandbox } from '../runtime/runtime.ts'
import { checkReadable } from './closed-image.ts'
import type { NodeContext } from './context.ts'
import { ContainerConfigError } from './env.ts'
import { isDisk } from './local-disks.ts'
import type { Mount } from './mounts.ts'
import { give, giveAll, giveDisk, giveHeld, type Owner } from './ownership.ts'
import type { PodPaths } from './pod-records.ts'
import { namespaceIdOf, podIdOf } from './sandbox-ids.ts'

export interface SandboxRequest {
  readonly context: NodeContext
  readonly pod: Pod
  readonly container: Container
  readonly paths: PodPaths
  /** 127.x: distinguishes the pods of a node. */
  readonly address: string
  readonly prepared: Prepared
  /** What it runs of that. */
  readonly argv: readonly string[]
  readonly mounts: readonly Mount[]
  /** Names what belongs to one attempt. */
  readonly attempt: number
}

/** Makes what it binds. */
export async function makeSandbox(request: SandboxRequest): Promise<Sandbox> {
  const { address, argv, context, pod, container, paths, prepared, mounts } = request
  refuseUnsafe(pod, container)
  const ids = identityOf(request)
  const groups = [podIdOf(address)]
  if (prepared.scheme === 'dir')
    await checkReadable({ folder: prepared.folder, argv, user: { ...ids, groups } })
  const isReadOnly = container.securityContext?.readOnlyRootFilesystem === true
  const temporary = makeTemporary(request)
  give(paths.home, ids)
  for (const mount of mounts.filter((each) => isOwn(context, each)))
    if (mount.unsteady !== undefined)
      await giveHeld(mount.unsteady, ids, isDisk(context, mount.source) ? 'disk' : 'folder')
    else if (isDisk(context, mount.source)) await giveDisk(mount.source, ids)
    else (mount.isAgents ? giveAll : give)(mount.source, ids)
  const { networkSocket } = context
  return {
    binds: [
      ...packageBinds(prepared),
      ...accountBinds(paths, container.name, ids),
      { source: temporary, path: '/tmp', readOnly: isReadOnly, isFresh: true },
      { source: paths.home, path: paths.home, readOnly: isReadOnly },
      ...(networkSocket === undefined ? [] : [readOnly(dirname(networkSocket))]),
      ...mounts.map(({ source, mountPath, readOnly: isFixed, unsteady }) => ({
        source: unsteady ?? source,
        path: mountPath,
        readOnly: isFixed,
        ...(unsteady !== undefined && { isUnsteady: true }),
      })),
    ],
    hostname: (pod.spec.hostname ?? pod.metadata.name ?? 'pod').slice(0, 63),
    lowPorts: (container.ports ?? []).some(({ containerPort }) => containerPort < 1024),
    ...ids,
    groups,
  }
}

/** A folder for temporary files that nobody else has. */
export function makeTemporary({
  attempt,
  container,
  paths,
}: Pick<SandboxRequest, 'attempt' | 'container' | 'paths'>): string {
  const folder = join(paths.root, 'tmp', container.name, String(attempt))
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o1777)
  return folder
}

export function refuseUnsafe({ spec }: Pod, { securityContext }: Container): void {
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

function identityOf({ address, container, pod }: SandboxRequest): Owner {
  const own =
    claimNamesOf(pod).length > 0 ? namespaceIdOf(pod.metadata.namespace ?? 'default') : podIdOf(address)
  const wanted = { ...pod.spec.securityContext, ...container.securityContext }
  const { runAsUser: uid = own, runAsGroup: gid = own } = wanted
  if (uid === 0 || gid === 0)
    throw new ContainerConfigError(
      'a sandboxed container can not run as root; leave out runAsUser and runAsGroup',
    )
  return { uid, gid }
}

const readOnly = (path: string): Bind => ({ source: path, path, readOnly: true })

/** The package with what it may require, and its Node.js. */
export function packageBinds({ scheme, folder, name, node }: Prepared): readonly Bind[] {
  if (scheme === 'npm')
    return [readOnly(join(folder, ...name.split('/').map(() => '..'), '..')), readOnly(node.path)]
  const above: string[] = []
  for (let parent = dirname(folder); parent !== '/'; parent = dirname(parent)) {
    const modules = join(parent, 'node_modules')
    if (existsSync(modules)) above.push(modules)
  }
  return [folder, ...above, node.path].map(readOnly)
}

/** What the system knows of its user: programs ask for a name and a home. Those of the machine are not a pod's business. */
function accountBinds({ home, root }: PodPaths, name: string, { uid, gid }: Owner): readonly Bind[] {
  const files = {
    passwd: `root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\napp:x:${uid}:${gid}:app:${home}:/bin/sh\n`,
    group: `root:x:0:\nnogroup:x:65534:\napp:x:${gid}:\n`,
  }
  const folder = join(root, 'etc', name)
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  return Object.entries(files).map(([file, text]) => {
    const source = join(folder, file)
    writeFileSync(source, text, { mode: 0o644 })
    return { source, path: `/etc/${file}`, readOnly: true }
  })
}

/** Volumes of the agent's making; what lies elsewhere on the machine keeps its owner. */
const isOwn = ({ dataDir, memoryDir }: NodeContext, { source }: Mount): boolean =>
  [dataDir, memoryDir].some((folder) => source.startsWith(`${folder}/`))
