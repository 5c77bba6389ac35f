import { typeNamed } from '../../api/schema/schema.ts'
import { successStatus } from '../../api/status.ts'
import { readBody } from '../body.ts'
import type { VerbContext } from '../context.ts'
import { decodeBody } from '../decode-body.ts'
import { checkDeleteOptions, type DeleteOptions } from '../delete-options.ts'
import { deleteObject, type Deletion } from '../deletes.ts'
import { objectResponse, representationOne } from '../represent.ts'
import { statusResponse } from '../respond.ts'
import type { ApiResponse } from '../http.ts'
import type { KubeObject } from '../../api/meta.ts'

export async function deleteOne(context: VerbContext): Promise<ApiResponse> {
  representationOne(context)
  const options = await readDeleteOptions(context)
  return deletionResponse(context, await deleteObject(context, context.info, options))
}

export function deletionResponse(
  context: VerbContext,
  { isGone, object }: Deletion,
): ApiResponse | Promise<ApiResponse> {
  if (!isGone) return objectResponse(context, 200, object)
  const { def } = context
  const { uid = '' } = object.parse().metadata
  return statusResponse(successStatus({ name: object.name, group: def.group, kind: def.plural, uid }))
}

/** The body is optional; clients of every age send DeleteOptions under their own group's version. */
export async function readDeleteOptions(context: VerbContext): Promise<DeleteOptions> {
  const { info, machinery, request, warnings } = context
  const bytes = await readBody(context)
  if (bytes.length === 0) return checkDeleteOptions({}, info.query)
  const schema = typeNamed('meta.v1.DeleteOptions')
  const body = await decodeBody(
    bytes,
    { group: '', version: 'v1', kind: 'DeleteOptions', schema, anyGroup: true },
    {
      contentType: request.headers['content-type'],
      fieldValidation: 'Ignore',
      machinery,
      warnings,
    },
  )
  return checkDeleteOptions(deleteOptionsIn(body), info.query)
}

/** The fields of a decoded DeleteOptions; its schema has checked their types. */
export function deleteOptionsIn(body: KubeObject): DeleteOptions {
  const { apiVersion: _v, kind: _k, metadata: _m, ...options } = body
  return options
}
