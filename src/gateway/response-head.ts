import {
  cr,
  dropNamedByConnection,
  fieldValue,
  HeaderFields,
  incomplete,
  isNamed,
  keptText,
  lengthValue,
  lf,
  refused,
  scanHeaderFields,
  space,
  valueBytes,
} from './header-fields.ts'
import type { Limits } from './limits.ts'
import { hasOption } from './request-head.ts'

/** How the end of a response body is found (RFC 9112 § 6.3). */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'close'

/** One response head, read as strictly as a request: an app that is tricked must not trick the next client. */
export class ResponseHead {
  readonly fields: HeaderFields
  readonly limits: Limits
  status = 0
  framing: BodyFraming = 'none'
  contentLength = -1
  /** The app lets the connection be used again. */
  isKeptAlive = true
  /** The head as it goes to the client, without the closing empty line. */
  forwarded = ''
  /** Scratch of the reader. */
  isChunked = false
  isHttp10 = false
  upgrade = ''

  constructor(limits: Limits) {
    this.limits = limits
    this.fields = new HeaderFields(limits.headersMax)
  }

  get problem(): string {
    return this.fields.problem
  }
}

/** Reads a head at `start`: gives the offset behind it, `incomplete`, or `refused` with `head.problem` set. */
export function readResponseHead(buf: Buffer, start: number, head: ResponseHead): number {
  const linesStart = readStatusLine(buf, start, head)
  if (linesStart <= 0) return linesStart
  const end = scanHeaderFields(buf, linesStart, head.fields)
  if (end === refused) return refused
  if (end === incomplete || end - start > head.limits.headBytesMax)
    return buf.length - start > head.limits.headBytesMax ? head.fields.refuse('head-too-long') : incomplete
  if (!readFields(buf, head)) return refused
  const text = keptText(buf, { start, end: end - 2 }, head.fields)
  head.forwarded = head.isHttp10 ? `HTTP/1.1${text.slice(versionBytes)}` : text
  if (head.status === 101) head.forwarded += `Connection: upgrade\r\nUpgrade: ${head.upgrade}\r\n`
  return end
}

/** The framing for one request: HEAD, 1xx, 204 and 304 have no body whatever their head says. */
export function framingOf(head: ResponseHead, method: string): BodyFraming {
  if (method === 'HEAD' || head.status < 200 || head.status === 204 || head.status === 304) return 'none'
  return head.framing
}

function readStatusLine(buf: Buffer, start: number, head: ResponseHead): number {
  const end = buf.length
  const { fields } = head
  if (end - start < statusLineBytesMin) return incomplete
  for (let i = 0; i < version.length; i++)
    if (buf[start + i] !== version.charCodeAt(i)) return fields.refuse('version')
  const minor = (buf[start + version.length] as number) - digitZero
  if ((minor !== 0 && minor !== 1) || buf[start + versionBytes] !== space) return fields.refuse('version')
  let status = 0
  let at = start + versionBytes + 1
  for (const last = at + 3; at < last; at++) {
    const digit = (buf[at] as number) - digitZero
    if (digit < 0 || digit > 9) return fields.refuse('status')
    status = status * 10 + digit
  }
  if (status < 100 || status > 599) return fields.refuse('status')
  // Some apps leave out the space when the reason is empty; clients accept both.
  if (buf[at] !== space && buf[at] !== cr) return fields.refuse('status')
  while (at < end && valueBytes[buf[at] as number] === 1) at++
  if (at + 1 >= end)
    return at - start > head.limits.requestLineBytesMax ? fields.refuse('status') : incomplete
  if (buf[at] !== cr || buf[at + 1] !== lf) return fields.refuse('status')
  head.status = status
  head.isHttp10 = minor === 0
  return at + 2
}

function readFields(buf: Buffer, head: ResponseHead): boolean {
  const { fields } = head
  head.contentLength = -1
  head.isChunked = false
  head.upgrade = ''
  let connection = ''
  for (let n = 0; n < fields.count; n++) {
    switch ((fields.nameEnd[n] as number) - (fields.nameStart[n] as number)) {
      case 7:
        if (isNamed(buf, fields, n, 'upgrade')) {
          head.upgrade = fieldValue(buf, fields, n)
          fields.isDropped[n] = 1
        }
        break
      case 10:
        if (isNamed(buf, fields, n, 'connection')) {
          connection =
            connection === '' ? fieldValue(buf, fields, n) : `${connection},${fieldValue(buf, fields, n)}`
          fields.isDropped[n] = 1
        } else if (isNamed(buf, fields, n, 'keep-alive')) fields.isDropped[n] = 1
        break
      case 14:
        if (!isNamed(buf, fields, n, 'content-length')) break
        if (head.contentLength >= 0) return refuse(head, 'multiple-content-lengths')
        head.contentLength = lengthValue(buf, fields, n)
        if (head.contentLength < 0) return refuse(head, 'content-length')
        break
      case 16:
        if (isNamed(buf, fields, n, 'proxy-connection')) fields.isDropped[n] = 1
        break
      case 17:
        if (!isNamed(buf, fields, n, 'transfer-encoding')) break
        if (head.isChunked || fieldValue(buf, fields, n).toLowerCase() !== 'chunked')
          return refuse(head, 'transfer-encoding')
        head.isChunked = true
        break
      default:
    }
  }
  return finishFields(buf, head, connection.toLowerCase())
}

function finishFields(buf: Buffer, head: ResponseHead, options: string): boolean {
  if (head.isChunked && head.contentLength >= 0) return refuse(head, 'length-and-transfer-encoding')
  if (head.isChunked && head.isHttp10) return refuse(head, 'transfer-encoding')
  head.isKeptAlive = !head.isHttp10
  if (options !== '' && options !== 'keep-alive') {
    if (!dropNamedByConnection(buf, head.fields, options)) return refuse(head, 'connection')
    if (hasOption(options, 'close')) head.isKeptAlive = false
  }
  if (head.status === 101 && head.upgrade === '') return refuse(head, 'upgrade')
  if (head.status < 200 || head.status === 204) dropNamed(buf, head.fields, framingNames)
  // Its length is that of what the client has already.
  else if (head.status === 304) dropNamed(buf, head.fields, ['transfer-encoding'])
  head.framing = head.isChunked ? 'chunked' : head.contentLength >= 0 ? 'length' : 'close'
  return true
}

function dropNamed(buf: Buffer, fields: HeaderFields, names: readonly string[]): void {
  for (let n = 0; n < fields.count; n++)
    if (names.some((name) => isNamed(buf, fields, n, name))) fields.isDropped[n] = 1
}

function refuse(head: ResponseHead, problem: string): false {
  head.fields.problem = problem
  return false
}

/** What announces a body. Where there is none some clients wait for it all the same (RFC 9110 § 8.6, RFC 9112 § 6.1). */
const framingNames = ['content-length', 'transfer-encoding']
const version = 'HTTP/1.'
const versionBytes = 8
const digitZero = 48
/** `HTTP/1.1 200` and its CRLF. */
const statusLineBytesMin = 14
