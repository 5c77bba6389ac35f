import { claimNamesOf, isBound, selectedNodeAnnotation } from '../../api/local-volumes.ts'
import { isTerminating } from '../../api/meta.ts'
import { matchesTerm } from '../node-affinity.ts'
import type { Filter } from '../policy.ts'
import type { NodeState, Volumes } from '../snapshot.ts'

/** A pod goes where its volumes are; a claim that waits for a node takes the first one that is chosen for it. */
export const volumes: Filter = {
  name: 'VolumeBinding',
  admits: (pod, node, snapshot) =>
    claimNamesOf(pod).flatMap((name) =>
      refusal(snapshot.volumes, { namespace: pod.metadata.namespace ?? '', name }, node),
    ),
}

function refusal(
  { claim: findClaim, hasToWait, volume: findVolume }: Volumes,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { node, name: nodeName }: NodeState,
): readonly string[] {
  const claim = findClaim(namespace, name)
  if (!claim) return [`persistentvolumeclaim "${name}" not found`]
  if (isTerminating(claim)) return [`persistentvolumeclaim "${name}" is being deleted`]
  if (isBound(claim)) {
    const volume = findVolume(claim.spec.volumeName ?? '')
    if (!volume) return [`node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)`]
    const terms = volume.spec.nodeAffinity?.required?.nodeSelectorTerms
    return !terms || terms.some((term) => matchesTerm(term, node))
      ? []
      : ["node(s) didn't match PersistentVolume's node affinity"]
  }
  if (!hasToWait(claim)) return ['pod has unbound immediate PersistentVolumeClaims']
  const selected = claim.metadata.annotations?.[selectedNodeAnnotation]
  return selected === undefined || selected === nodeName
    ? []
    : ["node(s) didn't match PersistentVolume's node affinity"]
}
