/** A pod's priority is that of its class (kubernetes plugin/pkg/admission/priority/admission.go eed236c). */
import type { KubeObject } from '../../api/meta.ts'
import type { Pod, PriorityClass } from '../../api/schema/types.gen.ts'
import { forbidden } from '../../api/status.ts'
import type { Foundation } from '../foundation.ts'
import { readOne } from '../pages.ts'
import type { AdmissionRequest, AdmissionStep } from './admit.ts'
import { parsedObjects, type ParsedObjects } from './parsed-objects.ts'

const group = 'scheduling.k8s.io'
const preempts = 'PreemptLowerPriority'

export const priority = (): AdmissionStep => {
  const known = new WeakMap<object, ParsedObjects<PriorityClass & KubeObject>>()
  const allClasses = async (machinery: Foundation): Promise<readonly (PriorityClass & KubeObject)[]> => {
    const def = machinery.findResource(group, 'v1', 'priorityclasses')
    if (!def) return []
    const cache = machinery.cacheOf(def)
    await cache.ready()
    let objects = known.get(cache)
    if (!objects) known.set(cache, (objects = parsedObjects(cache)))
    return objects.all()
  }
  return {
    name: 'Priority',
    admit(request) {
      const { def, machinery, operation, subresource } = request
      if (operation === 'delete' || subresource !== '') return undefined
      if (def.group === group && def.plural === 'priorityclasses')
        return allClasses(machinery).then((classes) => checkOnlyDefault(request, classes))
      if (def.group !== '' || def.plural !== 'pods') return undefined
      if (operation === 'update') return keepPriority(request)
      return allClasses(machinery).then((classes) => setPriority(request, classes))
    },
  }
}

/** Who puts the pod that they created leaves out what this step added then. */
function keepPriority({ object, old }: AdmissionRequest): void {
  const { spec } = object as Pod & KubeObject
  const before = (old as Pod | undefined)?.spec
  if (spec.priority === undefined && before?.priority !== undefined) spec.priority = before.priority
  if (spec.preemptionPolicy === undefined && before?.preemptionPolicy !== undefined)
    spec.preemptionPolicy = before.preemptionPolicy
}

async function setPriority(
  { machinery, object }: AdmissionRequest,
  classes: readonly PriorityClass[],
): Promise<void> {
  const { metadata, spec } = object as Pod & KubeObject
  const refuse = (why: string) => forbidden({ group: '', resource: 'pods' }, metadata.name ?? '', why)
  const name = spec.priorityClassName ?? ''
  const found = name === '' ? defaultOf(classes) : await findClass(machinery, classes, name)
  if (name !== '' && !found) throw refuse(`no PriorityClass with name ${name} was found`)
  if (found && name === '') spec.priorityClassName = found.metadata.name ?? ''
  const value = found?.value ?? 0
  if (spec.priority !== undefined && spec.priority !== value)
    throw refuse(
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    )
  spec.priority = value
  const policy = found?.preemptionPolicy ?? preempts
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
    throw refuse(
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    )
  spec.preemptionPolicy = policy
}

/** The cache may be a moment behind: a name it doesn't know is worth a read of the store. */
async function findClass(
  machinery: Foundation,
  classes: readonly PriorityClass[],
  name: string,
): Promise<PriorityClass | undefined> {
  const cached = classes.find(({ metadata }) => metadata.name === name)
  const def = machinery.findResource(group, 'v1', 'priorityclasses')
  if (cached || !def) return cached
  return (await readOne(machinery.cacheOf(def), '', name, ''))?.parse<PriorityClass & KubeObject>()
}

/** Of several, which a race can leave behind, the lowest. */
const defaultOf = (classes: readonly PriorityClass[]): PriorityClass | undefined =>
  classes
    .filter(({ globalDefault }) => globalDefault)
    .toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0))
    .at(0)

function checkOnlyDefault({ object }: AdmissionRequest, classes: readonly PriorityClass[]): void {
  const { globalDefault, metadata } = object as PriorityClass & KubeObject
  const other =
    globalDefault && classes.find((each) => each.globalDefault && each.metadata.name !== metadata.name)
  if (!other) return
  const why = `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`
  throw forbidden({ group, resource: 'priorityclasses' }, metadata.name ?? '', why)
}
