import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import { realClock } from '../../base/clock.ts'
import { realRandom } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import { describeStore } from '../conformance.ts'
import { openPostgresStore } from './postgres-store.ts'
import { findPostgres, startTestServer, type TestServer } from './test-server.ts'

const context = { clock: realClock, logger: silentLogger, random: realRandom }

if (findPostgres() === undefined && process.env['CI'] !== 'true') {
  test('the PostgreSQL store is a store', { skip: 'PostgreSQL is not installed (Debian: postgresql)' })
} else {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-postgres-'))
  chmodSync(folder, 0o755)
  let server: TestServer
  let count = 0
  before(async () => {
    server = await startTestServer({ clock: realClock, folder })
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })
  describeStore('the PostgreSQL store', () => openPostgresStore(server.url(`s${++count}`), context))
}
