/**
 * Gives CustomResourceDefinitions their names, and clears away the objects of those that are deleted. The API server serves
 * what this controller has declared Established.
 */
import { isConditionTrue, setCondition } from '../api/conditions.ts'
import { cleanupFinalizer, type CrdStatus, type CustomResourceDefinition } from '../api/crd/definition.ts'
import { namesTakenByOthers, statusWithNames } from '../api/crd/names.ts'
import { storageDefOf } from '../api/crd/resource-defs.ts'
import { isTerminating, type KubeObject } from '../api/meta.ts'
import { customResourceDefinitions } from '../api/resources/customresourcedefinitions.ts'
import type { ControllerContext, ControllerSpec, LoopContext, ReconcileResult } from '../client/controller.ts'
import { ignoreNotFound, settled, timestamp } from './owned.ts'

/** Objects whose own finalizers take time are looked at again this often. */
const recheckMs = 500
/** After objects that nothing seemed to hold: they are gone by now. */
const promptRecheckMs = 20
/** Objects listed, and deleted at once. */
const pageSize = 50

export const crdController: ControllerSpec = {
  name: 'crd',
  component: 'crd-controller',
  watches: customResourceDefinitions,
  // A name is free again when another definition lets it go.
  triggers: [{ resource: customResourceDefinitions, keys: (_, context) => refused(context) }],
  // One at a time: two definitions may want the same name.
  workers: 1,
  async reconcile({ name }, context) {
    const crds = context.informers.for<CustomResourceDefinition>(customResourceDefinitions)
    const crd = crds.get('', name)
    if (!crd) return
    if (isTerminating(crd)) return clearAway(crd, context)
    const taken = namesTakenByOthers(crd, crds.list())
    await writeStatus(crd, statusWithNames(crd, taken, now(context)), context)
  },
}

const refused = ({ informers }: LoopContext): readonly string[] =>
  informers
    .for<CustomResourceDefinition>(customResourceDefinitions)
    .list()
    .filter(({ status }) => status?.conditions && !isConditionTrue(status.conditions, 'NamesAccepted'))
    .map(({ metadata }) => metadata.name ?? '')

const now = ({ clock }: ControllerContext): string => timestamp(clock.now().getTime())

async function clearAway(
  crd: CustomResourceDefinition,
  context: ControllerContext,
): Promise<ReconcileResult> {
  const { finalizers = [], name = '', resourceVersion } = crd.metadata
  if (!finalizers.includes(cleanupFinalizer)) return
  const terminating = {
    type: 'Terminating',
    status: 'True',
    reason: 'InstanceDeletionInProgress',
    message: 'CustomResource deletion is in progress',
  }
  const conditions = setCondition(crd.status?.conditions, terminating, now(context))
  // The write comes back as a change, and with it the next step.
  if (conditions !== crd.status?.conditions) return writeStatus(crd, { ...crd.status, conditions }, context)
  const left = await deleteObjects(crd, context)
  if (left !== 'none') return { requeueAfterMs: left === 'held' ? recheckMs : promptRecheckMs }
  const kept = finalizers.filter((one) => one !== cleanupFinalizer)
  const patch = { metadata: { resourceVersion, finalizers: kept } }
  await ignoreNotFound(context.client.resource(customResourceDefinitions).patch(name, 'merge', patch))
}

/** `held`: what is left waits for somebody; `going`: look again at once. */
async function deleteObjects(
  crd: CustomResourceDefinition,
  { client }: ControllerContext,
): Promise<'none' | 'going' | 'held'> {
  const def = storageDefOf(crd)
  // Never served, so there can't be any.
  if (!def) return 'none'
  const api = client.resource<KubeObject>(def)
  let [deleted, held] = [0, 0]
  let token: string | undefined
  do {
    const page = await api.list({ limit: pageSize, ...(token && { continue: token }) })
    const present = page.items.filter((object) => !isTerminating(object))
    held += page.items.length - present.length
    deleted += present.length
    await settled(
      present.map(({ metadata: { name = '', namespace } }) =>
        ignoreNotFound(api.delete(name, namespace === undefined ? {} : { namespace })),
      ),
    )
    token = page.metadata.continue
  } while (token)
  return deleted > 0 ? 'going' : held > 0 ? 'held' : 'none'
}

async function writeStatus(
  { metadata, status: before }: CustomResourceDefinition,
  status: CrdStatus,
  { client }: ControllerContext,
): Promise<void> {
  if (status === before) return
  const { name = '', resourceVersion } = metadata
  const patch = { metadata: { resourceVersion }, status }
  const api = client.resource(customResourceDefinitions)
  await ignoreNotFound(api.patch(name, 'merge', patch, { subresource: 'status' }))
}
