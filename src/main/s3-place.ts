import type { Clock } from '../base/clock.ts'
import type { BackupPlace } from './backup-place.ts'
import { CommandError } from './command-error.ts'
import { encodeStrictly, signedHeaders, type Signer } from './sigv4.ts'

/** Where an S3-compatible service is, and who asks. */
export interface S3Settings extends Signer {
  /** `https://s3.eu-central-1.amazonaws.com`, or another service's. The bucket is part of the path. */
  readonly endpoint: string
  readonly bucket: string
  /** Ends with a slash, or is empty. */
  readonly prefix: string
}

/** The least that S3 takes for a part is 5 MiB; with 10,000 of these a backup may have 150 GiB. */
const partBytes = 16 * 1024 * 1024
const requestTimeoutMs = 120_000

/** The variables that every tool for S3 reads. Throws `CommandError` when one is missing. */
export function s3SettingsOf(address: string, env: NodeJS.ProcessEnv): S3Settings {
  const [bucket = '', ...path] = address.slice('s3://'.length).split('/')
  const [accessKeyId, secretAccessKey] = [env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY']]
  if (bucket === '') throw new CommandError(`${address} names no bucket: write s3://BUCKET/PREFIX`)
  if (!accessKeyId || !secretAccessKey)
    throw new CommandError(`${address} needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`)
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1'
  const prefix = path.filter((part) => part !== '').join('/')
  return {
    endpoint: env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'] ?? `https://s3.${region}.amazonaws.com`,
    region,
    bucket,
    prefix: prefix === '' ? '' : `${prefix}/`,
    accessKeyId,
    secretAccessKey,
    sessionToken: env['AWS_SESSION_TOKEN'],
  }
}

interface Request {
  readonly method: string
  /** Empty: the bucket. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer>
}

export function s3Place(settings: S3Settings, clock: Clock): BackupPlace {
  const { bucket, endpoint, prefix } = settings
  const describe = (name: string) => `s3://${bucket}/${prefix}${name}`
  const send = async ({ method, key, query = {}, body = new Uint8Array() }: Request): Promise<Response> => {
    const path = [bucket, ...(key === '' ? [] : key.split('/'))].map(encodeStrictly).join('/')
    const url = new URL(`${endpoint.replace(/\/$/, '')}/${path}`)
    const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeStrictly(value)}`)
    url.search = pairs.join('&')
    const headers = signedHeaders(settings, { method, url, body, at: clock.now() })
    const init = { method, headers, signal: AbortSignal.timeout(requestTimeoutMs) }
    let response: Response
    try {
      response = await fetch(url, body.length === 0 ? init : { ...init, body })
    } catch (cause) {
      throw new CommandError(`${endpoint} does not answer: ${reasonOf(cause)}`, { cause })
    }
    if (response.ok) return response
    const text = await response.text()
    const said = textIn(text, 'Message')[0] ?? textIn(text, 'Code')[0] ?? response.statusText
    throw new CommandError(
      `${describe(key.slice(prefix.length))}: the service refused (${response.status}): ${said}`,
    )
  }
  return {
    describe,
    put: (name, content) => upload(send, `${prefix}${name}`, content),
    async *get(name) {
      const { body } = await send({ method: 'GET', key: `${prefix}${name}` })
      if (body) yield* body
    },
    async list() {
      const names: string[] = []
      for (let token: string | undefined; ;) {
        const query = {
          'list-type': '2',
          prefix,
          delimiter: '/',
          ...(token !== undefined && { 'continuation-token': token }),
        }
        const text = await (await send({ method: 'GET', key: '', query })).text()
        for (const key of textIn(text, 'Key')) names.push(key.slice(prefix.length))
        token = textIn(text, 'NextContinuationToken')[0]
        if (token === undefined) return names.toSorted()
      }
    },
    async remove(name) {
      await send({ method: 'DELETE', key: `${prefix}${name}` })
    },
  }
}

type Send = (request: Request) => Promise<Response>

/** Small content in one request; otherwise in parts, which become an object when all are there. */
async function upload(send: Send, key: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const parts = partsOf(content)
  const first = await parts.next()
  const second = first.done === true ? first : await parts.next()
  if (second.done === true) {
    await send({ method: 'PUT', key, body: first.value ?? new Uint8Array() })
    return
  }
  const started = await (await send({ method: 'POST', key, query: { uploads: '' } })).text()
  const uploadId = textIn(started, 'UploadId')[0] ?? ''
  try {
    const tags: string[] = []
    const put = async (body: Uint8Array<ArrayBuffer>) => {
      const query = { partNumber: String(tags.length + 1), uploadId }
      const { headers } = await send({ method: 'PUT', key, query, body })
      tags.push(headers.get('etag') ?? '')
    }
    await put(first.value ?? new Uint8Array())
    await put(second.value)
    for await (const part of parts) await put(part)
    const list = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`)
    const xml = `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`
    const completed = await send({ method: 'POST', key, query: { uploadId }, body: Buffer.from(xml) })
    // The one answer that may say 200 and mean an error.
    const answer = await completed.text()
    if (answer.includes('<Error>'))
      throw new CommandError(`${key}: ${textIn(answer, 'Message')[0] ?? answer}`)
  } catch (error) {
    await send({ method: 'DELETE', key, query: { uploadId } }).catch(() => undefined) // the first error is the one to tell
    throw error
  }
}

async function* partsOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let pending: Uint8Array[] = []
  let size = 0
  for await (const chunk of content) {
    pending.push(chunk)
    size += chunk.length
    if (size < partBytes) continue
    yield Buffer.concat(pending)
    pending = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(pending)
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** The texts of the elements of that name, in order. */
const textIn = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text = '']) =>
    text.replace(/&(\w+);/g, (whole, entity: string) => entities[entity] ?? whole),
  )

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
