import { controllerOf, newControllerRef } from '../api/owner-references.ts'
import { isTerminating, type KubeObject, type LabelSelector } from '../api/meta.ts'
import type { Pod } from '../api/schema/types.gen.ts'
import { pods } from '../api/resources/pods.ts'
import { matchesLabels, selectorFrom, type Selector } from '../api/selector.ts'
import type { Client, ResourceRef } from '../client/client.ts'
import { ignoreNotFound, mayAdopt, settled } from './owned.ts'
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
      else if (!isTerminating(pod) && !isTerminating(owner)) claim.release.push(pod)
    } else if (isMatch && isPodActive(pod) && !isTerminating(owner)) claim.adopt.push(pod)
  }
  return claim
}

export interface Owner {
  readonly ref: ResourceRef
  readonly object: KubeObject
  readonly selector: LabelSelector
}

/** The pods that `owner` controls, after taking in orphans that match and letting go of those that no longer do. */
export async function claimPods(
  client: Client,
  { ref, object, selector }: Owner,
  candidates: readonly Pod[],
): Promise<readonly Pod[]> {
  const claim = planClaim(object, selectorFrom(selector), candidates)
  const api = client.resource<Pod>(pods)
  const patch = ({ metadata: { namespace = '', name = '', uid } }: Pod, ownerReferences: object[]) =>
    // The uid in the patch makes it fail on a namesake that was created meanwhile.
    ignoreNotFound(api.patch(name, 'strategic', { metadata: { uid, ownerReferences } }, { namespace }))
  const adopt = claim.adopt.length > 0 && (await mayAdopt(client, ref, object)) ? claim.adopt : []
  const adopted = await settled(adopt.map((pod) => patch(pod, [newControllerRef(object)])))
  await settled(claim.release.map((pod) => patch(pod, [{ $patch: 'delete', uid: object.metadata.uid }])))
  return [...claim.owned, ...adopted.flatMap((pod) => pod ?? [])]
}
