/** The way from node to node without a server in between: who is let in, and what happens where it is none. */
import assert from 'node:assert/strict'
import type { ServerHttp2Stream } from 'node:http2'
import { after, before, describe, test } from 'node:test'
import { formatDataAddresses } from '../../src/api/streams/data-addresses.ts'
import { createCa, issueClientCertificate, type KeyPair } from '../../src/apiserver/certificates.ts'
import { realClock } from '../../src/base/clock.ts'
import { createLogger, silentLogger } from '../../src/base/logger.ts'
import { DialError } from '../../src/client/dial.ts'
import { openDirectRoutes, type DirectRoutes } from '../../src/client/direct.ts'
import { openNodeDataPort, type DataPort } from '../../src/node/data-port.ts'
import { until } from '../support/cluster.ts'

const clock = realClock
const target = { node: 'n1', podIP: '10.64.0.1', port: 3000 }
let ca: KeyPair
let port: DataPort
let served: string[] = []
/** What the dialling ends have logged. */
let said: string[] = []
/** Upper case comes back; port 1 is refused. */
async function serve(stream: ServerHttp2Stream, path: string): Promise<void> {
  served.push(path)
  stream.respond({ ':status': path.endsWith('port=1') ? 503 : 200 })
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => void stream.write(text.toUpperCase()))
  stream.on('end', () => stream.end())
  stream.on('error', () => {}) // a test that goes away
}
const openPort = async (node: string) => {
  const own = await issueClientCertificate({
    ca,
    commonName: `system:node:${node}`,
    organizations: ['system:nodes'],
    clock,
  })
  const found = await openNodeDataPort({
    listen: { host: '127.0.0.1', port: 0 },
    identity: { ...own, ca: ca.cert },
    portBefore: undefined,
    serve: (stream, headers) => serve(stream, String(headers[':path'])),
    logger: silentLogger,
  })
  assert.ok(found)
  return found
}
const routesOf = async (commonName: string, group: string, signer = ca): Promise<DirectRoutes> => {
  const own = await issueClientCertificate({ ca: signer, commonName, organizations: [group], clock })
  const write = (line: string) => void said.push(line)
  const logger = createLogger({ clock, level: 'debug', write })
  return openDirectRoutes({ identity: { ...own, ca: ca.cert }, clock, logger })
}
before(async () => {
  ca = await createCa(clock)
  port = await openPort('n1')
})
after(() => port[Symbol.asyncDispose]())

const addresses = () => formatDataAddresses(port.addresses)
const opened = (routes: DirectRoutes) => until('there is a way', () => routes.dial(target))

const noWay = /is not reached directly|is no longer reached directly/

describe('from node to node', () => {
  for (const [who, name, group] of [
    ['another node', 'system:node:n2', 'system:nodes'],
    ['a gateway', 'system:sampan-gateway', 'system:sampan'],
  ] as const)
    test(`${who} gets to pods`, async () => {
      using routes = await routesOf(name, group)
      assert.equal(routes.dial(target), undefined, 'nobody has said where')
      routes.learn('n1', `127.0.0.1:1,${addresses()}`)
      const stream = await opened(routes)
      stream.end('hello')
      assert.equal(Buffer.concat(await Array.fromAsync(stream)).toString(), 'HELLO')
      assert.equal(served.at(-1), '/dial?ip=10.64.0.1&port=3000')
      await assert.rejects(routes.dial({ ...target, port: 1 }) ?? Promise.resolve(), DialError)
    })

  test('a user of the cluster, and a node of another one, get nowhere', async () => {
    ;[served, said] = [[], []]
    using user = await routesOf('bob', 'developers')
    using stranger = await routesOf('system:node:n2', 'system:nodes', await createCa(clock))
    for (const routes of [user, stranger]) {
      said = []
      routes.learn('n1', addresses())
      await until('it is sent away', () => said.find((line) => noWay.test(line)))
      assert.equal(routes.dial(target), undefined)
    }
    assert.deepEqual(served, [])
  })

  test('who listens under the name of another node is not believed', async () => {
    ;[served, said] = [[], []]
    await using other = await openPort('n3')
    using routes = await routesOf('system:node:n2', 'system:nodes')
    routes.learn('n1', formatDataAddresses(other.addresses))
    await until('it is left', () => said.find((line) => noWay.test(line)))
    assert.equal(routes.dial(target), undefined)
    assert.deepEqual(served, [])
  })

  test('a node that goes away is left at once, and found again', async () => {
    const first = await openPort('n1')
    const told = formatDataAddresses(first.addresses)
    using routes = await routesOf('system:node:n2', 'system:nodes')
    routes.learn('n1', told)
    const open = await opened(routes)
    open.on('error', () => {}) // that is what this is about
    await first[Symbol.asyncDispose]()
    await until('it is left', () => (routes.dial(target) === undefined ? true : undefined))
    routes.learn('n1', addresses())
    const stream = await opened(routes)
    stream.destroy()
  })
})
