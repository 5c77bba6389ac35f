import { describe } from 'node:test'

import { realClock } from '../../base/clock.ts'
import { realRandom } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import { describeStore } from '../conformance.ts'
import { openPostgresStore } from './postgres-store.ts'
import { serverForTests, skipReason } from './test-server.ts'

describe('in PostgreSQL', { skip: skipReason() }, () => {
  const server = serverForTests()
  const context = { clock: realClock, logger: silentLogger, random: realRandom }
  let count = 0
  describeStore('the PostgreSQL store', () => openPostgresStore(server().url(`s${++count}`), context))
})
