import { createHash, createHmac } from 'node:crypto'

/** Signs requests as S3-compatible services want them: AWS Signature Version 4, in the `Authorization` header. */
export interface Signer {
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
}

export interface Unsigned {
  readonly method: string
  readonly url: URL
  readonly body: Uint8Array
  readonly at: Date
}

/** The headers to send: those that are signed, and the signature. */
export function signedHeaders(signer: Signer, { method, url, body, at }: Unsigned): Record<string, string> {
  const stamp = at.toISOString().replace(/[-:]|\.\d+/g, '')
  const day = stamp.slice(0, 8)
  const bodyHash = sha256(body)
  const headers: Record<string, string> = {
    host: url.host,
    'x-amz-content-sha256': bodyHash,
    'x-amz-date': stamp,
    ...(signer.sessionToken !== undefined && { 'x-amz-security-token': signer.sessionToken }),
  }
  const names = Object.keys(headers).toSorted()
  const canonical = [
    method,
    url.pathname.split('/').map(encoded).join('/'),
    [...url.searchParams]
      .map(([name, value]) => `${encodeStrictly(name)}=${encodeStrictly(value)}`)
      .toSorted()
      .join('&'),
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    bodyHash,
  ].join('\n')
  const scope = `${day}/${signer.region}/s3/aws4_request`
  const text = ['AWS4-HMAC-SHA256', stamp, scope, sha256(Buffer.from(canonical))].join('\n')
  const key = [day, signer.region, 's3', 'aws4_request'].reduce<Buffer>(
    (secret, part) => hmac(secret, part),
    Buffer.from(`AWS4${signer.secretAccessKey}`),
  )
  const { host: _, ...sent } = headers // fetch sets it itself
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${signer.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${hmac(key, text).toString('hex')}`,
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** RFC 3986's unreserved characters stay, all others are encoded. */
export const encodeStrictly = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

const encoded = (segment: string): string => encodeStrictly(decodeURIComponent(segment))
