/** kubernetes pkg/apis/core/v1/defaults.go 023f88a */
import type { DownwardAPIVolumeFile, Volume } from '../../schema/types.gen.ts'

const fileMode = 0o644
const tokenSeconds = 3600

export const applyVolumeDefaults = (volume: Volume): void => {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {}
  if (volume.secret !== undefined) volume.secret.defaultMode ??= fileMode
  if (volume.configMap !== undefined) volume.configMap.defaultMode ??= fileMode
  if (volume.hostPath !== undefined) volume.hostPath.type ??= ''
  if (volume.downwardAPI !== undefined) {
    volume.downwardAPI.defaultMode ??= fileMode
    applyFileDefaults(volume.downwardAPI.items)
  }
  if (volume.projected === undefined) return
  volume.projected.defaultMode ??= fileMode
  for (const source of volume.projected.sources ?? []) {
    if (source.serviceAccountToken !== undefined) {
      source.serviceAccountToken.expirationSeconds ??= tokenSeconds
    }
    applyFileDefaults(source.downwardAPI?.items)
  }
}

const applyFileDefaults = (files: readonly DownwardAPIVolumeFile[] | undefined): void => {
  for (const { fieldRef, resourceFieldRef } of files ?? []) {
    if (fieldRef !== undefined) fieldRef.apiVersion ||= 'v1'
    if (resourceFieldRef !== undefined) resourceFieldRef.divisor ||= '0'
  }
}
