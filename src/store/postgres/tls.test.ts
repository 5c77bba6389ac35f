import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { realClock } from '../../base/clock.ts'
import { realRandom } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import { thrown } from '../conformance/suite.ts'
import { openPostgresStore } from './postgres-store.ts'
import { serverForTests, skipReason, type TestServer } from './test-server.ts'

const context = { clock: realClock, logger: silentLogger, random: realRandom }
const params = (server: TestServer, text: string) =>
  server.url('tls').replace('127.0.0.1', 'localhost') + text.replace('CERT', server.certFile)

describe('PostgreSQL speaks TLS', { skip: skipReason() }, () => {
  const server = serverForTests({}, { isTls: true })
  const isEncrypted = async () => {
    const rows = await server().sql(
      "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'sampan'",
    )
    return rows.every(({ ssl }) => ssl === true) && rows.length > 0
  }

  for (const [text, expected] of [
    ['', true],
    ['&sslmode=disable', false],
    ['&sslmode=prefer', true],
    ['&sslmode=require', true],
    ['&sslmode=verify-ca&sslrootcert=CERT', true],
    ['&sslmode=verify-full&sslrootcert=CERT', true],
    ['&sslrootcert=CERT', true],
  ] as const) {
    it(`with "${text}" the connection is ${expected ? 'encrypted' : 'plain'}`, async () => {
      await using store = await openPostgresStore(params(server(), text), context)
      await store.current()
      assert.equal(await isEncrypted(), expected)
    })
  }

  it('verify-ca takes another name for the server', async () => {
    const url = params(server(), '&sslmode=verify-ca&sslrootcert=CERT').replace('localhost', '127.0.0.1')
    await using store = await openPostgresStore(url, context)
    await store.current()
  })

  it('an unknown authority, another name and a missing file are refused at once', async () => {
    for (const url of [
      params(server(), '&sslmode=verify-full&sslrootcert=system'),
      params(server(), '&sslmode=verify-full&sslrootcert=CERT').replace('localhost', '127.0.0.1'),
    ]) {
      const startMs = realClock.monotonicMs()
      assert.match(
        (await thrown('unavailable', () => openPostgresStore(url, context))).message,
        /certificate|altnames/,
      )
      assert(realClock.monotonicMs() - startMs < 5_000)
    }
    const missing = params(server(), '&sslmode=verify-full&sslrootcert=/nowhere.pem')
    assert.match((await thrown('invalid', () => openPostgresStore(missing, context))).message, /nowhere.pem/)
  })
})

describe('PostgreSQL speaks no TLS', { skip: skipReason() }, () => {
  const server = serverForTests()

  it('prefer goes without, require does not', async () => {
    await using store = await openPostgresStore(params(server(), '&sslmode=prefer'), context)
    await store.current()
    const required = () => openPostgresStore(params(server(), '&sslmode=require'), context)
    assert.match((await thrown('unavailable', required)).message, /SSL/)
  })
})
