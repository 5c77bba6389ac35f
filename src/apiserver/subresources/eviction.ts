/** POST pods/NAME/eviction: a deletion that a disruption budget may refuse (budgets will be asked here). */
import { typeNamed } from '../../api/schema/schema.ts'
import { badRequest, successStatus } from '../../api/status.ts'
import { isJsonObject } from '../../api/json.ts'
import { readBody } from '../body.ts'
import type { VerbContext } from '../context.ts'
import { decodeBody } from '../decode-body.ts'
import { checkDeleteOptions } from '../delete-options.ts'
import { deleteObject } from '../deletes.ts'
import type { ApiResponse } from '../http.ts'
import { checkIdentity } from '../metadata.ts'
import { statusResponse } from '../respond.ts'
import { writeOptionsOf } from '../write-options.ts'

export async function eviction(context: VerbContext): Promise<ApiResponse> {
  const { info, machinery, request, warnings } = context
  const { dryRun, fieldValidation } = writeOptionsOf(info.query, 'CreateOptions')
  const expected = {
    group: 'policy',
    version: 'v1',
    kind: 'Eviction',
    schema: typeNamed('policy.v1.Eviction'),
  }
  const contentType = request.headers['content-type']
  const body = await decodeBody(await readBody(context), expected, {
    contentType,
    fieldValidation,
    machinery,
    warnings,
  })
  checkIdentity(body.metadata, info)
  const given: unknown = 'deleteOptions' in body ? body.deleteOptions : {}
  if (!isJsonObject(given)) throw badRequest('deleteOptions of an Eviction must be an object')
  const options = checkDeleteOptions({ ...given, ...(dryRun && { dryRun: ['All'] }) }, new URLSearchParams())
  await deleteObject(context, info, options)
  return statusResponse({ ...successStatus(), code: 201 })
}
