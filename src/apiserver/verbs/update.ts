import { copyOf } from '../../api/copy.ts'
import type { KubeObject } from '../../api/meta.ts'
import { isNotFound } from '../../api/status.ts'
import { readBody } from '../body.ts'
import type { VerbContext } from '../context.ts'
import { createObject } from '../creates.ts'
import { decodeBody } from '../decode-body.ts'
import { checkIdentity } from '../metadata.ts'
import { objectResponse, plainResponse, representationOne } from '../represent.ts'
import { authorizeCreate } from '../stages/authorize.ts'
import type { ApiResponse } from '../http.ts'
import { updateObject, type Updated } from '../updates.ts'
import { writeOptionsOf } from '../write-options.ts'

/** PUT of an object, or of a subresource whose body is the object: the strategy decides which part of it counts. */
export async function update(context: VerbContext): Promise<ApiResponse> {
  const { def, info, machinery, request, warnings } = context
  representationOne(context)
  const { dryRun, fieldValidation } = writeOptionsOf(info.query, 'UpdateOptions')
  const contentType = request.headers['content-type']
  const body = await decodeBody(await readBody(context), def, {
    contentType,
    fieldValidation,
    machinery,
    warnings,
  })
  checkIdentity(body.metadata, info)
  try {
    const change = () => copyOf(body)
    const { namespace, name, subresource } = info
    const updated = await updateObject(context, { namespace, name, subresource, dryRun, change })
    return await updatedResponse(context, updated)
  } catch (error) {
    if (!isNotFound(error) || def.createOnUpdate !== true || info.subresource !== '') throw error
    return await createInstead(context, body, dryRun)
  }
}

export const updatedResponse = (context: VerbContext, { stored, object }: Updated): Promise<ApiResponse> =>
  stored ? objectResponse(context, 200, stored) : plainResponse(context, 200, object)

async function createInstead(context: VerbContext, body: KubeObject, dryRun: boolean): Promise<ApiResponse> {
  const { info, machinery, user } = context
  await authorizeCreate(machinery.access, user, info)
  const { namespace, name } = info
  const named = { ...body, metadata: { ...body.metadata, name } }
  const { object, stored } = await createObject(context, named, { dryRun, namespace })
  return stored ? objectResponse(context, 201, stored) : plainResponse(context, 201, object)
}
