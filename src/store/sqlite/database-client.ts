import { Worker } from 'node:worker_threads'

import { deferred, type Deferred } from '../../base/deferred.ts'
import { neighbour } from '../../base/neighbour.ts'
import { closedError } from '../errors.ts'
import { StoreError } from '../store.ts'
import { transferables, type CallName, type Calls, type Request, type Response } from './protocol.ts'

/** The main thread's end of `protocol.ts`. */
export interface DatabaseClient {
  /** Throws what the database threw; `unavailable` once its thread is gone. */
  call<N extends CallName>(name: N, args: Calls[N]['args']): Promise<Calls[N]['result']>
  /** Ends the thread; calls not yet answered fail. */
  end(): Promise<void>
}

/** `onCrash` is called once if the thread ends other than by `end()`. */
export function startDatabase(onCrash: (error: StoreError) => void): DatabaseClient {
  const worker = new Worker(neighbour(import.meta.url, 'database-thread'), { name: 'sampan-store' })
  const waiting = new Map<number, Deferred<Calls[CallName]['result']>>()
  let lastId = 0
  let gone: StoreError | undefined

  const fail = (error: StoreError) => {
    gone ??= error
    for (const call of waiting.values()) call.reject(gone)
    waiting.clear()
  }
  const crash = (cause: unknown) => {
    if (gone) return
    fail(
      new StoreError('unavailable', 'The thread of the database ended unexpectedly; start Sampan again.', {
        cause,
      }),
    )
    if (gone) onCrash(gone)
  }
  worker.on('message', (response: Response) => {
    const call = waiting.get(response.id)
    waiting.delete(response.id)
    if ('result' in response) return call?.resolve(response.result)
    const { code, message, key, cause } = response.error
    call?.reject(new StoreError(code, message, { ...(key === undefined ? {} : { key }), cause }))
  })
  worker.on('error', crash)
  worker.on('exit', (code) => crash(new Error(`exit code ${code}`)))

  return {
    async call<N extends CallName>(name: N, args: Calls[N]['args']) {
      if (gone) throw gone
      const request: Request<N> = { id: ++lastId, name, args }
      const answer = deferred<Calls[CallName]['result']>()
      waiting.set(request.id, answer)
      worker.postMessage(request, args === null ? [] : transferables(args))
      return (await answer.promise) as Calls[N]['result']
    },
    async end() {
      fail(closedError())
      await worker.terminate()
    },
  }
}
