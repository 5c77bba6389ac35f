import { readBody } from '../body.ts'
import type { VerbContext } from '../context.ts'
import { createObject } from '../creates.ts'
import { decodeBody } from '../decode-body.ts'
import { objectResponse, plainResponse, representationOne } from '../represent.ts'
import type { ApiResponse } from '../http.ts'
import { writeOptionsOf } from '../write-options.ts'

export async function create(context: VerbContext): Promise<ApiResponse> {
  const { def, info, machinery, request, warnings } = context
  representationOne(context)
  const { dryRun, fieldValidation } = writeOptionsOf(info.query, 'CreateOptions')
  const contentType = request.headers['content-type']
  const body = await decodeBody(await readBody(context), def, {
    contentType,
    fieldValidation,
    machinery,
    warnings,
  })
  const { object, stored } = await createObject(context, body, { dryRun, namespace: info.namespace })
  return stored ? objectResponse(context, 201, stored) : plainResponse(context, 201, object)
}
