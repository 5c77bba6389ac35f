/**
 * The files of a pod's volumes, computed from the objects behind them (pkg/volume/configmap, secret, downwardapi,
 * projected). Pure; `volume-files.ts` writes them.
 */
import { localClassName, localHandleOf } from '../api/local-volumes.ts'
import type {
  ConfigMap,
  ConfigMapProjection,
  DownwardAPIProjection,
  KeyToPath,
  PersistentVolume,
  PersistentVolumeClaimVolumeSource,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
} from '../api/schema/types.gen.ts'
import { fieldValue, resourceValue, type DownwardInput } from './downward-api.ts'

/** A volume can't be made yet; the message is shown as the reason that the pod waits. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError'
}

export interface VolumeFile {
  readonly content: Uint8Array
  readonly mode: number
}

export type VolumePlan =
  | { readonly kind: 'empty'; readonly inMemory: boolean }
  | { readonly kind: 'host'; readonly path: string; readonly type: string; readonly readOnly?: boolean }
  /** A folder on this node's disk that outlives its pods, by its name there. */
  | {
      readonly kind: 'disk'
      readonly handle: string
      readonly readOnly: boolean
      readonly volume: PersistentVolume
    }
  /** Path below the volume → file. Secrets never touch a disk. */
  | { readonly kind: 'files'; readonly inMemory: boolean; readonly files: ReadonlyMap<string, VolumeFile> }

export interface VolumeInput extends DownwardInput {
  readonly configMaps: ReadonlyMap<string, ConfigMap | undefined>
  readonly secrets: ReadonlyMap<string, Secret | undefined>
  /** By the name of the claim; a claim that is bound to nothing has none. */
  readonly claims: ReadonlyMap<string, PersistentVolume | undefined>
  readonly tokens: ReadonlyMap<ServiceAccountTokenProjection, string>
}

const defaultFileMode = 0o644

export function planVolume(volume: Volume, input: VolumeInput): VolumePlan {
  const { configMap, secret, downwardAPI, projected, emptyDir, hostPath, persistentVolumeClaim } = volume
  if (emptyDir) return { kind: 'empty', inMemory: emptyDir.medium === 'Memory' }
  if (hostPath) return { kind: 'host', path: hostPath.path, type: hostPath.type ?? '' }
  if (persistentVolumeClaim) return planClaim(persistentVolumeClaim, input)
  if (configMap) {
    return plan({ inMemory: false, files: configMapFiles(configMap, configMap.defaultMode, input) })
  }
  if (secret) {
    const named = { ...secret, ...(secret.secretName !== undefined && { name: secret.secretName }) }
    return plan({ inMemory: true, files: secretFiles(named, secret.defaultMode, input) })
  }
  if (downwardAPI)
    return plan({ inMemory: false, files: downwardFiles(downwardAPI, downwardAPI.defaultMode, input) })
  if (projected) {
    const files = (projected.sources ?? []).flatMap((source) => [
      ...(source.configMap ? configMapFiles(source.configMap, projected.defaultMode, input) : []),
      ...(source.secret ? secretFiles(source.secret, projected.defaultMode, input) : []),
      ...(source.downwardAPI ? downwardFiles(source.downwardAPI, projected.defaultMode, input) : []),
      ...(source.serviceAccountToken
        ? tokenFiles(source.serviceAccountToken, projected.defaultMode, input)
        : []),
    ])
    const isSecret = (projected.sources ?? []).some((source) => source.secret ?? source.serviceAccountToken)
    return plan({ inMemory: isSecret, files })
  }
  const type = Object.keys(volume).find((key) => key !== 'name') ?? 'no source'
  throw new VolumeError(
    `volume "${volume.name}": ${type} is not supported on this node; use configMap, secret, downwardAPI, projected, emptyDir, hostPath or persistentVolumeClaim`,
  )
}

function planClaim(
  { claimName, readOnly = false }: PersistentVolumeClaimVolumeSource,
  { claims }: VolumeInput,
): VolumePlan {
  const volume = claims.get(claimName)
  if (!volume) throw new VolumeError(`persistentvolumeclaim "${claimName}" is not bound to a volume`)
  const handle = localHandleOf(volume)
  if (handle !== undefined) return { kind: 'disk', handle, readOnly, volume }
  const { hostPath, local } = volume.spec
  if (local) return { kind: 'host', path: local.path, type: 'Directory', readOnly }
  if (hostPath) return { kind: 'host', path: hostPath.path, type: hostPath.type ?? '', readOnly }
  throw new VolumeError(
    `persistentvolume "${volume.metadata.name}" is of a kind that this node can't mount; use the class "${localClassName}"`,
  )
}

/** Names of the ConfigMaps and Secrets that a pod's volumes need. */
export function volumeReferences(pod: Pod): { readonly configMaps: string[]; readonly secrets: string[] } {
  const configMaps = new Set<string>()
  const secrets = new Set<string>()
  for (const { configMap, secret, projected } of pod.spec.volumes ?? []) {
    if (configMap?.name) configMaps.add(configMap.name)
    if (secret?.secretName) secrets.add(secret.secretName)
    for (const source of projected?.sources ?? []) {
      if (source.configMap?.name) configMaps.add(source.configMap.name)
      if (source.secret?.name) secrets.add(source.secret.name)
    }
  }
  return { configMaps: [...configMaps], secrets: [...secrets] }
}

/** The tokens that a pod's volumes need. */
export const tokenReferences = (pod: Pod): readonly ServiceAccountTokenProjection[] =>
  (pod.spec.volumes ?? []).flatMap(({ projected }) =>
    (projected?.sources ?? []).flatMap((source) => source.serviceAccountToken ?? []),
  )

type FileEntry = readonly [path: string, file: VolumeFile]

const plan = ({ inMemory, files }: { inMemory: boolean; files: readonly FileEntry[] }): VolumePlan => {
  for (const [path] of files) checkPath(path)
  return { kind: 'files', inMemory, files: new Map(files) }
}

function configMapFiles(
  source: ConfigMapProjection,
  mode: number | undefined,
  input: VolumeInput,
): FileEntry[] {
  const object = input.configMaps.get(source.name ?? '')
  if (!object && !source.optional) throw new VolumeError(`configmap "${source.name}" not found`)
  const payload = new Map<string, Uint8Array>()
  for (const [key, value] of Object.entries(object?.data ?? {})) payload.set(key, Buffer.from(value))
  for (const [key, value] of Object.entries(object?.binaryData ?? {}))
    payload.set(key, Buffer.from(value, 'base64'))
  return select(payload, { ...source, kind: 'configmap', mode, pod: input.pod })
}

function secretFiles(source: ConfigMapProjection, mode: number | undefined, input: VolumeInput): FileEntry[] {
  const object = input.secrets.get(source.name ?? '')
  if (!object && !source.optional) throw new VolumeError(`secret "${source.name}" not found`)
  const payload = new Map<string, Uint8Array>()
  for (const [key, value] of Object.entries(object?.data ?? {}))
    payload.set(key, Buffer.from(value, 'base64'))
  return select(payload, { ...source, kind: 'secret', mode, pod: input.pod })
}

function tokenFiles(
  source: ServiceAccountTokenProjection,
  mode: number | undefined,
  { tokens }: VolumeInput,
): FileEntry[] {
  const token = tokens.get(source)
  if (token === undefined) throw new VolumeError(`there is no token for "${source.path}"`)
  return [[source.path, { content: Buffer.from(token), mode: mode ?? defaultFileMode }]]
}

interface Selection {
  readonly kind: string
  readonly name?: string
  readonly items?: readonly KeyToPath[]
  readonly optional?: boolean
  readonly mode: number | undefined
  readonly pod: Pod
}

function select(payload: ReadonlyMap<string, Uint8Array>, selection: Selection): FileEntry[] {
  const { items, optional, mode = defaultFileMode } = selection
  if (!items || items.length === 0) return [...payload].map(([key, content]) => [key, { content, mode }])
  return items.flatMap((item): FileEntry[] => {
    const content = payload.get(item.key)
    if (content) return [[item.path, { content, mode: item.mode ?? mode }]]
    if (optional) return []
    throw new VolumeError(
      `references non-existent ${selection.kind} key: ${item.key} (${selection.pod.metadata.namespace}/${selection.name})`,
    )
  })
}

function downwardFiles(
  source: DownwardAPIProjection,
  mode: number | undefined,
  input: VolumeInput,
): FileEntry[] {
  return (source.items ?? []).map(({ path, fieldRef, resourceFieldRef, mode: own }) => {
    const text = fieldRef
      ? fieldValue(input, fieldRef.fieldPath)
      : resourceFieldRef
        ? resourceValue(input, resourceFieldRef)
        : ''
    return [path, { content: Buffer.from(text), mode: own ?? mode ?? defaultFileMode }]
  })
}

/** A key or an item's path becomes a file name: it must stay inside of the volume, and leave `..data` alone. */
function checkPath(path: string): void {
  const parts = path.split('/')
  if (
    path === '' ||
    path.startsWith('/') ||
    path.includes('\0') ||
    parts.includes('..') ||
    path.startsWith('..')
  )
    throw new VolumeError(
      `"${path}" can't be a file of a volume: use a relative path that does not start with ".."`,
    )
}
