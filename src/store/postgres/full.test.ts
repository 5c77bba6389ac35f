import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import { realClock } from '../../base/clock.ts'
import { realRandom } from '../../base/ids.ts'
import { silentLogger } from '../../base/logger.ts'
import { keysOf, thrown } from '../conformance/suite.ts'
import { openPostgresStore } from './postgres-store.ts'
import { serverForTests, skipReason } from './test-server.ts'

const context = { clock: realClock, logger: silentLogger, random: realRandom }

describe('the disk of PostgreSQL is full', { skip: skipReason() }, () => {
  const server = serverForTests()

  it('writes fail with full and nothing else, reads go on, and so do writes when there is room', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'sampan-full-'))
    t.after(() => rmSync(folder, { recursive: true }))
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder]).status !== 0) {
      return t.skip('a small file system can not be mounted here')
    }
    try {
      const { uid, gid } = statSync(server().certFile.replace(/server\.crt$/, 'data'))
      chownSync(folder, uid, gid)
      chmodSync(folder, 0o700)
      await using store = await openPostgresStore(server().url('sampan'), context)
      await server().sql(`CREATE TABLESPACE small LOCATION '${folder}'`)
      await server().sql('ALTER TABLE sampan.log SET TABLESPACE small')
      // Bytes that can't be compressed, as PostgreSQL would.
      const value = Buffer.from(Array.from({ length: 256 * 1_024 }, () => realRandom.float() * 256))
      const written: string[] = []
      const error = await thrown('full', async () => {
        for (let i = 0; i < 1_000; i++) {
          await store.create(`/${i}`, value)
          written.push(`/${i}`)
        }
      })
      assert.match(error.message, /disk of PostgreSQL is full/)
      assert(written.length > 10)
      assert.deepEqual(await keysOf(store, ''), written.toSorted())
      assert.equal(spawnSync('mount', ['-o', 'remount,size=64m', folder]).status, 0)
      await store.create('/after', value)
    } finally {
      await server().stop()
      spawnSync('umount', [folder])
    }
  })
})
