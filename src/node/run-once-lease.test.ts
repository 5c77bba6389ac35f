import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { createLogger, silentLogger } from '../base/logger.ts'
import { createRunOnceLease } from './run-once-lease.ts'

const uptime = async () => Number.parseFloat(await readFile('/proc/uptime', 'utf8'))

test('a lease counts from before its renewal was sent, and is held until its programs are warned', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sampan-lease-'))
  try {
    const timing = { leaseSeconds: 600, warnSeconds: 10 }
    const lease = createRunOnceLease({ dataDir, logger: silentLogger, timing })
    const before = Math.floor(await uptime())
    const noteRenewal = lease.begin()
    const after = await uptime()
    assert.equal(lease.isHeld(), false)
    await noteRenewal()
    assert.equal(lease.isHeld(), true)
    const text = await readFile(lease.fence.file, 'utf8')
    assert.match(text, /^\d+\n$/)
    assert.ok(Number(text) >= before + 600 && Number(text) <= after + 600, text)
    // Another agent has to renew it first: the file may be of an earlier boot.
    assert.equal(createRunOnceLease({ dataDir, logger: silentLogger, timing }).isHeld(), false)
    const short = createRunOnceLease({
      dataDir,
      logger: silentLogger,
      timing: { leaseSeconds: 5, warnSeconds: 5 },
    })
    await short.begin()()
    assert.equal(short.isHeld(), false)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})

test('a lease that cannot be noted is not held, and the log says so', async () => {
  const lines: string[] = []
  const logger = createLogger({ clock: fakeClock(), level: 'warn', write: (line) => lines.push(line) })
  const lease = createRunOnceLease({ dataDir: '/proc/none', logger })
  await lease.begin()()
  assert.equal(lease.isHeld(), false)
  assert.match(lines.join(), /could not be noted/)
})
