/** `/scale` of whatever resource says where its numbers live: autoscaling/v1 Scale in, the object's replicas out. */
import { fieldElement } from '../../api/apply/element.ts'
import { objectEntriesOf, scaleEntriesOf } from '../../api/apply/scale-owners.ts'
import { isJsonObject } from '../../api/json.ts'
import type { KubeObject } from '../../api/meta.ts'
import { groupResourceOf, type Column, type ScaleSpec } from '../../api/resource.ts'
import { ageColumn } from '../../api/resources/cells.ts'
import { typeNamed } from '../../api/schema/schema.ts'
import { formatSelector, selectorFrom, selectorFromLabels } from '../../api/selector.ts'
import { fieldError, invalid, methodNotAllowed, notFound, unknownResource } from '../../api/status.ts'
import { readBody } from '../body.ts'
import type { VerbContext } from '../context.ts'
import { decodeBody } from '../decode-body.ts'
import type { ApiResponse } from '../http.ts'
import { checkIdentity } from '../metadata.ts'
import { readOne } from '../pages.ts'
import { plainResponse, representationOne } from '../represent.ts'
import { updateObject } from '../updates.ts'
import { isApply, readApply } from '../verbs/apply.ts'
import { readPatch } from '../verbs/patch.ts'
import { writeOptionsOf } from '../write-options.ts'

const scaleBody = { group: 'autoscaling', version: 'v1', kind: 'Scale' } as const
const scaleSchema = () => typeNamed('autoscaling.v1.Scale')

interface Scale extends KubeObject {
  readonly spec: { readonly replicas?: number }
  readonly status: { readonly replicas: number; readonly selector?: string }
}

export async function scale(context: VerbContext): Promise<ApiResponse> {
  const { def, info, machinery } = context
  const spec = def.scale
  if (!spec) throw unknownResource()
  representationOne(context)
  if (info.verb === 'get') {
    const object = await readOne(machinery.cacheOf(def), info.namespace, info.name, '')
    if (!object) throw notFound(groupResourceOf(def), info.name)
    return scaleResponse(context, scaleOf(object.parse(), spec))
  }
  if (info.verb !== 'update' && info.verb !== 'patch') throw methodNotAllowed()
  const { dryRun, isApplied, wished } = await readWish(context)
  const path = spec.specReplicas.map(fieldElement)
  const change = (current: KubeObject): KubeObject => {
    const owned = isApplied ? { managedFields: scaleEntriesOf(current.metadata.managedFields, path) } : {}
    const seen = scaleOf(current, spec)
    const scaled = wished({ ...seen, metadata: { ...seen.metadata, ...owned } as KubeObject['metadata'] })
    checkScale(scaled)
    const replicas = scaled.spec?.replicas ?? 0
    const object = setAt(current, spec.specReplicas, replicas)
    // The Scale's own resourceVersion is the object's: a stale one must conflict.
    const { resourceVersion = '' } = scaled.metadata
    const metadata = { ...object.metadata, resourceVersion }
    const { apiVersion } = current
    const owners = objectEntriesOf(metadata.managedFields, scaled.metadata.managedFields, {
      apiVersion,
      path,
    })
    return { ...object, metadata: isApplied && owners ? { ...metadata, managedFields: owners } : metadata }
  }
  const { namespace, name } = info
  const wish = { namespace, name, subresource: '', ownedAs: 'scale', dryRun, change, isApplied }
  const { object, stored } = await updateObject(context, wish)
  return scaleResponse(context, scaleOf(stored?.parse() ?? object, spec))
}

/** Its table is its own, whatever is scaled (kubernetes pkg/printers/internalversion/printers.go 144a798). */
const scaleColumns: readonly Column[] = [
  { name: 'Name', type: 'string', value: ({ metadata }) => metadata.name ?? '' },
  { name: 'Desired', type: 'integer', value: (object) => (object as Scale).spec.replicas ?? 0 },
  { name: 'Available', type: 'integer', value: (object) => (object as Scale).status.replicas },
  ageColumn(),
]

function scaleResponse(context: VerbContext, object: Scale): Promise<ApiResponse> {
  const { def, signal } = context
  return plainResponse({ ...context, signal, def: { ...def, columns: scaleColumns } }, 200, object)
}

async function readWish(context: VerbContext) {
  const { info, machinery, request, warnings } = context
  if (info.verb === 'patch' && isApply(request.headers)) {
    const { change, dryRun } = await readApply(context, { ...scaleBody, schema: scaleSchema() })
    return { dryRun, isApplied: true, wished: (current: Scale) => change(current) as Scale }
  }
  if (info.verb === 'patch') {
    const options = writeOptionsOf(info.query, 'PatchOptions')
    const apply = await readPatch(context, scaleSchema(), options)
    return { dryRun: options.dryRun, isApplied: false, wished: (current: Scale) => apply(current) as Scale }
  }
  const { dryRun, fieldValidation } = writeOptionsOf(info.query, 'UpdateOptions')
  const contentType = request.headers['content-type']
  const expected = { ...scaleBody, schema: scaleSchema() }
  const body = (await decodeBody(await readBody(context), expected, {
    contentType,
    fieldValidation,
    machinery,
    warnings,
  })) as Scale
  checkIdentity(body.metadata, info)
  return { dryRun, isApplied: false, wished: () => body }
}

function checkScale({ metadata, spec }: Scale): void {
  const replicas = spec?.replicas ?? 0
  if (replicas >= 0) return
  const error = fieldError.invalid('spec.replicas', replicas, 'must be greater than or equal to 0')
  throw invalid(scaleBody, metadata.name ?? '', [error])
}

function scaleOf(object: KubeObject, paths: ScaleSpec): Scale {
  const { name = '', namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const metadata = {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
  }
  // A custom resource may have no selector.
  const selector = paths.selector.length === 0 ? '' : selectorText(valueAt(object, paths.selector))
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata,
    spec: { replicas: numberAt(object, paths.specReplicas) },
    status: { replicas: numberAt(object, paths.statusReplicas), ...(selector !== '' && { selector }) },
  }
}

function selectorText(value: unknown): string {
  if (typeof value === 'string') return value
  if (!isJsonObject(value)) return ''
  // A ReplicationController selects by labels alone.
  const isLabels = Object.values(value).every((label) => typeof label === 'string')
  return formatSelector(
    isLabels ? selectorFromLabels(value as Readonly<Record<string, string>>) : selectorFrom(value),
  )
}

const valueAt = (object: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, field) => (isJsonObject(value) ? value[field] : undefined), object)

const numberAt = (object: KubeObject, path: readonly string[]): number => {
  const value = valueAt(object, path)
  return typeof value === 'number' ? value : 0
}

function setAt<T extends object>(object: T, [field, ...rest]: readonly string[], value: unknown): T {
  if (field === undefined) return object
  const inner = (object as Readonly<Record<string, unknown>>)[field]
  const next = rest.length === 0 ? value : setAt(isJsonObject(inner) ? inner : {}, rest, value)
  return { ...object, [field]: next }
}
