import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import {
  connect as connectTcp,
  createServer as createTcpServer,
  type AddressInfo,
  type Socket,
} from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, test } from 'node:test'
import { connectThrough, proxyFor, ProxyError } from './http-proxy.ts'

const plain = { HTTPS_PROXY: 'http://proxy.test:3128' }
const target = { host: 'server.example.org', port: 18888 }

describe('which proxy leads to a host', () => {
  const rows = [
    { name: 'none is named', env: {}, is: undefined },
    { name: 'the one that is named', env: plain, is: 'proxy.test:3128' },
    { name: 'lower case counts first', env: { ...plain, https_proxy: 'http://other:1' }, is: 'other:1' },
    { name: 'without a scheme', env: { HTTPS_PROXY: 'proxy.test:8080' }, is: 'proxy.test:8080' },
    { name: 'its port by its scheme', env: { HTTPS_PROXY: 'https://proxy.test' }, is: 'proxy.test:443' },
    { name: 'all hosts are excepted', env: { ...plain, NO_PROXY: '*' }, is: undefined },
    { name: 'the host is excepted', env: { ...plain, NO_PROXY: 'a.org, Server.example.ORG' }, is: undefined },
    { name: 'its domain is', env: { ...plain, NO_PROXY: '.example.org' }, is: undefined },
    { name: 'its domain is, without a dot', env: { ...plain, NO_PROXY: 'example.org' }, is: undefined },
    { name: 'half of a name is nothing', env: { ...plain, NO_PROXY: 'ample.org' }, is: 'proxy.test:3128' },
    { name: 'its port is', env: { ...plain, NO_PROXY: 'example.org:18888' }, is: undefined },
    { name: 'another port is', env: { ...plain, NO_PROXY: 'example.org:443' }, is: 'proxy.test:3128' },
  ]
  for (const { name, env, is } of rows)
    test(name, () => {
      const found = proxyFor(target, env)
      assert.equal(found && `${found.host}:${found.port}`, is)
    })
  const addresses = [
    { host: '10.1.2.3', except: '10.0.0.0/8', isDirect: true },
    { host: '11.1.2.3', except: '10.0.0.0/8', isDirect: false },
    { host: '10.1.2.3', except: '10.1.2.3', isDirect: true },
    { host: '10.1.2.3', except: '2.3', isDirect: false },
    { host: 'fd00::1', except: 'fd00::/8', isDirect: true },
    { host: 'fd00::1', except: 'fd00::1', isDirect: true },
    { host: 'fd00::1', except: '10.0.0.0/99', isDirect: false },
    { host: '127.0.0.1', except: '', isDirect: true },
    { host: 'localhost', except: '', isDirect: true },
  ]
  for (const { except, host, isDirect } of addresses)
    test(`${host} ${isDirect ? 'is' : 'is not'} reached directly with NO_PROXY=${except}`, () =>
      assert.equal(proxyFor({ host, port: 443 }, { ...plain, NO_PROXY: except }) === undefined, isDirect))

  test('addresses of this machine are reached directly', () => {
    for (const { address: host } of Object.values(networkInterfaces()).flatMap((all = []) => all))
      assert.equal(proxyFor({ host, port: 443 }, plain), undefined, host)
  })

  test('something that is no proxy is refused without its credentials', () => {
    for (const HTTPS_PROXY of ['socks5://user:secret@proxy.test', 'http://user:secret@:99999'])
      assert.throws(
        () => proxyFor(target, { HTTPS_PROXY }),
        (error: Error) => error instanceof ProxyError && !error.message.includes('secret'),
      )
  })
})

describe('the way through a proxy', () => {
  test('bytes pass, with credentials', async () => {
    await using echo = await listening(createTcpServer((socket) => socket.pipe(socket)))
    await using proxy = await openProxy('user:pa%ss')
    const found = proxyFor(target, { HTTPS_PROXY: `http://user:pa%25ss@127.0.0.1:${proxy.port}` })
    assert.ok(found)
    const signal = AbortSignal.timeout(10_000)
    const stream = await connectThrough(found, { host: '127.0.0.1', port: echo.port }, signal)
    stream.end('hello')
    assert.equal(Buffer.concat(await Array.fromAsync(stream)).toString(), 'hello')
  })

  test('refusals say what to do, and never the credentials', async () => {
    await using proxy = await openProxy('user:right')
    const signal = AbortSignal.timeout(10_000)
    const through = (credentials: string, port = proxy.port) => {
      const found = proxyFor(target, { HTTPS_PROXY: `http://${credentials}@127.0.0.1:${port}` })
      assert.ok(found)
      return connectThrough(found, { host: '127.0.0.1', port: 1 }, signal)
    }
    await assert.rejects(through('user:wrong'), (error: Error) => {
      assert.match(error.message, /takes none of the credentials in HTTPS_PROXY/)
      return !error.message.includes('wrong')
    })
    await assert.rejects(through('user:right'), /answered 502/)
    await assert.rejects(through('user:right', 1), /the proxy 127\.0\.0\.1:1 can't be reached/)
  })
})

interface Listening extends AsyncDisposable {
  readonly port: number
}

async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Knows CONNECT and one user. */
function openProxy(credentials: string): Promise<Listening> {
  const expected = `Basic ${Buffer.from(credentials).toString('base64')}`
  const server = createServer()
  server.on('connect', (request, socket, head) => {
    if (request.headers['proxy-authorization'] !== expected)
      return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    const [host = '', port] = (request.url ?? '').split(':')
    const far = connectTcp(Number(port), host)
    far.once('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
    far.once('connect', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      far.write(head)
      socket.pipe(far).pipe(socket)
    })
  })
  return listening(server)
}
