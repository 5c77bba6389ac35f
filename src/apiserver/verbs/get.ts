import { groupResourceOf } from '../../api/resource.ts'
import { notFound } from '../../api/status.ts'
import type { VerbContext } from '../context.ts'
import { revisionOf } from '../list-options.ts'
import { readOne } from '../pages.ts'
import { objectResponse, representationOne } from '../represent.ts'
import type { ApiResponse } from '../http.ts'

/** The object as it is; also `GET` of a subresource whose body is the object itself. */
export async function get(context: VerbContext): Promise<ApiResponse> {
  const { def, info, machinery } = context
  representationOne(context)
  const resourceVersion = info.query.get('resourceVersion') ?? ''
  if (resourceVersion !== '') revisionOf(resourceVersion)
  const object = await readOne(machinery.cacheOf(def), info.namespace, info.name, resourceVersion)
  if (!object) throw notFound(groupResourceOf(def), info.name)
  return objectResponse(context, 200, object)
}
