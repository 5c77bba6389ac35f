/**
 * Which path a request is routed by. The rule: a path is forwarded exactly as it was sent, and routed by the form
 * that every reasonable app will read it as. So `%61` counts as `a` (RFC 3986 § 6.2.2.2: the two are the same
 * path), and a path that an app might rewrite into another one is refused, because it would be routed by a prefix
 * that the app never sees: dot segments, also when hidden behind `%2e`, `%2f`, a backslash or a `;parameter`.
 * What is encoded twice is passed on: an app that decodes twice is broken by itself.
 */
export function routingPath(path: string): string | undefined {
  if (!path.includes('%') && !path.includes('\\') && !path.includes('/.')) return path
  if (badEscape.test(path)) return undefined
  if (dotSegment.test(path)) return undefined
  return normalPath(path)
}

/** A path with the escapes of unreserved characters decoded: the form in which routes are kept and compared. */
export function normalPath(path: string): string {
  return path.replace(escape, (whole, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16))
    return unreserved.test(char) ? char : whole
  })
}

const escape = /%([0-9a-f]{2})/gi
const unreserved = /[a-z0-9._~-]/i
/** A percent sign without two hex digits, and NUL, which cuts strings short in some apps. */
const badEscape = /%(?![0-9a-f]{2})|%00/i
const dotSegment = /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?=[/\\;]|%2f|%5c|%3b|$)/i
