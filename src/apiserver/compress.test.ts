import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { after, before, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { realClock } from '../base/clock.ts'
import { silentLogger } from '../base/logger.ts'
import { adminToken, configMap, openFixture, type Fixture } from './fixture.ts'
import { listenApi, type ApiListener } from './listen.ts'

let fixture: Fixture
let listener: ApiListener
const maps = '/api/v1/namespaces/default/configmaps'
before(async () => {
  fixture = await openFixture()
  listener = await listenApi({
    server: fixture.server,
    clock: realClock,
    logger: silentLogger,
    http: { host: '127.0.0.1', port: 0 },
  })
  for (const name of ['a', 'b', 'c'])
    await fixture.request('POST', maps, configMap(name, { text: randomBytes(50_000).toString('base64') }))
})
after(async () => {
  await listener[Symbol.asyncDispose]()
  await fixture[Symbol.asyncDispose]()
})

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

/** Node's own client asks for nothing that it isn't told to, and unpacks nothing. */
const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  new Promise<Answer>((resolve, reject) => {
    const authorization = `Bearer ${adminToken}`
    const options = { port: listener.httpPort, path, method, headers: { authorization, ...headers } }
    httpRequest(options, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          bytes: Buffer.concat(chunks),
        }),
      )
    })
      .on('error', reject)
      .end()
  })

const gzip = { 'accept-encoding': 'gzip' }

test('a large list is compressed for those who take it, and is the same list', async () => {
  const [plain, packed] = [await get(maps), await get(maps, gzip)]
  assert.deepEqual(
    [plain.headers['content-encoding'], plain.headers['content-length'], plain.headers.vary],
    [undefined, String(plain.bytes.length), 'Accept-Encoding'],
  )
  assert.deepEqual(
    [packed.headers['content-encoding'], packed.headers['content-length'], packed.headers.vary],
    ['gzip', undefined, 'Accept-Encoding'],
  )
  assert.ok(packed.bytes.length < plain.bytes.length)
  assert.deepEqual(gunzipSync(packed.bytes), plain.bytes)
})

test('small answers, refusals and heads go as they are', async () => {
  for (const [path, method] of [
    [`${maps}/a`, 'GET'],
    [`${maps}/nobody`, 'GET'],
    [maps, 'HEAD'],
  ] as const) {
    const { headers } = await get(path, gzip, method)
    assert.equal(headers['content-encoding'], undefined, `${method} ${path}`)
  }
})

for (const [header, isPacked] of [
  ['gzip, deflate, br', true],
  ['deflate, GZIP;q=0.5', true],
  ['gzip;q=0', false],
  ['identity', false],
  ['*', false],
  ['xgzip', false],
] as const)
  test(`Accept-Encoding: ${header} is ${isPacked ? '' : 'not '}a wish for gzip`, async () => {
    const { headers } = await get(maps, { 'accept-encoding': header })
    assert.equal(headers['content-encoding'], isPacked ? 'gzip' : undefined)
  })

test('a watch is never compressed', async () => {
  const { headers } = await get(`${maps}?watch=1&timeoutSeconds=1`, gzip)
  assert.deepEqual([headers['content-encoding'], headers['transfer-encoding']], [undefined, 'chunked'])
})

test('a reader that leaves in the middle of a compressed answer costs nothing but itself', async () => {
  await new Promise<void>((resolve, reject) => {
    const headers = { authorization: `Bearer ${adminToken}`, ...gzip }
    httpRequest({ port: listener.httpPort, path: maps, headers }, (incoming) => {
      incoming.once('data', () => {
        incoming.destroy()
        resolve()
      })
    })
      .on('error', reject)
      .end()
  })
  assert.equal((await get(maps, gzip)).status, 200)
})

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

for (const [path, accept, cache] of [
  ['/api', aggregated, 'public'],
  ['/apis', aggregated, 'public'],
  ['/api/v1', 'application/json', 'public'],
  ['/apis/apps', 'application/json', 'public'],
  ['/apis/apps/v1', 'application/json', 'public'],
  ['/openapi/v3', 'application/json', 'public'],
  ['/openapi/v3/api/v1', 'application/json', 'no-cache, private'],
  ['/openapi/v2', 'application/json', 'no-cache, private'],
  ['/openapi/v2', 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf', 'no-cache, private'],
] as const)
  test(`${path} has a tag: who has it is told so, packed or not`, async () => {
    for (const encoding of ['identity', 'gzip']) {
      const headers = { accept, 'accept-encoding': encoding }
      const first = await get(path, headers)
      const tag = first.headers.etag ?? ''
      assert.match(tag, /^(W\/)?"[0-9A-F]{32}"$/)
      assert.equal(tag.startsWith('W/'), first.headers['content-encoding'] === 'gzip')
      assert.equal(first.headers['cache-control'], cache)
      assert.match(first.headers.vary ?? '', /^Accept/)
      const again = await get(path, { ...headers, 'if-none-match': `"other", ${tag}` })
      assert.deepEqual([again.status, again.bytes.length], [304, 0])
      assert.equal((await get(path, { ...headers, 'if-none-match': '"other"' })).status, 200)
    }
  })

test('a document under its hash may be kept for ever; under an old hash it leads to the new one', async () => {
  const index = JSON.parse((await get('/openapi/v3')).bytes.toString()) as {
    paths: Record<string, { serverRelativeURL: string }>
  }
  const { serverRelativeURL: url = '' } = index.paths['api/v1'] ?? {}
  const packed = await get(url, gzip)
  assert.deepEqual(
    [packed.headers['cache-control'], packed.headers['content-encoding']],
    ['public, immutable, max-age=31536000', 'gzip'],
  )
  assert.equal(packed.headers.etag, `W/"${new URL(url, 'http://x').searchParams.get('hash')}"`)
  const old = await get('/openapi/v3/api/v1?hash=OLD')
  assert.deepEqual([old.status, old.headers.location], [301, url])
})
