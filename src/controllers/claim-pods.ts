import { controllerOf, newControllerRef } from '../api/owner-references.ts'
import { isTerminating, type KubeObject, type LabelSelector } from '../api/meta.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import { pods } from '../api/resources/pods.ts'
import { matchesLabels, selectorFrom, type Selector } from '../api/selector.ts'
import { isNotFound } from '../api/status.ts'
import type { Client } from '../client/client.ts'
import { isPodActive } from './pod-facts.ts'

export interface Claim {
  /** Ours and matching. */
  readonly owned: readonly Pod[]
  /** Matching and nobody's. */
  readonly adopt: readonly Pod[]
  /** Ours and no longer matching: somebody took the pod out by changing its labels. */
  readonly release: readonly Pod[]
}

/** Sorts the pods of a namespace by what `owner` has to do with them. Pure. */
export function planClaim(owner: KubeObject, selector: Selector, candidates: readonly Pod[]): Claim {
  const claim = { owned: [] as Pod[], adopt: [] as Pod[], release: [] as Pod[] }
  for (const pod of candidates) {
    const controller = controllerOf(pod)
    const isMatch = matchesLabels(selector, pod.metadata.labels)
    if (controller) {
      if (controller.uid !== owner.metadata.uid) continue
      if (isMatch) claim.owned.push(pod)
      else if (!isTerminating(pod)) claim.release.push(pod)
    } else if (isMatch && isPodActive(pod) && !isTerminating(owner)) claim.adopt.push(pod)
  }
  return claim
}

/** The pods that `owner` controls, after taking in orphans that match and letting go of those that no longer do. */
export async function claimPods(
  client: Client,
  owner: KubeObject,
  selector: LabelSelector,
  candidates: readonly Pod[],
): Promise<readonly Pod[]> {
  const claim = planClaim(owner, selectorFrom(selector), candidates)
  const api = client.resource<Pod>(pods)
  const patch = async (pod: Pod, ownerReferences: object[]) => {
    const { namespace = '', name = '', uid } = pod.metadata
    try {
      // The uid in the patch makes it fail on a namesake that was created meanwhile.
      return await api.patch(name, 'strategic', { metadata: { uid, ownerReferences } }, { namespace })
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }
  const adopted = await Promise.all(claim.adopt.map((pod) => patch(pod, [newControllerRef(owner)])))
  await Promise.all(claim.release.map((pod) => patch(pod, [{ $patch: 'delete', uid: owner.metadata.uid }])))
  return [...claim.owned, ...adopted.flatMap((pod) => pod ?? [])]
}
