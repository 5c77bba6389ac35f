/**
 * The entry of the database's own thread: SQLite blocks while it writes and syncs, so it does that where nobody
 * waits on the event loop. It answers `protocol.ts`' requests one by one, in order.
 */
import { parentPort } from 'node:worker_threads'

import { assert } from '../../base/assert.ts'
import { realClock } from '../../base/clock.ts'
import { describeError } from '../../base/logger.ts'
import { releaseStartMemory } from '../../base/start-memory.ts'
import { compact, skip } from './compact.ts'
import { closeEngine, openEngine, type Engine } from './engine.ts'
import { transferables, type CallName, type Calls, type Request, type Response } from './protocol.ts'
import { due, get, list, nextDue, replay } from './read.ts'
import { scrub } from './scrub.ts'
import { translateSqliteError } from './sqlite-errors.ts'
import { writeGroup } from './write.ts'

type Handlers = { [N in CallName]: (args: Calls[N]['args']) => Calls[N]['result'] }

function createHandlers(): Handlers {
  let engine: Engine | undefined
  const opened = (): Engine => {
    assert(engine, 'the database is asked before it was opened or after it was closed')
    return engine
  }
  return {
    open(args) {
      engine = openEngine(args, realClock)
      const { revision, compacted } = engine.state
      return { revision, compacted, nextDueMs: nextDue(engine, -1), notes: engine.notes }
    },
    write: (args) => writeGroup(opened(), args),
    get: (args) => get(opened(), args),
    list: (args) => list(opened(), args),
    replay: (args) => replay(opened(), args),
    due: (args) => due(opened(), args),
    compact: (args) => compact(opened(), args),
    skip: (args) => skip(opened(), args),
    scrub: (args) => scrub(opened(), args),
    close() {
      closeEngine(opened())
      engine = undefined
      return null
    },
  }
}

function serve(port: NonNullable<typeof parentPort>): void {
  const handlers = createHandlers()
  let file = ''
  const answer = <N extends CallName>({ id, name, args }: Request<N>): Response => {
    if (name === 'open' && args !== null && 'file' in args) file = args.file
    try {
      return { id, result: handlers[name](args) }
    } catch (error) {
      const known = translateSqliteError(error, file)
      if (!known) throw error // a fault of ours ends the thread, and with it the store: the state is unknown
      const cause = known.cause === undefined ? undefined : describeError(known.cause)
      return { id, error: { code: known.code, message: known.message, key: known.key, cause } }
    }
  }
  port.on('message', (request: Request) => {
    const response = answer(request)
    port.postMessage(response, 'result' in response && response.result ? transferables(response.result) : [])
  })
}

assert(parentPort, 'database-thread.ts is started by store/sqlite, as a worker thread')
serve(parentPort)
releaseStartMemory(realClock)
