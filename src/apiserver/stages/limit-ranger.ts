/** Fills in what a namespace's LimitRanges give to pods that ask for nothing, and refuses what lies outside of them. */
import type { KubeObject } from '../../api/meta.ts'
import { applyLimitDefaults, claimLimitProblems, podLimitProblems } from '../../api/quota/limit-ranges.ts'
import { groupResourceOf } from '../../api/resource.ts'
import type { LimitRange, PersistentVolumeClaim, Pod } from '../../api/schema/types.gen.ts'
import { forbidden } from '../../api/status.ts'
import type { AdmissionRequest, AdmissionStep } from './admit.ts'
import { namespaceObjects } from './namespace-objects.ts'

export const limitRanger = (): AdmissionStep => {
  const ranges = namespaceObjects<LimitRange & KubeObject>({
    group: '',
    version: 'v1',
    plural: 'limitranges',
  })
  return {
    name: 'LimitRanger',
    admit(request) {
      if (!isLimited(request)) return undefined
      const found = ranges.of(request.machinery, request.object.metadata.namespace ?? '')
      return found instanceof Promise
        ? found.then((ready) => keepWithin(request, ready))
        : keepWithin(request, found)
    },
  }
}

function keepWithin({ def, object }: AdmissionRequest, found: readonly (LimitRange & KubeObject)[]): void {
  if (found.length === 0) return
  const isPod = def.plural === 'pods'
  if (isPod) applyLimitDefaults(object as Pod & KubeObject, found)
  const problems = found.flatMap((range) =>
    isPod
      ? podLimitProblems(object as Pod & KubeObject, range)
      : claimLimitProblems(object as PersistentVolumeClaim & KubeObject, range),
  )
  if (problems.length === 0) return
  const why = problems.length === 1 ? (problems[0] ?? '') : `[${problems.join(', ')}]`
  throw forbidden(groupResourceOf(def), object.metadata.name ?? '', why)
}

/** A pod's containers can't ask for more later; a claim can. */
const isLimited = ({ def, operation, subresource }: AdmissionRequest): boolean =>
  def.group === '' &&
  subresource === '' &&
  ((def.plural === 'pods' && operation === 'create') ||
    (def.plural === 'persistentvolumeclaims' && operation !== 'delete'))
