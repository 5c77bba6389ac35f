import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createCa, openServerCertificate } from '../../apiserver/certificates.ts'
import { realClock } from '../../base/clock.ts'
import { fakeClock } from '../../base/fake-clock.ts'
import { caDigestOf } from '../join-token.ts'
import { clockCheck, portsCheck, serverChecks } from './network-checks.ts'
import { formatReport, reportOf, type Check } from './report.ts'

describe('the clock', () => {
  const clock = fakeClock()
  const rows = [
    { aheadMs: 0, verdict: 'ok' },
    { aheadMs: 4_000, verdict: 'ok' },
    { aheadMs: -60_000, verdict: 'limited' },
    { aheadMs: 60_000, verdict: 'limited' },
    { aheadMs: 3_600_000, verdict: 'no' },
    { aheadMs: -3_600_000, verdict: 'no' },
  ]
  for (const { aheadMs, verdict } of rows)
    test(`${aheadMs} ms ahead is ${verdict}`, () => {
      const check = clockCheck(new Date(clock.now().getTime() - aheadMs), clock)
      assert.equal(check.verdict, verdict)
      if (verdict !== 'ok') assert.match(check.found, aheadMs > 0 ? /ahead of/ : /behind/)
    })
})

describe('the report', () => {
  const checks: readonly Check[] = [
    { name: 'one', verdict: 'ok', found: 'fine' },
    { name: 'another', verdict: 'no', found: 'missing', next: 'install it' },
  ]
  test('what is not needed stops nobody', () => {
    assert.equal(reportOf(checks).canJoin, true)
    const needed: Check = { name: 'last', verdict: 'no', found: 'bad', isNeeded: true }
    assert.equal(reportOf([...checks, needed]).canJoin, false)
  })
  test('a line for each, with the next step', () =>
    assert.deepEqual(formatReport(reportOf(checks)).split('\n'), [
      'ok       one      fine',
      'no       another  missing. Next: install it',
      'this machine can join',
    ]))
})

test('a port that somebody has is named', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as AddressInfo
  const check = await portsCheck([{ host: '127.0.0.1', port }])
  assert.equal(check.verdict, 'limited')
  assert.ok(check.found.includes(String(port)))
  await new Promise((resolve) => taken.close(resolve))
})

test('a server is told from something else, and the cluster that is meant from another', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sampan-preflight-'))
  const ca = await createCa(realClock)
  const pair = await openServerCertificate({ directory, ca, hosts: ['127.0.0.1'], clock: realClock })
  const answers = { status: 200 }
  const tls = { cert: `${pair.cert}\n${ca.cert}`, key: pair.key }
  const server = createServer(tls, (_request, response) => {
    response.writeHead(answers.status)
    response.end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const look = async (caDigest: string) => {
    const checks = await serverChecks({ url, caDigest, env: {}, clock: realClock })
    return checks.map(({ name, verdict }) => `${name} ${verdict}`)
  }
  assert.deepEqual(await look(caDigestOf(ca.cert)), ['server ok', 'clock ok'])
  assert.deepEqual(await look(`sha256:${'0'.repeat(64)}`), ['server no'])
  answers.status = 404
  assert.deepEqual(await look(caDigestOf(ca.cert)), ['server no'])
  await new Promise((resolve) => server.close(resolve))
  await rm(directory, { recursive: true })
})
