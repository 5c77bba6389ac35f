/** A pod gets its node: POST pods/NAME/binding, or a Binding to `/bindings`. Once, and for good. */
import type { KubeObject } from '../../api/meta.ts'
import { checkDns1123Subdomain, checkPathSegmentName } from '../../api/names.ts'
import { quote } from '../../api/quote.ts'
import { epochAnnotation, isRunOnce, refuseEpoch, runOnceAnnotation } from '../../api/run-once.ts'
import { typeNamed } from '../../api/schema/schema.ts'
import type { Binding, Pod } from '../../api/schema/types.gen.ts'
import { badRequest, conflict, failure, fieldError, invalid, notFound } from '../../api/status.ts'
import { readBody } from '../body.ts'
import type { VerbContext } from '../context.ts'
import { decodeBody } from '../decode-body.ts'
import type { ApiResponse } from '../http.ts'
import { checkIdentity, isSet } from '../metadata.ts'
import { statusResponse } from '../respond.ts'
import { successStatus } from '../../api/status.ts'
import { updateObject } from '../updates.ts'
import { writeOptionsOf } from '../write-options.ts'

const bindingResource = { group: '', resource: 'pods/binding' }

export async function binding(context: VerbContext): Promise<ApiResponse> {
  const { info, machinery, request, warnings } = context
  const { dryRun, fieldValidation } = writeOptionsOf(info.query, 'CreateOptions')
  const expected = { group: '', version: 'v1', kind: 'Binding', schema: typeNamed('core.v1.Binding') }
  const contentType = request.headers['content-type']
  const body = await decodeBody(await readBody(context), expected, {
    contentType,
    fieldValidation,
    machinery,
    warnings,
  })
  const bound = body as Binding & KubeObject
  checkIdentity(
    body.metadata,
    info.name === '' ? { name: body.metadata.name ?? '', namespace: info.namespace } : info,
  )
  const name = info.name === '' ? (body.metadata.name ?? '') : info.name
  if (name === '') throw badRequest('a binding must name its pod in metadata.name')
  checkTarget(name, bound)
  checkName(name)
  const change = (current: KubeObject) => bind(context, current as Pod & KubeObject, bound)
  await updateObject(context, {
    namespace: info.namespace,
    name,
    subresource: 'binding',
    dryRun,
    change,
    isRequested: false,
  })
  return statusResponse({ ...successStatus(), code: 201 })
}

/** A name in a URL was checked with it; this one may come from the body. */
function checkName(name: string): void {
  const problems = checkPathSegmentName(name)
  if (problems.length > 0) throw badRequest(`Name parameter invalid: ${quote(name)}: ${problems.join(';')}`)
  // No pod has such a name.
  if (checkDns1123Subdomain(name).length > 0) throw notFound({ group: '', resource: 'pods' }, name)
}

function checkTarget(name: string, { metadata, target }: Binding): void {
  const errors = [...refuseEpoch(metadata ?? {})]
  if ((target?.kind ?? '') !== '' && target.kind !== 'Node')
    errors.push(fieldError.notSupported('target.kind', target.kind, ['Node', '<empty>']))
  if ((target?.name ?? '') === '') errors.push(fieldError.required('target.name'))
  if (errors.length > 0) throw invalid({ group: '', kind: 'Binding' }, name, errors)
}

function bind({ machinery }: VerbContext, pod: Pod & KubeObject, { metadata, target }: Binding): KubeObject {
  const { name = '', uid } = pod.metadata
  const refuse = (why: string) => conflict(bindingResource, name, why)
  const asked = metadata?.uid ?? ''
  if (asked !== '' && asked !== uid)
    throw refuse(`Precondition failed: UID in precondition: ${asked}, UID in object meta: ${uid}`)
  if (isSet(pod.metadata.deletionTimestamp))
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`)
  const node = pod.spec.nodeName ?? ''
  if (node !== '') throw refuse(`pod ${name} is already assigned to node ${quote(node)}`)
  const gates = pod.spec.schedulingGates ?? []
  if (gates.length > 0) throw failure('Conflict', `pod ${name} has non-empty .spec.schedulingGates`)
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: machinery.nowIso(),
  }
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled')
  const annotations = annotationsOf(pod, metadata)
  const bound = {
    ...pod,
    metadata: { ...pod.metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: { ...pod.spec, nodeName: target.name },
    status: { ...pod.status, conditions: [...others, scheduled] },
  }
  return bound
}

/** Those of the Binding are added; whether a pod runs once isn't theirs to say. */
function annotationsOf(pod: Pod, bound: Binding['metadata']): Record<string, string> {
  const { [runOnceAnnotation]: _, ...added } = bound?.annotations ?? {}
  // One count for all objects: whatever is bound later has a greater one.
  const epoch = isRunOnce(pod) ? { [epochAnnotation]: pod.metadata.resourceVersion ?? '' } : {}
  return { ...pod.metadata.annotations, ...added, ...epoch }
}
