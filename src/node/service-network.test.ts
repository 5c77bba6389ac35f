import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fakeClock } from '../base/fake-clock.ts'
import { realRandom as random } from '../base/ids.ts'
import { silentLogger as logger } from '../base/logger.ts'
import { restClient } from '../client/rest-client.ts'
import { httpTransport } from '../client/transport-http.ts'
import { openServiceNetwork } from './service-network.ts'

test('who asks for nothing holds no connection for long', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'sampan-services-'))
  t.after(() => rm(root, { recursive: true }))
  const clock = fakeClock()
  await using transport = httpTransport({ server: 'http://127.0.0.1:9', token: 'none' })
  const socketPath = join(root, 'net', 'socket')
  await using _network = await openServiceNetwork({
    client: restClient(transport, 'test'),
    socketPath,
    gateAddress: '127.64.0.0',
    nodeName: 'n',
    localAddress: () => undefined,
    relay: () => assert.fail('nothing is connected to'),
    clock,
    random,
    logger,
  })
  const silent = connect(socketPath).resume()
  const closed = once(silent, 'close')
  await once(silent, 'connect')
  const asking = connect(socketPath)
  asking.write('"no question"\n') // answered at once: it has been taken, and so has the one before
  assert.equal(String((await once(asking, 'data'))[0]), '{}\n')
  assert.equal(silent.destroyed, false)
  await clock.advance(10_000)
  await closed
})
