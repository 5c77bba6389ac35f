import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { realClock } from '../base/clock.ts'
import { s3Place, s3SettingsOf } from './s3-place.ts'
import { signedHeaders } from './sigv4.ts'

/**
 * A double of an S3-compatible service over real HTTP. Debian packages none. It checks signatures by itself, from the request as
 * it came over the wire, as the service's manual says; the worked example of that manual is the first test.
 */
const secretAccessKey = 'secret/key+of=the test'
const pageMax = 2

const objects = new Map<string, Buffer>()
const uploads = new Map<string, Map<number, Buffer>>()
const seen: string[] = []
let port = 0

const server = createServer((request, response) => {
  void (async () => {
    const body = await bodyOf(request)
    const url = new URL(request.url ?? '/', 'http://x')
    seen.push(`${request.method} ${url.pathname}${url.search}`)
    const problem = signatureProblem(request, body)
    if (problem !== undefined) {
      const xml = `<Error><Code>SignatureDoesNotMatch</Code><Message>${problem}</Message></Error>`
      response.writeHead(403).end(xml)
      return
    }
    const { status, text, headers = {} } = serve(request.method ?? '', url, body)
    response.writeHead(status, headers).end(text)
  })()
})

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
after(() => server.close())

interface Served {
  readonly status: number
  readonly text?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

function serve(method: string, url: URL, body: Buffer): Served {
  const [, bucket = '', ...path] = url.pathname.split('/').map(decodeURIComponent)
  const key = path.join('/')
  const query = url.searchParams
  if (bucket !== 'bucket') return { status: 404, text: '<Error><Message>no such bucket</Message></Error>' }
  const parts = uploads.get(query.get('uploadId') ?? '')
  if (key === '') return list(query)
  if (method === 'POST' && query.has('uploads')) {
    uploads.set('id&1', new Map())
    return { status: 200, text: '<R><UploadId>id&amp;1</UploadId></R>' }
  }
  if (method === 'POST' && parts) {
    const tags = [...body.toString().matchAll(/<ETag>"(\d+)"<\/ETag>/g)].map(([, tag]) => Number(tag))
    objects.set(key, Buffer.concat(tags.map((tag) => parts.get(tag) ?? Buffer.alloc(0))))
    return { status: 200, text: '<Done/>' }
  }
  if (method === 'PUT' && parts) {
    const number = Number(query.get('partNumber'))
    parts.set(number, body)
    return { status: 200, headers: { etag: `"${number}"` } }
  }
  if (method === 'PUT') objects.set(key, body)
  const present = objects.get(key)
  if (method === 'GET')
    return present
      ? { status: 200, text: present }
      : { status: 404, text: '<Error><Message>The key &quot;does&quot; not exist</Message></Error>' }
  if (method === 'DELETE') {
    if (parts) uploads.delete(query.get('uploadId') ?? '')
    else objects.delete(key)
  }
  return { status: 200 }
}

function list(query: URLSearchParams): Served {
  const prefix = query.get('prefix') ?? ''
  const after = query.get('continuation-token') ?? ''
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted()
  const page = keys.slice(0, pageMax)
  const next = keys.length > pageMax ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
  const found = page.map((key) => `<Contents><Key>${key.replaceAll('&', '&amp;')}</Key></Contents>`)
  return { status: 200, text: `<L>${found.join('')}${next}</L>` }
}

function signatureProblem(request: IncomingMessage, body: Buffer): string | undefined {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    )
  if (!match) return 'no signature'
  const [, id, day = '', region = '', names = '', signature] = match
  if (id !== 'me') return 'unknown key'
  const hash = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex')
  if (request.headers['x-amz-content-sha256'] !== hash(body)) return 'the body is another'
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const canonical = [
    request.method,
    path,
    query
      .split('&')
      .map((pair) => (pair.includes('=') || pair === '' ? pair : `${pair}=`))
      .toSorted()
      .join('&'),
    ...names.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}`),
    '',
    names,
    hash(body),
  ].join('\n')
  const stamp = String(request.headers['x-amz-date'])
  const text = ['AWS4-HMAC-SHA256', stamp, `${day}/${region}/s3/aws4_request`, hash(canonical)].join('\n')
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`)
  for (const part of [day, region, 's3', 'aws4_request'])
    key = createHmac('sha256', key).update(part).digest()
  const expected = createHmac('sha256', key).update(text).digest('hex')
  return signature === expected ? undefined : 'the signature is another'
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const place = (secret = secretAccessKey) =>
  s3Place(
    s3SettingsOf('s3://bucket/a folder/ünï', {
      AWS_ACCESS_KEY_ID: 'me',
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_REGION: 'eu-west-9',
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
    }),
    realClock,
  )

async function* pieces(...content: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* content
}

async function read(name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of place().get(name)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test("a request is signed as in the service's manual", () => {
  const { authorization } = signedHeaders(
    {
      region: 'us-east-1',
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      sessionToken: undefined,
    },
    {
      method: 'GET',
      url: new URL('https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J'),
      body: new Uint8Array(),
      at: new Date('2013-05-24T00:00:00Z'),
    },
  )
  assert.match(
    authorization ?? '',
    /Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7$/,
  )
})

test('a small backup goes in one request and comes back, under odd names too', async () => {
  seen.length = 0
  const name = "it's a (backup) & more!.backup"
  await place().put(name, pieces(Buffer.from('one'), Buffer.from('two')))
  assert.equal((await read(name)).toString(), 'onetwo')
  assert.deepEqual(
    seen.map((line) => line.split(' ')[0]),
    ['PUT', 'GET'],
  )
  assert(objects.has(`a folder/ünï/${name}`))
})

test('a large one goes in parts, and is there when all of them are', async () => {
  const large = Buffer.alloc(40 * 1024 * 1024, 'abcdefg')
  const inPieces = Array.from({ length: 40 }, (_, i) =>
    large.subarray(i * 1024 * 1024, (i + 1) * 1024 * 1024),
  )
  await place().put('large', pieces(...inPieces))
  assert((await read('large')).equals(large))
})

test('nothing is there of a backup that broke off', async () => {
  const broken = async function* () {
    for (let i = 0; i < 40; i++) yield new Uint8Array(1024 * 1024)
    throw new Error('the store is gone')
  }
  await assert.rejects(place().put('broken', broken()), /the store is gone/)
  assert(!objects.has('a folder/ünï/broken') && uploads.get('id&1') === undefined)
})

test('names are listed over several pages and removed', async () => {
  objects.clear()
  for (const name of ['a', 'b', 'c&d', 'e', 'f']) await place().put(name, pieces(Buffer.from(name)))
  assert.deepEqual(await place().list(), ['a', 'b', 'c&d', 'e', 'f'])
  await place().remove('c&d')
  assert.deepEqual(await place().list(), ['a', 'b', 'e', 'f'])
})

test('a refusal is told with the name and the reason', async () => {
  await assert.rejects(place('wrong').list(), /s3:\/\/bucket\/a folder\/ünï\/.*403.*signature is another/)
  await assert.rejects(read('nothing'), /nothing: the service refused \(404\): The key "does" not exist/)
})

test('an address without a bucket or without credentials is refused', () => {
  assert.throws(
    () => s3SettingsOf('s3:///x', { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' }),
    /no bucket/,
  )
  assert.throws(() => s3SettingsOf('s3://b/x', {}), /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/)
})
