/** How a machine gets to a server, and what it says where somebody else answers. Proxies: `tests/e2e/proxies.test.ts`. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createCa, openServerCertificate, type KeyPair } from '../../src/apiserver/certificates.ts'
import { realClock } from '../../src/base/clock.ts'
import { fakeClock } from '../../src/base/fake-clock.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { createConnector } from '../../src/client/connector.ts'

const open = new AsyncDisposableStack()
const logger = silentLogger
let ca: KeyPair
/** Ours; one with a certificate that nobody knows; one that takes connections and says nothing. */
let urls: { readonly ours: string; readonly foreign: string; readonly silent: string }

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sampan-connector-'))
  open.defer(() => rmSync(folder, { recursive: true }))
  ca = await createCa(realClock)
  const server = async (name: string, signer: KeyPair) => {
    const hosts = ['127.0.0.1']
    const directory = join(folder, name)
    const pair = await openServerCertificate({ directory, ca: signer, hosts, clock: realClock })
    return createServer(pair, (_request, response) => void response.writeHead(403).end())
  }
  urls = {
    ours: await listen(await server('ours', ca)),
    foreign: await listen(await server('foreign', await createCa(realClock))),
    silent: await listen(createTcpServer()),
  }
})
after(() => open[Symbol.asyncDispose]())

async function listen(server: Server): Promise<string> {
  const sockets = new Set<{ destroy(): unknown }>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.defer(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a server of ours is reached straight', async () => {
  const connector = createConnector({ env: {}, clock: realClock, logger })
  const socket = await connector.connect(urls.ours, { ca: ca.cert })
  assert.ok(socket.authorized)
  socket.destroy()
  assert.equal(connector.wayTo(urls.ours), 'direct')
})

test('somebody else is told nothing, and both ways that were tried are named', async () => {
  const connector = createConnector({ env: {}, clock: realClock, logger })
  await assert.rejects(
    connector.connect(urls.foreign, { ca: ca.cert }),
    /certificate.*; inside of a WebSocket: .*403/,
  )
  assert.equal(connector.wayTo(urls.foreign), undefined)
})

test('one who says nothing is given up after ten seconds, or when nobody wants it any more', async () => {
  const clock = fakeClock()
  const connector = createConnector({ env: {}, clock, logger })
  const waiting = connector.connect(urls.silent, { ca: ca.cert })
  await Promise.all([clock.advance(10_000), assert.rejects(waiting, /no answer within 10000 ms/)])
  const given = new AbortController()
  const wanted = connector.connect(urls.silent, { ca: ca.cert }, given.signal)
  given.abort(new Error('not wanted any more'))
  await assert.rejects(wanted, /not wanted any more/)
})
