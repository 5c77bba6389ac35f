/** What pods have on the disk. A pod can't hide behind a million files: what can't be counted in time counts as endless. */
import { join } from 'node:path'
import { folderSizes } from '../base/folder-sizes.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import { allContainers } from './downward-api.ts'
import type { PodDisk } from './disk-limits.ts'
import { podPaths } from './pod-records.ts'

export interface DiskUsage {
  /** By UID. One that could not be counted in time is there with `Infinity`. */
  measure(pods: readonly Pod[], signal: AbortSignal): Promise<ReadonlyMap<string, PodDisk>>
}

export interface DiskUsageOptions {
  readonly dataDir: string
  readonly memoryDir: string
  /** Bytes of files that containers hold open and that no folder has any more. */
  readonly unlinked: (uid: string) => Promise<ReadonlyMap<string, number>>
  readonly deadlineMs?: number
}

/** 10 seconds are some five million files. */
const deadlineMsDefault = 10_000
const podsAtOnce = 50 // some hundred paths

export function createDiskUsage(options: DiskUsageOptions): DiskUsage {
  return {
    async measure(pods, signal) {
      const { deadlineMs = deadlineMsDefault } = options
      const sizesOf = (paths: readonly string[]) => folderSizes(paths, { deadlineMs, signal })
      const found = new Map<string, PodDisk>()
      for (let first = 0; first < pods.length && !signal.aborted; first += podsAtOnce) {
        const some = pods.slice(first, first + podsAtOnce)
        const sizes = await sizesOf(some.flatMap((pod) => placesOf(pod, options)))
        for (const pod of some) {
          // One that took too long took the others' answers with it: asked alone, it shows.
          const own = sizes ?? (await sizesOf(placesOf(pod, options)))
          const uid = pod.metadata.uid ?? ''
          found.set(uid, withUnlinked(diskOf(pod, own, options), await options.unlinked(uid)))
        }
      }
      return found
    },
  }
}

function placesOf(pod: Pod, { dataDir, memoryDir }: DiskUsageOptions): readonly string[] {
  const uid = pod.metadata.uid ?? ''
  const { root, home, volumes } = podPaths(dataDir, uid)
  return [
    home,
    ...allContainers(pod).flatMap(({ name }) => ownPlaces(root, name)),
    ...(pod.spec.volumes ?? []).flatMap(({ name, emptyDir }) =>
      emptyDir?.medium === 'Memory' ? join(memoryDir, uid, name) : join(volumes, name),
    ),
  ]
}

const ownPlaces = (root: string, container: string): readonly string[] =>
  ['log', 'raw', 'tmp', 'containers'].map((kind) => join(root, kind, container))

function withUnlinked(disk: PodDisk, unlinked: ReadonlyMap<string, number>): PodDisk {
  const containers = new Map(disk.containers)
  for (const [name, bytes] of unlinked) containers.set(name, (containers.get(name) ?? 0) + bytes)
  const more = [...unlinked.values()].reduce((sum, bytes) => sum + bytes, 0)
  return { ...disk, totalBytes: disk.totalBytes + more, containers }
}

function diskOf(
  pod: Pod,
  sizes: ReadonlyMap<string, number> | undefined,
  { dataDir, memoryDir }: DiskUsageOptions,
): PodDisk {
  if (!sizes) return { totalBytes: Infinity, volumes: new Map(), containers: new Map() }
  const uid = pod.metadata.uid ?? ''
  const { root, home, volumes } = podPaths(dataDir, uid)
  const of = (path: string) => sizes.get(path) ?? 0
  const containers = new Map(
    allContainers(pod).map(({ name }) => [
      name,
      ownPlaces(root, name).reduce((sum, path) => sum + of(path), 0),
    ]),
  )
  const onDisk = (pod.spec.volumes ?? []).reduce((sum, { name }) => sum + of(join(volumes, name)), 0)
  const emptyDirs = (pod.spec.volumes ?? []).flatMap(({ name, emptyDir }) =>
    emptyDir
      ? [[name, of(emptyDir.medium === 'Memory' ? join(memoryDir, uid, name) : join(volumes, name))] as const]
      : [],
  )
  const own = [...containers.values()].reduce((sum, bytes) => sum + bytes, 0)
  return { totalBytes: of(home) + own + onDisk, volumes: new Map(emptyDirs), containers }
}
