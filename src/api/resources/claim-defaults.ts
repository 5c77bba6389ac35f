/** kubernetes pkg/apis/core/v1/defaults.go 023f88a */
import type { PersistentVolumeClaim } from '../schema/types.gen.ts'
import { canonicalizeAmounts } from './resource-list.ts'

/** For claims themselves and for the templates of a StatefulSet. */
export const applyClaimDefaults = (claim: PersistentVolumeClaim): void => {
  claim.spec ??= {}
  claim.spec.volumeMode ??= 'Filesystem'
  claim.spec.resources ??= {}
  canonicalizeAmounts(claim.spec.resources.limits)
  canonicalizeAmounts(claim.spec.resources.requests)
  claim.status ??= {}
  claim.status.phase ||= 'Pending'
  canonicalizeAmounts(claim.status.capacity)
  canonicalizeAmounts(claim.status.allocatedResources)
}
