import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { issueClientCertificate, openCa } from '../apiserver/certificates.ts'
import { fakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { isDue, watchCertificate } from './credential-renewal.ts'

const dayMs = 24 * 3_600_000

async function open() {
  const folder = await mkdtemp(join(tmpdir(), 'sampan-renewal-'))
  const clock = fakeClock()
  const ca = await openCa(folder, clock)
  await rm(folder, { recursive: true })
  const issue = async () =>
    (await issueClientCertificate({ ca, commonName: 'x', organizations: [], clock })).cert
  const state = { file: await issue(), renewals: 0, ended: 0 }
  return { clock, issue, state }
}

test('a certificate is renewed when a third of its life is left, and its user ends once', async () => {
  const { clock, issue, state } = await open()
  await using _watch = watchCertificate({
    certificate: state.file,
    present: async () => state.file,
    renew: async () => {
      state.renewals++
      state.file = await issue()
    },
    onRenewed: () => state.ended++,
    clock,
    logger: silentLogger,
  })
  await clock.advance(200 * dayMs)
  assert.deepEqual([state.renewals, state.ended], [0, 0])
  for (let day = 200; day < 250; day++) {
    await clock.advance(dayMs)
    await new Promise(setImmediate)
  }
  while (state.ended === 0) await new Promise(setImmediate) // the keys are made outside of the thread
  assert.deepEqual([state.renewals, state.ended], [1, 1])
  assert.equal(isDue(state.file, clock.now()), false)
})

test('a failure is tried again, and what somebody else has renewed is taken up', async () => {
  const { clock, issue, state } = await open()
  await using _watch = watchCertificate({
    certificate: state.file,
    present: async () => {
      if (state.renewals++ === 0) throw new Error('unreadable')
      return state.file
    },
    onRenewed: () => state.ended++,
    clock,
    logger: silentLogger,
  })
  await clock.advance(3_600_000)
  state.file = await issue()
  await clock.advance(3_600_000)
  while (state.ended === 0) await new Promise(setImmediate)
  assert.deepEqual([state.renewals, state.ended], [2, 1])
})
