import { fieldError } from '../../api/field-errors.ts'
import { invalid, isNotFound, type StatusError } from '../../api/status.ts'
import type { VerbContext } from '../context.ts'
import { deleteObject } from '../deletes.ts'
import { listOptionsOf } from '../list-options.ts'
import { negotiate } from '../negotiate.ts'
import { readPage } from '../pages.ts'
import { selectionOf } from '../selection.ts'
import { unreadableOption } from '../delete-options.ts'
import type { ApiResponse } from '../http.ts'
import { readDeleteOptions } from './delete.ts'
import { listResponse } from './list.ts'

/** Deletions under way at once: keeps a group commit full without starving other writers. */
const deletionsMax = 16

/** Deletes what a list with the same query would show, and answers with that list. */
export async function deleteCollection(context: VerbContext): Promise<ApiResponse> {
  const { def, info, machinery, request } = context
  const representation = negotiate(request.headers['accept'], 'list')
  const options = await readDeleteOptions(context)
  if (options[unreadableOption] === true) throw refusedUnread()
  const selection = selectionOf(def, info.namespace, info.query)
  const page = await readPage(machinery.cacheOf(def), selection, listOptionsOf(info.query, false))
  const queue = [...page.objects]
  const worker = async () => {
    for (let object = queue.shift(); object; object = queue.shift()) {
      try {
        await deleteObject(context, object, options)
      } catch (error) {
        // Somebody else deleted it first: that was the wish.
        if (isNotFound(error)) continue
        queue.length = 0
        throw error
      }
    }
  }
  const workers = Array.from({ length: Math.min(deletionsMax, queue.length) }, worker)
  // Nothing goes on behind an answer that says it failed.
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
  return listResponse(context, page, representation)
}

/** What can't be read is deleted one by one, by name (apiserver pkg/endpoints/handlers/delete.go eed236c). */
function refusedUnread(): StatusError {
  const why = 'is not allowed with DELETECOLLECTION, try again after removing the option'
  const error = fieldError.invalid(unreadableOption, true, why)
  return invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', [error])
}
