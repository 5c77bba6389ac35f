import {
  cr,
  dropNamedByConnection,
  fieldValue,
  hasUnderscore,
  HeaderFields,
  incomplete,
  isAlike,
  isNamed,
  keptText,
  lengthValue,
  lf,
  refused,
  scanHeaderFields,
  space,
  startsAlike,
  startsWithName,
  targetBytes,
  tokenBytes,
} from './header-fields.ts'
import type { Limits } from './limits.ts'
import { routingPath } from './request-path.ts'

/**
 * One request head, read from bytes. The record is filled anew for each head and holds what the gateway decides by;
 * `forwarded` is the head as it goes upstream, copied from the bytes with the hop-by-hop lines left out and
 * without the closing empty line, so that the gateway's own lines can follow.
 */
export class RequestHead {
  readonly fields: HeaderFields
  readonly limits: Limits
  readonly trustForwarded: boolean
  method = ''
  /** As `RouteTable.match` takes it. */
  path = ''
  /** The Host header as sent, and the same in lower case without port and trailing dot. '' when HTTP/1.0 sent none. */
  authority = ''
  host = ''
  isHttp10 = false
  /** The client wants the connection to stay open. */
  isKeptAlive = true
  isChunked = false
  /** -1 when not given. */
  contentLength = -1
  /** The protocol asked for by an upgrade that is to be forwarded, else ''. */
  upgrade = ''
  /** The client prefers errors as JSON. */
  acceptsJson = false
  hasForwardedHost = false
  hasForwardedProto = false
  forwarded = ''
  /** Scratch of the reader. */
  targetAuthority = ''
  pathStart = 0
  acceptLine = -1
  /** The valid Host header read last: most requests repeat it. Undefined: none yet. */
  lastAuthority: string | undefined
  lastHost = ''

  constructor(limits: Limits, trustForwarded: boolean) {
    this.limits = limits
    this.trustForwarded = trustForwarded
    this.fields = new HeaderFields(limits.headersMax)
  }

  /** Why the last `readRequestHead` refused: the part behind `bad-request:`. */
  get problem(): string {
    return this.fields.problem
  }
}

/** Reads a head at the start of `buf`: gives the offset behind it, `incomplete`, or `refused` with `head.problem` set. */
export function readRequestHead(buf: Buffer, head: RequestHead): number {
  if (buf.length === 1 && buf[0] === cr) return incomplete
  const start = buf[0] === cr && buf[1] === lf ? 2 : 0 // RFC 9112 § 2.2: one empty line before a request is ignored
  const linesStart = readRequestLine(buf, start, head)
  if (linesStart <= 0) return linesStart
  const end = scanHeaderFields(buf, linesStart, head.fields)
  if (end === refused) return refused
  if (end === incomplete || end - start > head.limits.headBytesMax)
    return buf.length - start > head.limits.headBytesMax ? head.fields.refuse('head-too-long') : incomplete
  if (!readFields(buf, head)) return refused
  head.forwarded = keptRequest(buf, { start, end: end - 2 }, head)
  return end
}

/** Only a request line of the plain form `METHOD /path HTTP/1.x`, or with `http://authority` before the path. */
function readRequestLine(buf: Buffer, start: number, head: RequestHead): number {
  const end = buf.length
  const { fields } = head
  let at = start
  while (at < end && tokenBytes[buf[at] as number] === 1) at++
  if (at - start > methodBytesMax) return fields.refuse('method')
  if (at >= end) return incomplete
  if (at === start || buf[at] !== space) return fields.refuse('method')
  head.method = methodName(buf, start, at)
  // Both would give a client more than a request: a tunnel, or what the hops in between added.
  if (head.method === 'CONNECT' || head.method === 'TRACE') return fields.refuse('method')
  const targetStart = ++at
  while (at < end && targetBytes[buf[at] as number] === 1) at++
  if (at - start > head.limits.requestLineBytesMax) return fields.refuse('request-line-too-long')
  if (at >= end) return incomplete
  if (buf[at] !== space || at === targetStart) return fields.refuse('target')
  const versionStart = at + 1
  for (let i = 0; i < versionAndEnd.length; i++) {
    if (versionStart + i >= end) return incomplete
    const byte = buf[versionStart + i]
    if (byte === versionAndEnd.charCodeAt(i) || (i === minorAt && byte === digitZero)) continue
    return fields.refuse(byte === lf ? 'bare-lf' : 'version')
  }
  head.isHttp10 = buf[versionStart + minorAt] === digitZero
  return readTarget(buf, targetStart, at, head) ? versionStart + versionAndEnd.length : refused
}

/** Sets `path` and where the origin form begins; an absolute target keeps its authority for the comparison with Host. */
function readTarget(buf: Buffer, start: number, end: number, head: RequestHead): boolean {
  let pathStart = start
  head.targetAuthority = ''
  if (buf[start] !== slash) {
    if (!startsWithName(buf, start, absolutePrefix)) return refuse(head, 'target')
    const authorityStart = start + absolutePrefix.length
    pathStart = buf.indexOf('/', authorityStart)
    if (pathStart < 0 || pathStart >= end) return refuse(head, 'target')
    head.targetAuthority = buf.toString('latin1', authorityStart, pathStart)
    if (head.targetAuthority === '') return refuse(head, 'target')
  }
  head.pathStart = pathStart
  let pathEnd = pathStart
  while (pathEnd < end && buf[pathEnd] !== questionMark) pathEnd++
  const path = routingPath(pathEnd === pathStart + 1 ? '/' : buf.toString('latin1', pathStart, pathEnd))
  if (path === undefined) return refuse(head, 'path')
  head.path = path
  return true
}

function methodName(buf: Buffer, start: number, end: number): string {
  // A comparison of bytes is cheaper than a new string for nearly every request.
  if (end - start === 3 && buf[start] === 71 && buf[start + 1] === 69 && buf[start + 2] === 84) return 'GET'
  return buf.toString('latin1', start, end)
}

/** Walks the header lines once: takes out what frames and routes the message, marks what stays on this hop. */
function readFields(buf: Buffer, head: RequestHead): boolean {
  const { fields } = head
  resetFields(head)
  let connection = ''
  for (let n = 0; n < fields.count; n++) {
    const length = (fields.nameEnd[n] as number) - (fields.nameStart[n] as number)
    switch (length) {
      case 2:
        if (isNamed(buf, fields, n, 'te')) fields.isDropped[n] = 1
        break
      case 4:
        if (isNamed(buf, fields, n, 'host') && !readHost(buf, n, head)) return false
        break
      case 6:
        if (isNamed(buf, fields, n, 'accept')) head.acceptLine = n
        break
      case 7:
        readUpgrade(buf, n, head)
        break
      case 10:
        if (isNamed(buf, fields, n, 'connection')) {
          connection =
            connection === '' ? fieldValue(buf, fields, n) : `${connection},${fieldValue(buf, fields, n)}`
          fields.isDropped[n] = 1
        } else if (isNamed(buf, fields, n, 'keep-alive')) fields.isDropped[n] = 1
        break
      case 14:
        if (isAlike(buf, fields, n, 'content-length') && !readLength(buf, n, head)) return false
        if (isNamed(buf, fields, n, 'http2-settings')) fields.isDropped[n] = 1
        break
      case 16:
        if (isNamed(buf, fields, n, 'proxy-connection')) fields.isDropped[n] = 1
        break
      case 17:
        if (isAlike(buf, fields, n, 'transfer-encoding') && !readCoding(buf, n, head)) return false
        break
      default:
    }
    if (length >= 9) readForwardedLine(buf, n, head)
  }
  return finishFields(buf, head, connection)
}

function resetFields(head: RequestHead): void {
  head.authority = ''
  head.host = ''
  head.isKeptAlive = !head.isHttp10
  head.isChunked = false
  head.contentLength = -1
  head.upgrade = ''
  head.acceptLine = -1
  head.acceptsJson = false
  head.hasForwardedHost = false
  head.hasForwardedProto = false
}

function refuse(head: RequestHead, problem: string): false {
  head.fields.problem = problem
  return false
}

function readHost(buf: Buffer, n: number, head: RequestHead): boolean {
  if (head.authority !== '') return refuse(head, 'multiple-hosts')
  const value = fieldValue(buf, head.fields, n)
  if (value !== head.lastAuthority) {
    const host = hostOf(value)
    if (host === undefined) return refuse(head, 'host')
    head.lastAuthority = value
    head.lastHost = host
  }
  head.authority = value
  head.host = head.lastHost
  return true
}

/** The name in lower case without port and trailing dot; undefined when it is no host name or address. */
function hostOf(authority: string): string | undefined {
  if (authority.length > hostBytesMax) return undefined
  const match = authorityPattern.exec(authority)
  if (!match) return undefined
  const host = (match[1] ?? '').toLowerCase()
  return host.endsWith('.') ? host.slice(0, -1) : host
}

function readLength(buf: Buffer, n: number, head: RequestHead): boolean {
  if (hasUnderscore(buf, head.fields, n)) return refuse(head, 'content-length')
  // Also two equal lengths are refused: RFC 9112 § 6.3 lets a recipient do so, and no sane client sends them.
  if (head.contentLength >= 0) return refuse(head, 'multiple-content-lengths')
  head.contentLength = lengthValue(buf, head.fields, n)
  return head.contentLength >= 0 || refuse(head, 'content-length')
}

function readCoding(buf: Buffer, n: number, head: RequestHead): boolean {
  if (head.isChunked || hasUnderscore(buf, head.fields, n)) return refuse(head, 'transfer-encoding')
  head.isChunked = fieldValue(buf, head.fields, n).toLowerCase() === 'chunked'
  return head.isChunked || refuse(head, 'transfer-encoding')
}

function readUpgrade(buf: Buffer, n: number, head: RequestHead): void {
  if (isNamed(buf, head.fields, n, 'upgrade')) {
    const value = fieldValue(buf, head.fields, n)
    head.upgrade = head.upgrade === '' ? value : `${head.upgrade},${value}`
    head.fields.isDropped[n] = 1
  }
}

/**
 * What a client says about hops before this one is dropped unless it is a proxy that we trust. That one writes dashes: what has
 * underscores, which some apps read as the same, it has only passed on.
 */
function readForwardedLine(buf: Buffer, n: number, head: RequestHead): void {
  const { fields } = head
  const start = fields.nameStart[n] as number
  if (((buf[start] as number) | 32) === letterX) {
    if (!startsAlike(buf, start, 'x-forwarded-') && !isAlike(buf, fields, n, 'x-real-ip')) return
    if (!head.trustForwarded || hasUnderscore(buf, fields, n)) fields.isDropped[n] = 1
    else if (isNamed(buf, fields, n, 'x-forwarded-host')) head.hasForwardedHost = true
    else if (isNamed(buf, fields, n, 'x-forwarded-proto')) head.hasForwardedProto = true
  } else if (!head.trustForwarded && isNamed(buf, fields, n, 'forwarded')) fields.isDropped[n] = 1
}

/** The rules that need more than one line. */
function finishFields(buf: Buffer, head: RequestHead, connection: string): boolean {
  if (head.isChunked && head.contentLength >= 0) return refuse(head, 'length-and-transfer-encoding')
  if (head.isChunked && head.isHttp10) return refuse(head, 'transfer-encoding')
  if (head.authority === '' && !head.isHttp10) return refuse(head, 'host')
  if (head.targetAuthority !== '' && head.targetAuthority.toLowerCase() !== head.authority.toLowerCase())
    return refuse(head, 'target-and-host-differ')
  const options = connection.toLowerCase()
  if (options !== '' && options !== 'keep-alive') {
    if (!dropNamedByConnection(buf, head.fields, options)) return refuse(head, 'connection')
    if (hasOption(options, 'close')) head.isKeptAlive = false
  }
  // An upgrade to HTTP/2 would open a second, unchecked way into the app; with a body, framing would be ambiguous.
  const isUpgrade = head.upgrade !== '' && !head.isHttp10 && hasOption(options, 'upgrade')
  const hasBody = head.isChunked || head.contentLength > 0
  if (!isUpgrade || hasBody || head.upgrade.toLowerCase().includes('h2c')) head.upgrade = ''
  if (head.isHttp10) dropExpect(buf, head.fields)
  if (head.acceptLine >= 0) head.acceptsJson = fieldValue(buf, head.fields, head.acceptLine).includes('json')
  return true
}

/** HTTP/1.0 knows no interim answers, so its `Expect` is dropped (RFC 9110 § 10.1.1). */
function dropExpect(buf: Buffer, fields: HeaderFields): void {
  for (let n = 0; n < fields.count; n++) if (isNamed(buf, fields, n, 'expect')) fields.isDropped[n] = 1
}

export const hasOption = (options: string, option: string): boolean =>
  options === option || options.split(',').some((part) => part.trim() === option)

/** The head verbatim where it can be; an absolute target and the path of an upgrade need their own lines. */
function keptRequest(buf: Buffer, range: { start: number; end: number }, head: RequestHead): string {
  const { targetAuthority, upgrade } = head
  let text =
    targetAuthority === ''
      ? keptText(buf, range, head.fields)
      : `${head.method} ${keptText(buf, { start: head.pathStart, end: range.end }, head.fields)}`
  if (upgrade !== '') text += `Connection: upgrade\r\nUpgrade: ${upgrade}\r\n`
  else if (head.isHttp10) text += 'Connection: close\r\n'
  return text
}

/** What the client asked for, said to the app; a trusted proxy in front of us has said it already. */
export function forwardedLines(head: RequestHead, scheme: string): string {
  const proto = head.hasForwardedProto ? '' : `X-Forwarded-Proto: ${scheme}\r\n`
  return head.hasForwardedHost || head.authority === ''
    ? proto
    : `${proto}X-Forwarded-Host: ${head.authority}\r\n`
}

/** Longer than any registered method. */
const methodBytesMax = 32
/** A DNS name has at most 253 bytes; a port and a dot come on top. */
const hostBytesMax = 262
const versionAndEnd = 'HTTP/1.1\r\n'
const minorAt = 7
const digitZero = 48
const questionMark = 63
const slash = 47
const letterX = 120
const absolutePrefix = 'http://'
const authorityPattern = /^([a-z0-9_](?:[a-z0-9._-]*)|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?$/i
