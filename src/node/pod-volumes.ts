/** Brings the volumes of one pod into being, keeps them up to date, and takes them away. */
import { lstat, mkdir, realpath, stat } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type {
  ConfigMap,
  Container,
  PersistentVolume,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
} from '../api/schema/types.gen.ts'
import { claimNamesOf } from '../api/local-volumes.ts'
import type { NodeContext } from './context.ts'
import { expand } from './env.ts'
import { makeDisk } from './local-disks.ts'
import type { Mount } from './mounts.ts'
import { makeBelow } from './held-path.ts'
import { giveToOwner } from './ownership.ts'
import { isSafeName, type PodPaths } from './pod-records.ts'
import { removeTree } from './remove-tree.ts'
import { writeVolume } from './volume-files.ts'
import { planVolume, tokenReferences, VolumeError, volumeReferences, type VolumePlan } from './volumes.ts'

export interface PodVolumes {
  /**
   * Makes every volume, or brings its files up to date. Throws `VolumeError` naming the volume, or the client's error when
   * the API server gives no answer.
   */
  update(pod: Pod, podIP: string | undefined): Promise<void>
  /** The mounts of a container; after `update`. */
  mountsOf(container: Container, env: Readonly<Record<string, string>>): Promise<readonly Mount[]>
  /** Removes what lies in memory; the pod's own folder is its owner's to remove. */
  remove(): Promise<void>
}

export function createPodVolumes(context: NodeContext, paths: PodPaths, uid: string): PodVolumes {
  const memory = join(context.memoryDir, uid)
  const folders = new Map<string, { readonly path: string; readonly plan: VolumePlan }>()
  const make = async (volume: Volume, plan: VolumePlan) => {
    if (!isSafeName(volume.name))
      throw new VolumeError(`"${String(volume.name)}" is not the name of a volume`)
    if (plan.kind === 'host') {
      await checkHostPath(plan)
      return void folders.set(volume.name, { path: plan.path, plan })
    }
    if (plan.kind === 'disk')
      return void folders.set(volume.name, { path: await makeDisk(context, plan), plan })
    // Looked at every few seconds, for each pod of the node: what was written need not be read again.
    if (isSamePlan(folders.get(volume.name)?.plan, plan)) return
    const path = join(plan.inMemory ? memory : paths.volumes, volume.name)
    await mkdir(path, { recursive: true, mode: plan.kind === 'empty' ? 0o777 : 0o755 })
    if (plan.kind === 'files') {
      writeVolume(path, plan.files, context.random)
      giveToOwner(path)
    }
    folders.set(volume.name, { path, plan })
  }
  return {
    async update(pod, podIP) {
      const { hostIP, allocatable } = context
      const objects = await fetchObjects(context, pod)
      const input = { pod, hostIP, allocatable, ...objects, ...(podIP !== undefined && { podIP }) }
      for (const volume of pod.spec.volumes ?? []) {
        try {
          await make(volume, planVolume(volume, input))
        } catch (error) {
          if (!(error instanceof VolumeError)) throw error
          throw new VolumeError(`MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}`, {
            cause: error,
          })
        }
      }
    },
    async mountsOf(container, env) {
      const mounts: Mount[] = []
      for (const { name, mountPath, readOnly, subPath, subPathExpr } of container.volumeMounts ?? []) {
        const folder = folders.get(name)
        if (!folder)
          throw new VolumeError(
            `container "${container.name}" mounts volume "${name}", which the pod has not`,
          )
        const below = subPathExpr ? expand(subPathExpr, (variable) => env[variable]) : (subPath ?? '')
        const place = await sourceOf(folder.path, below, folder.plan)
        const isFile = (await stat(place.source)).isFile()
        const { plan } = folder
        const isReadOnly = readOnly === true || plan.kind === 'files' || ('readOnly' in plan && plan.readOnly)
        mounts.push({
          ...place,
          mountPath: posix.resolve('/', mountPath),
          readOnly: isReadOnly,
          isFile,
          ...(plan.kind === 'files' && { isAgents: true }),
        })
      }
      return mounts
    },
    remove: () => removeTree(memory),
  }
}

function isSamePlan(before: VolumePlan | undefined, plan: VolumePlan): boolean {
  if (before?.kind !== 'files' || plan.kind !== 'files' || before.files.size !== plan.files.size) return false
  return [...plan.files].every(([name, { content, mode }]) => {
    const old = before.files.get(name)
    return old?.mode === mode && Buffer.compare(old.content, content) === 0
  })
}

async function checkHostPath({
  path,
  type,
}: {
  readonly path: string
  readonly type: string
}): Promise<void> {
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true })
  const found = await stat(path).catch(() => undefined) // named below
  if (!found) throw new VolumeError(`hostPath type check failed: ${path} does not exist on this node`)
  if (type === 'Directory' && !found.isDirectory())
    throw new VolumeError(`hostPath type check failed: ${path} is not a directory`)
  if (type === 'File' && !found.isFile())
    throw new VolumeError(`hostPath type check failed: ${path} is not a file`)
}

async function sourceOf(
  folder: string,
  below: string,
  plan: VolumePlan,
): Promise<Pick<Mount, 'source' | 'unsteady'>> {
  if (below === '') return { source: folder }
  if (below.startsWith('/') || below.split('/').includes('..'))
    throw new VolumeError(`subPath "${below}" must be a relative path without ".."`)
  const source = join(folder, below)
  // A link that the app has left in its volume must not lead the agent, and then a mount, to a place of the machine's.
  const names = below.split('/').filter((part) => part !== '' && part !== '.')
  if (plan.kind !== 'files') return { source, unsteady: await makeBelow(await realpath(folder), names) }
  if (!(await lstat(source).catch(() => undefined)))
    throw new VolumeError(`subPath "${below}" is not in the volume`)
  return { source }
}

async function fetchObjects({ objects, tokens: source }: NodeContext, pod: Pod) {
  const namespace = pod.metadata.namespace ?? 'default'
  const names = volumeReferences(pod)
  const configMaps = new Map<string, ConfigMap | undefined>()
  const secrets = new Map<string, Secret | undefined>()
  const tokens = new Map<ServiceAccountTokenProjection, string>()
  const claims = new Map<string, PersistentVolume | undefined>()
  await Promise.all([
    ...names.configMaps.map(async (name) => configMaps.set(name, await objects.configMap(namespace, name))),
    ...names.secrets.map(async (name) => secrets.set(name, await objects.secret(namespace, name))),
    ...tokenReferences(pod).map(async (wish) => tokens.set(wish, await source.token(pod, wish))),
    ...claimNamesOf(pod).map(async (name) => claims.set(name, await objects.volumeOf(namespace, name))),
  ])
  return { configMaps, secrets, tokens, claims }
}
