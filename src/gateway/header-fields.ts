/**
 * The strict scan of header lines that requests, responses and nothing else go through. It accepts only what every
 * peer reads the same way; each refusal is a known way to smuggle a request past a proxy (RFC 9112 § 11.2).
 */

/** Returned instead of an offset: the head goes on in bytes that have not come yet. */
export const incomplete = 0
/** Returned instead of an offset: `problem` of the record says why. */
export const refused = -1

/** Offsets of the header lines of one head, reused for every head: nothing is allocated per line. */
export class HeaderFields {
  readonly max: number
  count = 0
  problem = ''
  readonly nameStart: Int32Array
  readonly nameEnd: Int32Array
  readonly valueStart: Int32Array
  readonly valueEnd: Int32Array
  /** Behind the CRLF. */
  readonly lineEnd: Int32Array
  /** 1: the line is not forwarded. */
  readonly isDropped: Uint8Array

  constructor(max: number) {
    this.max = max
    this.nameStart = new Int32Array(max)
    this.nameEnd = new Int32Array(max)
    this.valueStart = new Int32Array(max)
    this.valueEnd = new Int32Array(max)
    this.lineEnd = new Int32Array(max)
    this.isDropped = new Uint8Array(max)
  }

  refuse(problem: string): typeof refused {
    this.problem = problem
    return refused
  }
}

/** Scans from the first header line to behind the empty line; gives that offset, `incomplete` or `refused`. */
export function scanHeaderFields(buf: Buffer, start: number, fields: HeaderFields): number {
  const end = buf.length
  let at = start
  fields.count = 0
  for (;;) {
    if (at >= end) return incomplete
    if (buf[at] === cr) {
      if (at + 1 >= end) return incomplete
      return buf[at + 1] === lf ? at + 2 : fields.refuse('bare-cr')
    }
    const n = fields.count
    if (n === fields.max) return fields.refuse('too-many-headers')
    const nameStart = at
    while (at < end && tokenBytes[buf[at] as number] === 1) at++
    if (at >= end) return incomplete
    if (at === nameStart || buf[at] !== colon) return fields.refuse(nameProblem(buf[at], at === nameStart))
    fields.nameStart[n] = nameStart
    fields.nameEnd[n] = at++
    while (at < end && (buf[at] === space || buf[at] === tab)) at++
    const valueStart = at
    while (at < end && valueBytes[buf[at] as number] === 1) at++
    if (at >= end) return incomplete
    if (buf[at] !== cr) return fields.refuse(buf[at] === lf ? 'bare-lf' : 'header-value')
    if (at + 1 >= end) return incomplete
    if (buf[at + 1] !== lf) return fields.refuse('bare-cr')
    let valueEnd = at
    while (valueEnd > valueStart && (buf[valueEnd - 1] === space || buf[valueEnd - 1] === tab)) valueEnd--
    fields.valueStart[n] = valueStart
    fields.valueEnd[n] = valueEnd
    at += 2
    fields.lineEnd[n] = at
    fields.isDropped[n] = 0
    fields.count = n + 1
  }
}

function nameProblem(byte: number | undefined, isEmpty: boolean): string {
  if (byte === lf) return 'bare-lf'
  if (byte === space || byte === tab) return isEmpty ? 'obs-fold' : 'space-before-colon'
  return 'header-name'
}

/** Whether the name of line `n` is `name`, which is given in lower case. */
export function isNamed(buf: Buffer, fields: HeaderFields, n: number, name: string): boolean {
  const start = fields.nameStart[n] as number
  return (fields.nameEnd[n] as number) - start === name.length && startsWithName(buf, start, name)
}

/** Whether the bytes at `start` are `name` in any case. Only for names of letters, digits and dashes. */
export function startsWithName(buf: Buffer, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const byte = buf[start + i] as number
    const lower = byte >= 65 && byte <= 90 ? byte | 32 : byte
    if (lower !== name.charCodeAt(i)) return false
  }
  return true
}

/** As `startsWithName`, where an underscore is as good as a dash: CGI and what comes from it make no difference between the two. */
export function startsAlike(buf: Buffer, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const byte = buf[start + i] as number
    const lower = byte >= 65 && byte <= 90 ? byte | 32 : byte === underscore ? dash : byte
    if (lower !== name.charCodeAt(i)) return false
  }
  return true
}

/** Whether line `n` would be taken for `name` by those who make no difference between dashes and underscores. */
export const isAlike = (buf: Buffer, fields: HeaderFields, n: number, name: string): boolean =>
  (fields.nameEnd[n] as number) - (fields.nameStart[n] as number) === name.length &&
  startsAlike(buf, fields.nameStart[n] as number, name)

export function hasUnderscore(buf: Buffer, fields: HeaderFields, n: number): boolean {
  for (let at = fields.nameStart[n] as number; at < (fields.nameEnd[n] as number); at++)
    if (buf[at] === underscore) return true
  return false
}

export function fieldValue(buf: Buffer, fields: HeaderFields, n: number): string {
  return buf.toString('latin1', fields.valueStart[n], fields.valueEnd[n])
}

/**
 * The value of a Content-Length line, or -1 when it is anything but digits. Lists, signs and blanks are refused;
 * fifteen digits stay an exact number.
 */
export function lengthValue(buf: Buffer, fields: HeaderFields, n: number): number {
  const start = fields.valueStart[n] as number
  const end = fields.valueEnd[n] as number
  if (end === start || end - start > 15) return -1
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = (buf[i] as number) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** The bytes of `range` less the dropped lines in it, one character per byte. */
export function keptText(buf: Buffer, range: { start: number; end: number }, fields: HeaderFields): string {
  let text = ''
  let from = range.start
  for (let n = 0; n < fields.count; n++) {
    if (fields.isDropped[n] === 0) continue
    const lineStart = fields.nameStart[n] as number
    if (lineStart > from) text += buf.toString('latin1', from, lineStart)
    from = fields.lineEnd[n] as number
  }
  return range.end > from ? text + buf.toString('latin1', from, range.end) : text
}

/** Lines that frame the message or route it. A `Connection` that names one would unframe it behind our back. */
const neverHop = new Set(['content-length', 'transfer-encoding', 'host'])

/** Drops the lines that the `Connection` options name. False: they name a line that frames the message. */
export function dropNamedByConnection(buf: Buffer, fields: HeaderFields, options: string): boolean {
  for (const option of options.toLowerCase().split(',')) {
    const name = option.trim()
    if (name === '' || name === 'close' || name === 'keep-alive' || name === 'upgrade') continue
    if (neverHop.has(name)) return false
    for (let n = 0; n < fields.count; n++) if (isNamed(buf, fields, n, name)) fields.isDropped[n] = 1
  }
  return true
}

const dash = 45
const underscore = 95
export const tab = 9
export const lf = 10
export const cr = 13
export const space = 32
export const colon = 58

const byteTable = (has: (byte: number) => boolean): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) => (has(byte) ? 1 : 0))

const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/
export const tokenBytes = byteTable((byte) => tokenPattern.test(String.fromCharCode(byte)))
/** Field values: no control character but the tab; bytes above 127 pass as they are. */
export const valueBytes = byteTable((byte) => byte === tab || (byte >= space && byte !== 127))
/** Request targets: printable ASCII but the fragment mark, which never goes over the wire. */
export const targetBytes = byteTable((byte) => byte > space && byte < 127 && byte !== 35)
